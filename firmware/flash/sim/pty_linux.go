package sim

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// Server puts a board behind a pseudo-terminal, in real time. It reads the
// rate that the host has set, so a wrong one is as good as none.
type Server struct {
	Path string // of the serial port

	mu     sync.Mutex
	board  *Board
	start  time.Time
	master *os.File
	slave  *os.File // kept open, so that the port outlives each host
	fd     int      // of the slave
	done   sync.WaitGroup
	stop   chan struct{}
	once   sync.Once
}

// Serve starts a server.
func Serve(b *Board) (*Server, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	if master, err = pollable(master); err != nil {
		slave.Close()
		return nil, err
	}
	s := &Server{Path: slave.Name(), board: b, start: time.Now(), master: master, slave: slave, fd: int(slave.Fd()), stop: make(chan struct{})}
	if err := s.raw(); err != nil {
		master.Close()
		slave.Close()
		return nil, err
	}
	input := make(chan []byte)
	s.done.Add(2)
	go s.read(input)
	go s.run(input)
	return s, nil
}

// pollable is the same file, opened so that Close ends a Read and a Write can
// have a deadline.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// Do calls f while the board stands still.
func (s *Server) Do(f func(b *Board, now time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.board, time.Since(s.start))
}

// Close pulls the cable.
func (s *Server) Close() {
	s.once.Do(func() {
		close(s.stop)
		s.master.Close()
		s.slave.Close()
	})
	s.done.Wait()
}

// raw turns off echo and line editing until a host does.
func (s *Server) raw() error {
	t, err := unix.IoctlGetTermios(s.fd, unix.TCGETS2)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return unix.IoctlSetTermios(s.fd, unix.TCSETS2, t)
}

// baud is the rate that the host has set.
func (s *Server) baud() int {
	t, err := unix.IoctlGetTermios(s.fd, unix.TCGETS2)
	if err != nil || t.Ospeed == 0 {
		return 9600
	}
	return int(t.Ospeed)
}

func (s *Server) read(input chan<- []byte) {
	defer s.done.Done()
	defer close(input)
	for {
		buf := make([]byte, 4096)
		n, err := s.master.Read(buf)
		if err != nil {
			return
		}
		select {
		case input <- buf[:n]:
		case <-s.stop:
			return
		}
	}
}

// run hands bytes to the board and its output to the host when it is due.
func (s *Server) run(input <-chan []byte) {
	defer s.done.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case p, ok := <-input:
			if !ok {
				return
			}
			s.receive(p)
		case <-timer.C:
		case <-s.stop:
			return
		}
		next, gone := s.send()
		if gone { // the cable was pulled
			s.master.Close()
			s.slave.Close()
			return
		}
		timer.Reset(next)
	}
}

func (s *Server) receive(p []byte) {
	baud := s.baud()
	s.Do(func(b *Board, now time.Duration) {
		for _, c := range p {
			b.Receive(now, baud, c)
		}
	})
}

// send writes what is due and tells when more will be.
func (s *Server) send() (next time.Duration, gone bool) {
	next = time.Hour
	baud := s.baud()
	var due []Chunk
	s.Do(func(b *Board, now time.Duration) {
		due, gone = b.Take(now), b.Unplug
		if at, ok := b.Next(); ok {
			next = max(at-now, 0)
		}
	})
	for _, c := range due {
		// A UART does not wait: what no host reads is lost.
		if err := s.master.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return next, true
		}
		if _, err := s.master.Write(Heard(c, baud)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return next, true
		}
	}
	return next, gone
}
