package extcap

import (
	"io"
	"runtime"
	"sync"
	"time"
)

const (
	backlogSize = 1 << 20                // bytes: five seconds of a full line
	readChunk   = 4096                   // longest single read of the port, bytes
	backlogIdle = 100 * time.Millisecond // after which a reader is told that nothing came
	emptyNap    = 2 * time.Millisecond   // after a read that gave nothing at once
)

// A USB line hands bytes over in pieces of 32, thousands of times a second
// when it is full. Waking for each would cost more than all the rest, so a
// line that is over a quarter full is read busyNap apart, and one that is
// over three quarters full fullNap apart. On any other each byte is read as it
// comes.
const (
	busyWindow = 5 * time.Millisecond // over which the load is measured
	busyBytes  = 250                  // in busyWindow: 50 kB/s
	busyNap    = 1200 * time.Microsecond
	fullBytes  = 750 // in busyWindow: 150 kB/s
	fullNap    = 4 * time.Millisecond
)

// backlog stands between the port, which must be read at once, and a FIFO
// whose reader may stall. It is a ring of bytes with one goroutine on each
// side; a full ring stops the reading, so that what is lost then is lost
// outside and shows as a gap.
type backlog struct {
	ring [backlogSize]byte
	idle *time.Timer
	// drained is called when everything held was given out.
	drained func()

	mu    sync.Mutex
	first int   // of the held bytes
	held  int   // bytes
	err   error // of the port, due after the held bytes

	more, room chan struct{} // one token each: something came, something went
}

func newBacklog(drained func()) *backlog {
	return &backlog{idle: time.NewTimer(backlogIdle), drained: drained,
		more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// fill reads src into the ring until src fails or stop is closed.
func (b *backlog) fill(src io.Reader, stop <-chan struct{}) {
	var load load
	for {
		free := b.free()
		if len(free) == 0 {
			select {
			case <-b.room:
				continue
			case <-stop:
				b.add(0, io.ErrClosedPipe)
				return
			}
		}
		start := time.Now()
		n, err := src.Read(free)
		if b.add(n, err); err != nil {
			return
		}
		now := time.Now()
		nap := load.nap(n, now)
		switch {
		case n == 0 && now.Sub(start) < emptyNap:
			time.Sleep(emptyNap) // a port that does not wait must not cost a core
		case nap > 0 && n < len(free): // and nothing waits
			time.Sleep(nap)
		}
	}
}

// load measures how full a line is.
type load struct {
	start time.Time // of the window
	bytes int       // in it
	last  time.Duration
}

// nap takes the bytes of a read and says how long the next may wait.
func (l *load) nap(n int, now time.Time) time.Duration {
	l.bytes += n
	if d := now.Sub(l.start); d >= busyWindow {
		switch rate := l.bytes * int(busyWindow) / int(d); {
		case rate > fullBytes:
			l.last = fullNap
		case rate > busyBytes:
			l.last = busyNap
		default:
			l.last = 0
		}
		l.start, l.bytes = now, 0
	}
	return l.last
}

// free returns the room for the next read.
func (b *backlog) free() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := (b.first + b.held) % backlogSize
	return b.ring[at:][:min(readChunk, backlogSize-b.held, backlogSize-at)]
}

func (b *backlog) add(n int, err error) {
	b.mu.Lock()
	b.held += n
	b.err = err
	b.mu.Unlock()
	if n > 0 || err != nil {
		signal(b.more)
		runtime.Gosched() // the reader first: a port's read may keep the processor
	}
}

// Read gives out what is held. Before it waits for more it calls drained. If
// nothing comes it returns (0, nil) after a while, as a serial port does.
func (b *backlog) Read(p []byte) (int, error) {
	if n, err := b.take(p); n > 0 || err != nil {
		return n, err
	}
	b.drained()
	b.idle.Reset(backlogIdle)
	select {
	case <-b.more:
	case <-b.idle.C:
	}
	return b.take(p)
}

func (b *backlog) take(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == 0 {
		return 0, b.err
	}
	n := copy(p, b.ring[b.first:min(b.first+b.held, backlogSize)])
	b.first = (b.first + n) % backlogSize
	b.held -= n
	signal(b.room)
	return n, nil
}

// signal leaves a token unless one is there.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
