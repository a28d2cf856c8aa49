package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.bug.st/serial"

	"pqiot/extcap"
)

// readTimeout is how long a read waits for the first byte. It bounds nothing
// but how soon a reader can do something else: bytes that come are given at
// once.
const readTimeout = 100 * time.Millisecond

// line is a serial port, 8N1.
type line struct{ serial.Port }

// dial opens a serial port at a line rate in bit/s.
func dial(path string, baud int) (extcap.Line, error) {
	port, err := serial.Open(path, mode(baud))
	if err != nil {
		return nil, translate(path, err)
	}
	// What came before the rate was set is noise, or looks like a board that
	// talks at another rate than it does.
	if err := errors.Join(port.SetReadTimeout(readTimeout), port.ResetInputBuffer()); err != nil {
		port.Close()
		return nil, translate(path, err)
	}
	return line{port}, nil
}

// errHangUp is what a read of a port says whose board was unplugged.
var errHangUp = errors.New("the port hung up")

// Read gives (0, nil) if nothing comes within readTimeout.
func (l line) Read(p []byte) (int, error) {
	n, err := l.Port.Read(p)
	var pe *serial.PortError
	if errors.As(err, &pe) && pe.Code() == serial.PortClosed {
		err = errHangUp // the library's name for a read of nothing
	}
	return n, err
}

// SetBaud changes the line rate.
func (l line) SetBaud(baud int) error { return translate("", l.SetMode(mode(baud))) }

func mode(baud int) *serial.Mode {
	return &serial.Mode{BaudRate: baud, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}
}

// translate gives an error of the library the name that package extcap knows.
func translate(path string, err error) error {
	var pe *serial.PortError
	if !errors.As(err, &pe) {
		return err
	}
	switch pe.Code() {
	case serial.PortBusy:
		return extcap.BusyError{Port: path, Holders: extcap.Holders(path)}
	case serial.PortNotFound:
		return fs.ErrNotExist
	case serial.PermissionDenied:
		return fs.ErrPermission
	case serial.InvalidSpeed:
		return extcap.ErrBaud
	case serial.InvalidSerialPort:
		return fmt.Errorf("%w: %w", extcap.ErrNotSerial, err)
	}
	return err
}
