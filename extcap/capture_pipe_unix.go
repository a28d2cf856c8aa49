//go:build unix

package extcap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// pipePoll is how often we look whether the other side of a named pipe came.
const pipePoll = 5 * time.Millisecond

// openFIFO opens where the pcapng goes. A named pipe is waited for until it
// has a reader or ctx ends; anything else is a plain file, made or emptied.
func openFIFO(ctx context.Context, path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode()&fs.ModeNamedPipe != 0:
		return openWriteEnd(ctx, path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
}

// openWriteEnd opens a named pipe for writing without ever blocking in the
// kernel, where no context reaches.
func openWriteEnd(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has no reader: %w", path, ctx.Err())
		case <-time.After(pipePoll):
		}
	}
}

// openControlIn opens the pipe that Wireshark writes to. Wireshark waits on its
// main thread for this, so it must not depend on anything. Opened for reading
// and writing the pipe never ends, and does not wait for Wireshark either.
func openControlIn(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
}

// readerGone reports whether a write failed because nobody reads any more.
func readerGone(err error) bool {
	return errors.Is(err, syscall.EPIPE)
}
