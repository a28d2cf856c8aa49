package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"pqiot/extcap"
	"pqiot/firmware/lab/sample"
)

// simulator starts the simulated board on the capture that ships with the
// project. Path is that of its program; empty if there is none.
type simulator struct{ path string }

// Open starts the board's process, with its serial line on stdin and stdout.
func (s simulator) Open(context.Context) (extcap.Board, error) {
	if s.path == "" {
		return nil, fmt.Errorf("%s is not there: it must lie beside pqiot-extcap or in PATH; "+
			"build it (make build), then type: pqiot-extcap install", extcap.SimulatorName)
	}
	capture, err := sampleFile()
	if err != nil {
		return nil, err
	}
	defer capture.Close()
	b := &simBoard{path: s.path, ended: make(chan struct{})}
	b.cmd = exec.Command(s.path, "--stdio", "--wait", "--loop", "/dev/fd/3")
	b.cmd.ExtraFiles = []*os.File{capture} // the child's descriptor 3
	b.cmd.Stderr = &b.said
	b.cmd.SysProcAttr = simAttributes()
	if err := b.start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", s.path, err)
	}
	return b, nil
}

// sampleFile gives the capture as a file without a name, of which nothing can
// be left over.
func sampleFile() (*os.File, error) {
	f, err := os.CreateTemp("", "pqiot-sample-*.pcapng")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(sample.Capture)
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// simBoard is a simulated board that runs.
type simBoard struct {
	path string
	cmd  *exec.Cmd
	to   *os.File // its UART's RX
	from *os.File // its UART's TX
	said tail     // what it wrote to stderr

	ended chan struct{} // closed once the process is gone
	once  sync.Once
}

// start runs the process.
func (b *simBoard) start() error {
	theirIn, to, err := os.Pipe()
	if err != nil {
		return err
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		return errors.Join(err, theirIn.Close(), to.Close())
	}
	b.cmd.Stdin, b.cmd.Stdout, b.to, b.from = theirIn, theirOut, to, from
	err = startTied(b.cmd, b.ended)
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		to.Close()
		from.Close()
	}
	return err
}

// Read gives (0, nil) when nothing comes for a while, as a serial port does.
func (b *simBoard) Read(p []byte) (int, error) {
	if err := b.from.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, nil
	}
	if said := b.said.String(); errors.Is(err, io.EOF) && said != "" {
		return n, fmt.Errorf("%s ended: %s", b.path, said)
	}
	return n, err
}

func (b *simBoard) Write(p []byte) (int, error) { return b.to.Write(p) }
func (b *simBoard) SetBaud(int) error           { return nil }
func (b *simBoard) Name() string                { return "the simulated board" }

// Close ends the process and waits for it.
func (b *simBoard) Close() error {
	b.once.Do(func() {
		b.cmd.Process.Kill()
		<-b.ended
		b.to.Close()
		b.from.Close()
	})
	return nil
}

// tail keeps the last bytes of what a program says.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 400 // bytes; Wireshark shows the first 1024 of an error

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = bytes.Clone(t.buf[max(0, len(t.buf)-tailSize):])
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
