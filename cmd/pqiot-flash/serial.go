package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"go.bug.st/serial"

	"pqiot/extcap"
)

// systemClock is the real time.
type systemClock struct{}

func (systemClock) Now() time.Time        { return time.Now() }
func (systemClock) Sleep(d time.Duration) { time.Sleep(d) }

// errStuck: the port takes no bytes.
var errStuck = errors.New("the port takes no more bytes")

// errNotSerial: the path leads to something else.
var errNotSerial = errors.New("not a serial port")

// stuckTime is how long a write may take beyond its time on the line.
const stuckTime = 2 * time.Second

// serialPort makes a flash.Port of a serial.Port.
type serialPort struct {
	serial.Port
	lock io.Closer // keeps other programs of ours away
	baud int
	once sync.Once
}

func dialSerial(path string, baud int) (port, error) {
	lock, err := extcap.LockPort(path)
	if err != nil {
		return nil, err
	}
	p, err := serial.Open(path, &serial.Mode{BaudRate: baud})
	if err != nil {
		lock.Close()
		return nil, explainOpen(path, err)
	}
	return &serialPort{Port: p, lock: lock, baud: baud}, nil
}

// explainOpen says what to do about a port that does not open.
func explainOpen(path string, err error) error {
	var pe *serial.PortError
	if !errors.As(err, &pe) {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	switch pe.Code() {
	case serial.PortBusy:
		return fmt.Errorf("%s: another program uses it: close it and try again", path)
	case serial.PermissionDenied:
		return fmt.Errorf("%s: permission denied: add yourself to the group that owns it (often dialout or uucp) and log in again", path)
	case serial.InvalidSerialPort:
		return fmt.Errorf("%s: %w", path, errNotSerial)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Close may be called at any time and more than once.
func (s *serialPort) Close() (err error) {
	s.once.Do(func() { err = errors.Join(s.Port.Close(), s.lock.Close()) })
	return err
}

// bounded runs f, and gives up on it when it takes much too long: a write to a
// device that nobody reads would wait for ever.
func (s *serialPort) bounded(bytes int, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	limit := time.NewTimer(stuckTime + time.Duration(bytes)*10*time.Second/time.Duration(s.baud))
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return errStuck
	}
}

// Write writes all of b.
func (s *serialPort) Write(b []byte) (int, error) {
	err := s.bounded(len(b), func() error {
		for rest := b; len(rest) > 0; {
			n, err := s.Port.Write(rest)
			if err != nil && !errors.Is(err, syscall.EINTR) {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// SetBaud waits until everything is sent and changes the rate.
func (s *serialPort) SetBaud(baud int) error {
	if err := s.bounded(4096, s.Drain); err != nil {
		return err
	}
	s.baud = baud
	return s.SetMode(&serial.Mode{BaudRate: baud})
}

// SetLines sets the modem lines; a pseudo-terminal has none.
func (s *serialPort) SetLines(dtr, rts bool) error {
	if err := s.SetDTR(dtr); err != nil && !errors.Is(err, syscall.ENOTTY) {
		return err
	}
	if err := s.SetRTS(rts); err != nil && !errors.Is(err, syscall.ENOTTY) {
		return err
	}
	return nil
}
