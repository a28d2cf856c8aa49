package flash

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Time-outs. The board's own are in doc.go.
const (
	replyTimeout = 2 * time.Second
	eraseTimeout = 15 * time.Second
	chipTimeout  = 60 * time.Second // in all, while PD comes; eraseTimeout without
	retries      = 3

	quietTime   = 20 * time.Millisecond  // nothing came for so long: the board has said it all
	alignTime   = 50 * time.Millisecond  // for the answer to one byte
	chatterSize = 64                     // bytes that are no answer to a handshake
	quietMax    = 500 * time.Millisecond // and if it never is quiet, it runs its firmware
)

// link sends frames and reads replies.
type link struct {
	port   Port
	clock  Clock
	baud   int
	in     []byte    // received, not yet parsed
	active time.Time // when a byte was last sent or received
}

func (l *link) setBaud(baud int) error {
	if err := l.port.SetBaud(baud); err != nil {
		return fmt.Errorf("%w: %d baud: %w", ErrLost, baud, err)
	}
	l.baud = baud
	return nil
}

// send discards what came unasked and writes b.
func (l *link) send(b []byte) error {
	if err := l.discard(0); err != nil && !errors.Is(err, ErrTimeout) {
		return err
	}
	if _, err := l.port.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	l.active = l.clock.Now()
	return nil
}

// fill waits until something came or the deadline has passed (ErrTimeout).
func (l *link) fill(deadline time.Time) error {
	var buf [4096]byte
	for {
		left := max(deadline.Sub(l.clock.Now()), 0)
		if err := l.port.SetReadTimeout(left); err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		n, err := l.port.Read(buf[:])
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		if n > 0 {
			l.in = append(l.in, buf[:n]...)
			l.active = l.clock.Now()
			return nil
		}
		if left == 0 || !l.clock.Now().Before(deadline) {
			return ErrTimeout
		}
	}
}

// discard throws away all that comes until d from now. It returns ErrTimeout
// when that time is over without a byte, nil if something came.
func (l *link) discard(d time.Duration) error {
	l.in = l.in[:0]
	err := l.fill(l.clock.Now().Add(d))
	l.in = l.in[:0]
	return err
}

// quiet discards input until none came for quietTime. It returns ErrChatter if
// the board never stops, or ErrLost.
func (l *link) quiet() error {
	end := l.clock.Now().Add(quietMax)
	for l.clock.Now().Before(end) {
		if err := l.discard(quietTime); errors.Is(err, ErrTimeout) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return ErrChatter
}

// silence sends nothing until d after the last activity and discards what
// comes meanwhile. At most 3 d pass, even if the board keeps talking.
func (l *link) silence(d time.Duration) error {
	end := l.clock.Now().Add(3 * d)
	for {
		left := min(l.active.Add(d).Sub(l.clock.Now()), end.Sub(l.clock.Now()))
		if left <= 0 {
			return nil
		}
		if err := l.discard(left); err != nil && !errors.Is(err, ErrTimeout) {
			return err
		}
	}
}

// request is one command and what is expected of its reply.
type request struct {
	id      Command
	payload []byte
	want    int           // bytes of data, or noData
	timeout time.Duration // until the reply or the next PD; 0 for replyTimeout
	limit   time.Duration // in all; 0 for timeout
}

// exchange sends a command and waits for its reply. Errors: ErrTimeout,
// ErrGarbled, ErrLost, BoardError.
func (l *link) exchange(r request) ([]byte, error) {
	if r.timeout == 0 {
		r.timeout = replyTimeout
	}
	r.limit = max(r.limit, r.timeout)
	if err := l.send(AppendFrame(nil, r.id, r.payload)); err != nil {
		return nil, err
	}
	start := l.clock.Now()
	deadline := start.Add(r.timeout)
	for {
		reply, n, err := ParseReply(l.in, r.want)
		var refused BoardError
		switch {
		case errors.Is(err, ErrShort):
			if err := l.fill(deadline); err != nil {
				return nil, fmt.Errorf("command %02x: %w", byte(r.id), err)
			}
		case errors.As(err, &refused):
			refused.Cmd = r.id
			return nil, refused
		case err != nil:
			return nil, fmt.Errorf("command %02x: %w", byte(r.id), err)
		case reply.Pending:
			l.in = l.in[n:]
			if l.clock.Now().Sub(start) >= r.limit {
				return nil, fmt.Errorf("command %02x: %w: still pending after %v", byte(r.id), ErrTimeout, r.limit)
			}
			deadline = earlier(l.clock.Now().Add(r.timeout), start.Add(r.limit))
		default:
			data := bytes.Clone(reply.Data)
			l.in = l.in[n:]
			return data, nil
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// syncLength is how many 0x55 make about 5 ms.
func syncLength(baud int) int {
	if baud <= 115200 {
		return 55
	}
	return baud * 6 / 10000
}

// errFramed: the board takes the handshake for a frame, so it is listening
// already, and at this rate.
var errFramed = errors.New("the board is past its handshake")

// sync does the autobaud handshake: 0x55 until the board answers OK. Surplus
// 0x55 are parsed as the start of a frame, so what they cause is discarded;
// align deals with what they leave behind.
func (l *link) sync(listen time.Duration) error {
	if err := l.send(bytes.Repeat([]byte{0x55}, syncLength(l.baud))); err != nil {
		return err
	}
	deadline := l.clock.Now().Add(listen)
	for !bytes.Contains(l.in, []byte(replyOK)) {
		if err := l.fill(deadline); err != nil {
			if errors.Is(err, ErrTimeout) && l.tooLong() {
				return errFramed
			}
			if errors.Is(err, ErrTimeout) && len(l.in) > chatterSize {
				return ErrChatter
			}
			return err
		}
		if len(l.in) > 1<<16 {
			return ErrChatter
		}
	}
	return l.quiet()
}

// tooLong reports whether the board took 0x55 for a frame of length 0x5555.
func (l *link) tooLong() bool {
	return bytes.Contains(l.in, []byte{'F', 'L', codeLen & 0xFF, codeLen >> 8})
}

// align brings the board back to the start of a frame after one to three
// surplus bytes: a 0x55 at a time, until it complains about the length.
func (l *link) align() error {
	for range frameHeaderSize {
		if err := l.send([]byte{0x55}); err != nil {
			return err
		}
		deadline := l.clock.Now().Add(alignTime)
		for !l.tooLong() && len(l.in) < 1<<10 {
			if err := l.fill(deadline); errors.Is(err, ErrTimeout) {
				break
			} else if err != nil {
				return err
			}
		}
		if l.tooLong() {
			break
		}
	}
	return l.quiet()
}
