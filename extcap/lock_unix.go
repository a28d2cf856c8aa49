//go:build unix && !linux

package extcap

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// LockPort takes a serial port for this process by an flock on the device,
// or says in a BusyError that another has it.
func LockPort(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		if pe, ok := err.(*os.PathError); ok && pe.Err == unix.EBUSY {
			return nil, BusyError{Port: path}
		}
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if err != unix.EWOULDBLOCK {
			return nil, &os.PathError{Op: "lock", Path: path, Err: err}
		}
		return nil, BusyError{Port: path}
	}
	return f, nil
}

// Holders would list the processes that have a port open; this system does
// not tell.
func Holders(string) []Process { return nil }
