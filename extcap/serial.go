package extcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

// A Line is an open serial line. Read may return (0, nil) on a time-out.
type Line interface {
	io.ReadWriteCloser
	SetBaud(int) error // bit/s
}

// Errors that a dial function gives, beside those of package io/fs.
var (
	ErrNotSerial = errors.New("not a serial port")
	ErrBaud      = errors.New("the port cannot do this line rate")
)

// PortOpener opens the board on a serial port, for this process alone. After
// a first success it finds the board again by where it is plugged in: the
// system may give it another name. It is not safe for concurrent use.
type PortOpener struct {
	Port  string                                    // path, or DefaultPort for the only board
	Baud  int                                       // bit/s
	Ports func() ([]Port, error)                    // ports, found without opening one
	Lock  func(path string) (io.Closer, error)      // LockPort
	Dial  func(path string, baud int) (Line, error) // opens a port

	opened  bool   // Open has succeeded before
	usbPath string // where that board is plugged in, if known
}

// Open opens the port. Before the first success its errors are for a person;
// after it all of them are ErrGone, as a board that was plugged in again is
// not at once accessible.
func (o *PortOpener) Open(context.Context) (Board, error) {
	b, err := o.open()
	if err != nil && o.opened && !errors.Is(err, ErrGone) {
		return nil, fmt.Errorf("%w: %w", ErrGone, err)
	}
	o.opened = o.opened || err == nil
	return b, err
}

func (o *PortOpener) open() (Board, error) {
	port, err := o.find()
	if err != nil {
		return nil, err
	}
	lock, err := o.Lock(port.Path)
	if err != nil {
		return nil, o.explain(port.Path, err)
	}
	line, err := o.Dial(port.Path, o.Baud)
	if err != nil {
		lock.Close()
		return nil, o.explain(port.Path, err)
	}
	o.usbPath = port.USBPath
	return &portBoard{line, lock, port.Path}, nil
}

// find chooses the port.
func (o *PortOpener) find() (Port, error) {
	ports, err := o.Ports()
	if err != nil && (o.Port == DefaultPort || o.usbPath != "") {
		return Port{}, fmt.Errorf("serial ports cannot be listed: %w", err)
	}
	switch {
	case o.usbPath != "":
		for _, p := range ports {
			if p.USBPath == o.usbPath {
				return p, nil
			}
		}
		return Port{}, fmt.Errorf("no board at USB %s: %w", o.usbPath, ErrGone)
	case o.Port == DefaultPort:
		return onlyBoard(ports)
	}
	real, err := filepath.EvalSymlinks(o.Port)
	if err != nil {
		real = o.Port // Dial says what is wrong
	}
	for _, p := range ports {
		if p.Path == real {
			p.Path = o.Port
			return p, nil
		}
	}
	return Port{Path: o.Port}, nil
}

// onlyBoard is the port of the board, where there is one only.
func onlyBoard(ports []Port) (Port, error) {
	var boards []Port
	var names []string
	for _, p := range ports {
		if p.Board() {
			boards = append(boards, p)
			names = append(names, p.describe())
		}
	}
	switch len(boards) {
	case 0:
		return Port{}, fmt.Errorf("%w: no PineCone found (a USB serial port with a CH340, %04x:%04x); "+
			"plug it in, or name its port with --port", ErrGone, ch340Vendor, ch340Product)
	case 1:
		return boards[0], nil
	}
	return Port{}, fmt.Errorf("%d boards found: %s; choose the sniffer's with --port", len(boards), strings.Join(names, ", "))
}

// explain says of an error what it means for the user of a port.
func (o *PortOpener) explain(path string, err error) error {
	switch {
	case errors.Is(err, ErrBusy):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w; plug the board in, or choose another port (pqiot-extcap doctor lists them)", path, ErrGone)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: no permission; %s", path, permissionAdvice(path))
	case errors.Is(err, ErrBaud):
		return fmt.Errorf("--baud %d: %w", o.Baud, err)
	case gone(err):
		return fmt.Errorf("%s: %w; the board was unplugged", path, ErrGone)
	}
	return fmt.Errorf("%s: %w", path, bare(err))
}

// portBoard is a board on a serial port.
type portBoard struct {
	Line
	lock io.Closer
	path string
}

func (b *portBoard) Name() string { return b.path }

func (b *portBoard) Close() error { return errors.Join(b.Line.Close(), b.lock.Close()) }
