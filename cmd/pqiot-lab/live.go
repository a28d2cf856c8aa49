package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"pqiot/firmware/lab"
	"pqiot/firmware/lab/air"
)

const (
	consoleQueue = 256 // pieces of text that wait for a reader; more are lost, as on a real line
	drainWait    = 3 * time.Second
)

// console is a board's text line as a pseudo-terminal.
type console struct {
	path        string
	master, tty *os.File // the second is kept so that the line stays up
	out         chan []byte
}

// newConsole makes one; what is typed on it goes to typed.
func newConsole(board string, typed chan<- lab.Typed) (*console, error) {
	master, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("no pseudo-terminal for the %s board: %w", board, err)
	}
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		master.Close()
		tty.Close()
		return nil, fmt.Errorf("pseudo-terminal %s: %w", tty.Name(), err)
	}
	c := &console{path: tty.Name(), master: master, tty: tty, out: make(chan []byte, consoleQueue)}
	go func() {
		for b := range c.out {
			if _, err := master.Write(b); err != nil {
				return
			}
		}
	}()
	go func() {
		for {
			buf := make([]byte, 256)
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			typed <- lab.Typed{Board: board, Text: buf[:n]}
		}
	}()
	return c, nil
}

// print gives text to whoever reads the line.
func (c *console) print(b []byte) {
	select {
	case c.out <- append([]byte{}, b...):
	default:
	}
}

func (c *console) close() {
	close(c.out)
	c.master.Close()
	c.tty.Close()
}

// openConsoles makes the pseudo-terminals of gateway and sender.
func (s *studio) openConsoles() (chan lab.Typed, error) {
	typed := make(chan lab.Typed, consoleQueue)
	s.ttys = map[string]*console{}
	for _, name := range []string{lab.GatewayName, lab.SenderName} {
		c, err := newConsole(name, typed)
		if err != nil {
			s.closeConsoles()
			return nil, err
		}
		s.ttys[name] = c
	}
	return typed, nil
}

func (s *studio) closeConsoles() {
	for _, c := range s.ttys {
		c.close()
	}
}

// startSniffer starts the sniffer on a pseudo-terminal and returns its path.
func (s *studio) startSniffer() (*program, string, error) {
	out, stdout, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	p, err := start(snifferProgram, stdout, nil, "--radio-socket", s.radio.path(), "--speed", "max", "--name", "simulated PineCone")
	if err != nil {
		out.Close()
		return nil, "", err
	}
	path, err := firstLine(out)
	if err == nil {
		err = s.radio.accept()
	}
	if err != nil {
		p.stop()
		return nil, "", errors.Join(err, p.wait())
	}
	return p, path, nil
}

// recordLive captures in real time, each board on a pseudo-terminal.
func (s *studio) recordLive(ctx context.Context, c lab.Config, out io.Writer) (r lab.Result, err error) {
	if c.Typed, err = s.openConsoles(); err != nil {
		return r, err
	}
	defer s.closeConsoles()
	sniffer, path, err := s.startSniffer()
	if err != nil {
		return r, err
	}
	defer sniffer.stop()
	capture, fifo, err := os.Pipe()
	if err != nil {
		return r, err
	}
	defer capture.Close()
	wireshark, err := start(extcapProgram, nil, []*os.File{fifo}, "--capture", "--extcap-interface", "pinecone",
		"--extcap-version=4.0", "--fifo", "/dev/fd/3", "--port", path,
		"--console", lab.GatewayName+"="+s.ttys[lab.GatewayName].path,
		"--console", lab.SenderName+"="+s.ttys[lab.SenderName].path)
	if err != nil {
		return r, err
	}
	defer wireshark.stop()
	m := newMerger(s.line, s.truth, out, time.Time{}, true)
	ready, merged := make(chan struct{}), make(chan error, 1)
	go func() { merged <- m.run(&watched{r: capture, ready: ready}) }()
	select {
	case <-ready: // the extcap has found the board
	case <-time.After(endWait):
	case <-ctx.Done():
	}
	r, err = lab.Run(ctx, c)
	s.drain()
	wireshark.stop()
	err = errors.Join(err, wireshark.wait(), s.radio.silence(), <-merged)
	s.lost = m.lost
	return r, err
}

// drain waits until the last frames have made their way.
func (s *studio) drain() {
	for end := time.Now().Add(drainWait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.line.mu.Lock()
		left := len(s.line.items)
		s.line.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

// watched is a stream of the extcap that tells when more than the section
// header has come: the interface, which waits for the board.
type watched struct {
	r     io.Reader
	ready chan struct{}
	reads int
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if w.reads++; w.reads == 2 || err != nil && w.reads < 2 {
		close(w.ready)
		w.reads = 2
	}
	return n, err
}

// boards runs the three boards until ctx ends.
func boards(ctx context.Context, stdout io.Writer, seed uint64, n air.Network) (err error) {
	gateway, sender, err := startBoards(seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.Close(), sender.Close()) }()
	s := &studio{line: newTimeline(), truth: newTruthWriter(nil, true)}
	if s.radio, err = newRadio(true); err != nil {
		return err
	}
	defer s.radio.close()
	typed, err := s.openConsoles()
	if err != nil {
		return err
	}
	defer s.closeConsoles()
	sniffer, path, err := s.startSniffer()
	if err != nil {
		return err
	}
	defer sniffer.stop()
	_, err = fmt.Fprintf(stdout, "sniffer %s\n%s %s\n%s %s\n", path,
		lab.GatewayName, s.ttys[lab.GatewayName].path, lab.SenderName, s.ttys[lab.SenderName].path)
	if err != nil {
		return err
	}
	scenario, err := lab.Find("quiet")
	if err != nil {
		return err
	}
	_, err = lab.Run(ctx, lab.Config{Scenario: scenario, Seed: seed, Seconds: -1, Network: n,
		Gateway: gateway, Sender: sender, Sink: &airOnly{s}, RealTime: true, Typed: typed})
	return err
}

// airOnly is a sink that captures nothing: whoever reads the sniffer's line
// does.
type airOnly struct{ *studio }

// Frame implements lab.Sink.
func (a *airOnly) Frame(h air.Heard, _ air.Truth) error { return a.radio.frame(h) }
