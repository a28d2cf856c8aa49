package extcap

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"pqiot/wire"
)

const (
	linkQueue = 512                    // messages that wait for Wireshark
	linkFlush = 100 * time.Millisecond // for what is queued when the capture stops
)

// controlLink is the pair of control pipes: one goroutine reads, one writes,
// and neither can hold up the capture. Messages that Wireshark does not fetch
// in time are left out and counted.
type controlLink struct {
	in       *os.File
	outPath  string
	queue    chan []byte
	leftOut  atomic.Uint64
	log      *logger
	wg       sync.WaitGroup
	shutdown context.CancelFunc
}

// newControlLink opens control-in, which Wireshark waits for. Without control
// pipes it returns nil, and every method of a nil link does nothing.
func newControlLink(cfg Config, log *logger) (*controlLink, error) {
	if cfg.ControlIn == "" && cfg.ControlOut == "" {
		return nil, nil
	}
	l := &controlLink{outPath: cfg.ControlOut, queue: make(chan []byte, linkQueue), log: log}
	if cfg.ControlIn == "" {
		return l, nil
	}
	var err error
	if l.in, err = openControlIn(cfg.ControlIn); err != nil {
		return nil, err
	}
	return l, nil
}

// start begins to move messages; each that comes in is given to handle, whose
// payload is valid during the call.
func (l *controlLink) start(ctx context.Context, handle func(Message)) {
	if l == nil {
		return
	}
	ctx, l.shutdown = context.WithCancel(ctx)
	if l.in != nil {
		l.wg.Go(func() { l.read(handle) })
	}
	if l.outPath != "" {
		l.wg.Go(func() { l.write(ctx) })
	}
}

// close sends what is queued, as far as Wireshark still reads, and ends both
// goroutines.
func (l *controlLink) close() {
	if l == nil {
		return
	}
	if l.shutdown != nil {
		l.shutdown()
	}
	if l.in != nil {
		l.in.Close()
	}
	l.wg.Wait()
}

// post queues a message.
func (l *controlLink) post(control uint8, command Command, payload string) {
	if l == nil || l.outPath == "" {
		return
	}
	select {
	case l.queue <- AppendMessage(nil, Message{control, command, []byte(payload)}):
	default:
		l.leftOut.Add(1)
	}
}

func (l *controlLink) read(handle func(Message)) {
	r := NewMessageReader(l.in)
	for {
		m, err := r.Next()
		if err == nil {
			handle(m)
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
			l.log.printf(wire.LogError, "%v; the toolbar is off for the rest of this capture", err)
			io.Copy(io.Discard, l.in) // Wireshark must not block on a full pipe
		}
		return
	}
}

// write opens control-out, for which Wireshark may take its time, and moves the
// queue there until the capture ends.
func (l *controlLink) write(ctx context.Context) {
	out, err := openWriteEnd(ctx, l.outPath)
	if err != nil {
		return // the capture ended first, or there is no such pipe: no toolbar
	}
	defer out.Close()
	stop := context.AfterFunc(ctx, func() { out.SetWriteDeadline(time.Now().Add(linkFlush)) })
	defer stop()
	for {
		select {
		case b := <-l.queue:
			if _, err := out.Write(b); err != nil {
				return
			}
		case <-ctx.Done():
			l.flush(out)
			return
		}
	}
}

func (l *controlLink) flush(out io.Writer) {
	for {
		select {
		case b := <-l.queue:
			if _, err := out.Write(b); err != nil {
				return
			}
		default:
			return
		}
	}
}
