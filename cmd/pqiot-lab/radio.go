package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"pqiot/firmware/lab/air"
	"pqiot/wire"
)

// radio is what the sniffer board hears: the socket that its simulated radio
// reads (firmware/port/posix/radio.c).
type radio struct {
	dir  string
	l    *net.UnixListener
	conn net.Conn
	w    *bufio.Writer
	live bool // frames bear no time: the board's clock does
	buf  []byte
}

func newRadio(live bool) (*radio, error) {
	dir, err := os.MkdirTemp("", "pqiot-lab-")
	if err != nil {
		return nil, err
	}
	r := &radio{dir: dir, live: live}
	r.l, err = net.ListenUnix("unix", &net.UnixAddr{Name: r.path(), Net: "unix"})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return r, nil
}

func (r *radio) path() string { return filepath.Join(r.dir, "air") }

// accept waits for the sniffer to tune in.
func (r *radio) accept() error {
	if err := r.l.SetDeadline(time.Now().Add(endWait)); err != nil {
		return err
	}
	conn, err := r.l.Accept()
	if err != nil {
		return fmt.Errorf("the sniffer board does not tune in: %w", err)
	}
	r.conn, r.w = conn, bufio.NewWriterSize(conn, 64<<10)
	return nil
}

// frame lets the sniffer hear one. It waits until the board has room.
func (r *radio) frame(h air.Heard) error {
	if !r.live {
		h.Flags |= wire.FrameTSF
	}
	b := wire.AppendFrame(append(r.buf[:0], 0, 0), h.Frame)
	if !r.live {
		b = binary.LittleEndian.AppendUint64(b, h.Time)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)-2))
	r.buf = b
	_, err := r.w.Write(b)
	if err == nil && r.live {
		err = r.w.Flush()
	}
	if err != nil {
		return fmt.Errorf("the sniffer board has stopped listening: %w", err)
	}
	return nil
}

// silence ends it: nothing more will be heard.
func (r *radio) silence() error {
	if r.conn == nil {
		return nil
	}
	err := errors.Join(r.w.Flush(), r.conn.Close())
	r.conn = nil
	return err
}

func (r *radio) close() {
	r.silence()
	r.l.Close()
	os.RemoveAll(r.dir)
}
