package extcap

import "io"

// LockPort has nothing to do: Windows opens a serial port once.
func LockPort(string) (io.Closer, error) { return noLock{}, nil }

type noLock struct{}

func (noLock) Close() error { return nil }

// Holders would list the processes that have a port open; this system does
// not tell.
func Holders(string) []Process { return nil }
