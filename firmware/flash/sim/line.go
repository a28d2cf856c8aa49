package sim

import (
	"errors"
	"time"
)

// ErrUnplugged is what a port gives whose cable was pulled.
var ErrUnplugged = errors.New("input/output error")

// Line joins a board to the flasher in virtual time: it is the flasher's
// port and its clock. A byte takes 10 bits at the host's rate; a rate that is
// not the board's turns bytes into others.
type Line struct {
	Board    *Board
	Sent     int           // bytes from the host
	LineTime time.Duration // that those bytes took
	OnLines  func(dtr, rts bool)

	now     time.Duration
	baud    int
	timeout time.Duration
	in      []byte
}

// NewLine plugs the board in.
func NewLine(b *Board) *Line { return &Line{Board: b, baud: 115200} }

// Elapsed is the virtual time since NewLine.
func (l *Line) Elapsed() time.Duration { return l.now }

// Now is a time that starts at no particular date.
func (l *Line) Now() time.Time { return time.Unix(0, 0).Add(l.now) }

// Sleep moves the time on.
func (l *Line) Sleep(d time.Duration) { l.now += max(d, 0) }

// SetBaud sets the host's rate.
func (l *Line) SetBaud(baud int) error {
	if l.Board.Unplug {
		return ErrUnplugged
	}
	l.baud = baud
	return nil
}

// SetReadTimeout bounds each Read.
func (l *Line) SetReadTimeout(d time.Duration) error {
	l.timeout = d
	return nil
}

// SetLines tells OnLines.
func (l *Line) SetLines(dtr, rts bool) error {
	if l.OnLines != nil {
		l.OnLines(dtr, rts)
	}
	return nil
}

// Write sends p and takes as long as the line does.
func (l *Line) Write(p []byte) (int, error) {
	start := l.now
	for i, c := range p {
		if l.Board.Unplug {
			return i, ErrUnplugged
		}
		l.now = start + wireTime(i+1, l.baud)
		l.Board.Receive(l.now, l.baud, c)
	}
	l.Sent += len(p)
	l.LineTime += l.now - start
	return len(p), nil
}

// Read returns what has come, or moves the time on until something does.
func (l *Line) Read(p []byte) (int, error) {
	end := l.now + l.timeout
	for {
		l.collect()
		if len(l.in) > 0 {
			n := copy(p, l.in)
			l.in = l.in[n:]
			return n, nil
		}
		if l.Board.Unplug {
			return 0, ErrUnplugged
		}
		at, ok := l.Board.Next()
		if !ok || at > end {
			l.now = end
			return 0, nil
		}
		l.now = max(l.now, at)
	}
}

func (l *Line) collect() {
	for _, c := range l.Board.Take(l.now) {
		l.in = append(l.in, Heard(c, l.baud)...)
	}
}

// Heard is what a host at the given rate makes of output.
func Heard(c Chunk, baud int) []byte {
	if c.Baud == baud {
		return c.Data
	}
	garbled := make([]byte, len(c.Data))
	for i, x := range c.Data {
		garbled[i] = x<<5 ^ x>>2 ^ 0x5A
	}
	return garbled
}
