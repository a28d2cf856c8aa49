package board

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Patience is how long a board may take for one step before it counts as
// hung: steps take milliseconds.
const Patience = 30 * time.Second

const maxSaid = 2000 // bytes of a board's stderr that are kept

// Process is a board that runs. It is not safe for concurrent use.
type Process struct {
	name     string
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *os.File
	read     *bufio.Reader
	said     said
	patience time.Duration
	buf      []byte
	failed   error
}

// Start runs a program as the board of that name.
func Start(name, program string, args ...string) (*Process, error) {
	return start(name, exec.Command(program, args...), Patience)
}

func start(name string, cmd *exec.Cmd, patience time.Duration) (*Process, error) {
	p := &Process{name: name, cmd: cmd, patience: patience}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = theirs, &p.said
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("%s board: %w", name, err)
	}
	p.in, p.out, p.read = in, out, bufio.NewReader(out)
	return p, nil
}

// Step tells the board what has happened and that it is now, µs since the
// lab's start. It returns what came of it, and when to call again at the
// latest. After an error the board is of no use any more.
func (p *Process) Step(now uint64, in []Message) (out []Message, next uint64, err error) {
	if p.failed != nil {
		return nil, 0, p.failed
	}
	out, next, err = p.step(now, in)
	if err != nil {
		p.failed = p.explain(err)
	}
	return out, next, p.failed
}

func (p *Process) step(now uint64, in []Message) (out []Message, next uint64, err error) {
	p.buf = p.buf[:0]
	for _, m := range in {
		if len(m.Body) > MaxBody {
			return nil, 0, fmt.Errorf("message %q of %d bytes for the board, at most %d can be", m.Kind, len(m.Body), MaxBody)
		}
		p.buf = AppendMessage(p.buf, m)
	}
	p.buf = AppendMessage(p.buf, TimeMessage(now))
	if err := p.out.SetReadDeadline(time.Now().Add(p.patience)); err != nil {
		return nil, 0, err
	}
	if _, err := p.in.Write(p.buf); err != nil {
		return nil, 0, err
	}
	for {
		m, err := ReadMessage(p.read)
		if err != nil {
			return nil, 0, err
		}
		if m.Kind != Done {
			out = append(out, m)
			continue
		}
		next, err = ParseTime(m.Body)
		return out, next, err
	}
}

// explain puts an error of the link into words, with what the board said
// before it ended.
func (p *Process) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no answer within %v", p.patience)
	case errors.Is(err, ErrLink):
	default:
		_ = p.Close()
		err = fmt.Errorf("it ended: %s", p.cmd.ProcessState)
	}
	if text := p.said.String(); text != "" {
		return fmt.Errorf("%s board: %w; it said: %s", p.name, err, text)
	}
	return fmt.Errorf("%s board: %w", p.name, err)
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Close ends the board, and waits until it is gone. It returns an error where
// the board did not leave in peace.
func (p *Process) Close() error {
	if p.cmd.ProcessState != nil {
		return nil
	}
	p.in.Close() // the end of its stdin ends it
	kill := time.AfterFunc(p.patience, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	go io.Copy(io.Discard, p.out)
	err := p.cmd.Wait()
	p.out.Close()
	if err != nil {
		return fmt.Errorf("%s board: %w", p.name, err)
	}
	return nil
}

// said keeps the end of what a program writes to stderr.
type said struct {
	mu  sync.Mutex
	buf []byte
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf = append(s.buf, b...)
	if n := len(s.buf) - maxSaid; n > 0 {
		s.buf = append(s.buf[:0], s.buf[n:]...)
	}
	return len(b), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(s.buf))
}
