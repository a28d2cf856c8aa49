package extcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

const (
	fifoFlush    = 300 * time.Millisecond // for the last blocks when the capture stops
	replugPoll   = 500 * time.Millisecond // between looks for an unplugged board
	statusPeriod = time.Second            // of the toolbar's status line
	statsPeriod  = 5                      // statistics blocks, in status periods
	// A board or a computer under load may pause within a record. The decoder
	// gives such a record up after this time, which is less than the second
	// between two status records: else their bytes would keep it waiting.
	recordPause = 800 * time.Millisecond
)

// Capture runs one capture: frames from the board that open opens go to
// cfg.FIFO as pcapng, and the toolbar of the control pipes sets the board.
// It ends with nil when ctx is cancelled, when the reader of the FIFO goes
// away, or at the end of a recorded stream.
//
// Errors say what was wrong with the board or with what cfg names; whatever
// could be captured stands in the FIFO, and at least a valid capture without
// packets. Wireshark hangs if the pipes are not opened, so they come first,
// in the order that it expects. A board that was unplugged is waited for.
func Capture(ctx context.Context, cfg Config, open Opener) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	e := &engine{cfg: cfg, open: open, stop: stop, now: time.Now, kick: make(chan struct{}, 1)}
	e.dec = decoder.NewReader(&e.feed)
	e.dec.Idle = recordPause
	defer e.close()
	if err := e.openPipes(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	quick := context.AfterFunc(ctx, func() { e.fifo.SetWriteDeadline(time.Now().Add(fifoFlush)) })
	defer quick()
	defer func() {
		stop()
		if e.out.finish(e.counters(), e.now()); err == nil {
			err = e.shortfall()
		}
	}()
	if err := e.prepare(); err != nil {
		return err
	}
	var ticking sync.WaitGroup
	ticking.Go(func() { e.tick(ctx) })
	ticking.Go(func() { e.consoles(ctx) })
	defer ticking.Wait()
	defer stop()
	return e.run(ctx)
}

// engine is one capture.
type engine struct {
	cfg  Config
	open Opener
	stop context.CancelFunc
	now  func() time.Time

	log  *logger
	link *controlLink // nil: no toolbar
	fifo *os.File
	tee  *tee // nil: not recorded
	out  *output
	kick chan struct{} // a token: the toolbar asks for something

	dec   *decoder.Reader
	feed  struct{ io.Reader } // of dec: the session's stream
	clock decoder.Clock

	mu     sync.Mutex // guards the rest
	baud   int        // of the line, bit/s
	state  toolbarState
	tally  tally
	loss   losses
	missed []string // what was asked for at the start and the board would not do
}

// openPipes opens control-in, the FIFO and, in the background, control-out,
// and writes the section header.
func (e *engine) openPipes(ctx context.Context) error {
	e.log = &logger{level: e.cfg.LogLevel, now: e.now}
	link, linkErr := newControlLink(e.cfg, e.log)
	var err error
	if e.fifo, err = openFIFO(ctx, e.cfg.FIFO); err != nil {
		return fmt.Errorf("--fifo: %w", err)
	}
	e.out = newOutput(e.fifo, e.now(), e.section(), e.fallbackIface(), e.cfg.Consoles...)
	if linkErr != nil {
		e.complain(0, fmt.Sprintf("no toolbar: %v", linkErr))
		return nil
	}
	if e.link = link; link != nil {
		e.log.toolbar = func(line string) { link.post(ctlLog, CommandAdd, line) }
		link.start(ctx, e.toolbar)
	}
	return nil
}

// prepare does what may fail for reasons of the configuration, after Wireshark
// has its pipes and headers.
func (e *engine) prepare() error {
	want, err := wanted(e.cfg)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.state.want = want
	e.mu.Unlock()
	if e.cfg.LogFile != "" {
		if err := e.log.open(e.cfg.LogFile); err != nil {
			return fmt.Errorf("--log-file: %w", err)
		}
	}
	if e.cfg.Record == "" {
		return nil
	}
	f, err := os.Create(e.cfg.Record)
	if err != nil {
		return fmt.Errorf("--record: %w", err)
	}
	e.tee = &tee{file: f, failed: func(err error) {
		e.complain(0, fmt.Sprintf("--record: %v; the recording ends there, the capture goes on", err))
	}}
	return nil
}

func (e *engine) close() {
	e.link.close()
	if e.fifo != nil {
		e.fifo.Close()
	}
	e.tee.close()
	if e.log != nil {
		e.log.close()
	}
}

// run opens the board, and again whenever it was unplugged.
func (e *engine) run(ctx context.Context) error {
	said := ""
	for first := true; ; first = false {
		board, err := e.reopen(ctx, first)
		if err != nil {
			return e.verdict(ctx, err)
		}
		s := newSession(e, board)
		err = s.run(ctx)
		if first && !s.greeted.Load() || s.recorded || e.ended(ctx) {
			return e.verdict(ctx, err)
		}
		if text := fmt.Sprintf("%s: %v; the capture waits for the board", board.Name(), err); text != said {
			said = text
			e.log.printf(wire.LogWarning, "%s", text)
			e.link.post(0, CommandStatusBar, text)
		}
		if s.greeted.Load() {
			said = ""
			e.out.note("the board was unplugged before this frame: " + err.Error())
		}
		pause(ctx, replugPoll)
	}
}

// reopen opens the board; after the first time it waits until it is there.
func (e *engine) reopen(ctx context.Context, first bool) (Board, error) {
	for {
		board, err := e.open.Open(ctx)
		if err == nil && ctx.Err() != nil {
			board.Close()
			return nil, ctx.Err()
		}
		if err == nil || first || !errors.Is(err, ErrGone) {
			return board, err
		}
		if !pause(ctx, replugPoll) {
			return nil, ctx.Err()
		}
	}
}

// ended reports whether the capture is over, and not the line alone.
func (e *engine) ended(ctx context.Context) bool {
	return ctx.Err() != nil || e.out.failed() != nil
}

// verdict turns the end of the capture into Capture's result.
func (e *engine) verdict(ctx context.Context, err error) error {
	switch failed := e.out.failed(); {
	case failed != nil && readerGone(failed):
		return nil
	case ctx.Err() != nil:
		return nil
	case failed != nil:
		return fmt.Errorf("the capture cannot be written: %w", failed)
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// complain tells the user that something is not as asked for: at once with a
// toolbar, else in the log and when the capture ends, as anything on stderr
// before is taken for a failure.
func (e *engine) complain(control uint8, text string) {
	e.log.printf(wire.LogWarning, "%s", text)
	e.out.note("warning: " + text)
	if e.link != nil {
		e.link.post(control, CommandWarning, text)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.missed = append(e.missed, text)
}

// shortfall is the error of a capture that went well, but not as asked for.
func (e *engine) shortfall() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.missed) == 0 {
		return nil
	}
	return fmt.Errorf("captured, but not as asked: %s", strings.Join(e.missed, "; "))
}

// pause waits and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
