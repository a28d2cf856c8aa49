//go:build !unix

package extcap

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
)

// Windows' ERROR_BROKEN_PIPE and ERROR_NO_DATA: the reader closed the pipe.
const (
	errBrokenPipe = syscall.Errno(109)
	errNoData     = syscall.Errno(232)
)

// openFIFO opens where the pcapng goes: the named pipe that Wireshark made, or
// a plain file, made or emptied.
func openFIFO(_ context.Context, path string) (*os.File, error) {
	if strings.HasPrefix(path, `\\.\pipe\`) {
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

func openWriteEnd(_ context.Context, path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY, 0)
}

// openControlIn opens the pipe that Wireshark writes to.
func openControlIn(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY, 0)
}

// readerGone reports whether a write failed because nobody reads any more.
func readerGone(err error) bool {
	return errors.Is(err, errBrokenPipe) || errors.Is(err, errNoData)
}
