package extcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// session is one open board, from plugging in to unplugging. Three goroutines
// work on it: one reads the port into the backlog, one decodes and writes
// packets, one (conduct) asks the board and sets it.
type session struct {
	*engine
	board    Board
	recorded bool // a recorded stream plays the board
	cmd      *decoder.Commander
	backlog  *backlog

	hellos   chan wire.Hello      // the newest, not yet taken
	rebooted chan struct{}        // a token
	caps     uint32               // of the hello
	greeted  atomic.Bool          // conduct has accepted the board
	records  atomic.Uint64        // intact records
	host     gate                 // of conduct: what the board does not do for us, or not yet
	gate     atomic.Pointer[gate] // of decode: host, or nil if there is nothing to do
	live     *liveTime
	stamp    func(*decoder.Record) time.Time // live's, or that of a recorded stream

	bytesBefore int64 // read before this session

	close    func() // closes the board, once
	failOnce sync.Once
	failure  error // why conduct gave up
}

func newSession(e *engine, board Board) *session {
	s := &session{
		engine: e, board: board, cmd: decoder.NewCommander(board), backlog: newBacklog(e.out.flush),
		hellos: make(chan wire.Hello, 1), rebooted: make(chan struct{}, 1),
	}
	s.close = sync.OnceFunc(func() { board.Close() })
	if r, ok := board.(Recorded); ok {
		s.recorded = r.Recorded()
	}
	s.bytesBefore = e.dec.Stats().Bytes
	e.mu.Lock()
	e.baud = e.cfg.Baud
	s.host = newGate(e.state.want, s.recorded)
	if s.recorded {
		e.state.force, e.state.settled = e.state.want, true
	}
	e.mu.Unlock()
	s.publishGate()
	s.live = &liveTime{board: &e.clock, tsf: new(decoder.Clock), epoch: time.Now()}
	s.stamp = s.live.stamp
	if s.recorded {
		s.stamp = (&recordedTime{newest: e.now()}).stamp
	}
	return s
}

// run captures from the board until it fails or ctx ends. When it returns the
// board is closed and no goroutine is left.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(ctx, s.close)
	var wg sync.WaitGroup
	wg.Go(func() { s.backlog.fill(s.board, ctx.Done()) })
	if !s.recorded {
		wg.Go(func() { s.conduct(ctx) })
	}
	err := s.decode()
	s.close()
	cancel()
	wg.Wait()
	if s.failure != nil {
		return s.failure
	}
	return err
}

// fail ends the session for a reason better than the closed port's.
func (s *session) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = err
		s.close()
	})
}

// decode turns the stream into packets until the stream or the FIFO fails.
func (s *session) decode() error {
	src := io.Reader(s.backlog)
	if s.tee != nil {
		src = io.TeeReader(src, s.tee)
	}
	if again := s.feed.Reader != nil; again {
		s.dec.Resume(&s.feed)
		s.clock.Reset()
	}
	s.feed.Reader = src
	for {
		rec, err := s.dec.Next()
		switch {
		case err == nil:
			if err := s.record(rec); err != nil {
				return err
			}
		case errors.Is(err, wire.ErrVersion):
			if s.records.Load() == 0 {
				return fmt.Errorf("%s: %w", s.board.Name(), err)
			}
			s.log.printf(wire.LogWarning, "skipped: %v", err)
		default:
			return err
		}
	}
}

// record handles one intact record.
func (s *session) record(rec *decoder.Record) error {
	s.records.Add(1)
	if rec.Boot {
		s.reboot()
	}
	at := s.stamp(rec)
	if rec.Lost > 0 {
		s.lost(rec.Lost)
	}
	if s.recorded && rec.Type != wire.TypeHello {
		s.out.describeAnyhow()
	}
	switch rec.Type {
	case wire.TypeFrame:
		return s.frame(rec, at)
	case wire.TypeStatus:
		s.status(rec.Status)
	case wire.TypeHello:
		s.hello(rec.Hello)
	case wire.TypeLog:
		s.log.printf(rec.Log.Level, "board: %s", rec.Log.Text)
	case wire.TypeReply:
		s.cmd.Deliver(rec.Reply)
	}
	return s.out.failed()
}

func (s *session) frame(rec *decoder.Record, at time.Time) error {
	s.mu.Lock()
	s.tally.frame++
	s.mu.Unlock()
	if g := s.gate.Load(); g != nil && !g.admit(&rec.Frame) {
		return nil
	}
	if rec.Late {
		s.out.note("this record came twice or out of order")
	}
	return s.out.frame(at, rec.Time, rec.Frame)
}

func (s *session) status(st wire.Status) {
	stats := s.dec.Stats()
	s.mu.Lock()
	s.tally.status(st)
	text := s.loss.settled(stats)
	if st.Flags&wire.StatusHopping == 0 {
		s.state.force.channel = st.Channel
	}
	s.mu.Unlock()
	s.out.note(text)
	if text != "" {
		s.log.printf(wire.LogWarning, "%s", text)
	}
	s.log.printf(wire.LogDebug, "board: heard %d, passed %d, dropped %d (ring) and %d (radio), ring at most %d ‰, heap %d bytes, up %d s",
		st.Heard, st.Passed, st.RingDropped, st.RadioDropped, st.RingHigh, st.FreeHeap, st.Uptime)
}

func (s *session) lost(n uint32) {
	stats := s.dec.Stats()
	s.mu.Lock()
	text := s.loss.gap(n, stats)
	s.mu.Unlock()
	s.out.lost(n, text)
	s.log.printf(wire.LogInfo, "%s", text)
}

// reboot notes that the board counts from zero again, and has none of the
// settings.
func (s *session) reboot() {
	s.mu.Lock()
	s.tally.reboot()
	g := newGate(s.state.want, s.recorded)
	s.mu.Unlock()
	s.gate.Store(&g)
	s.out.note("the board restarted before this frame")
	s.log.printf(wire.LogWarning, "the board restarted")
	signal(s.rebooted)
}

// hello keeps the newest hello for conduct.
func (s *session) hello(h wire.Hello) {
	if s.recorded {
		s.out.describe(s.boardIface(h))
		return
	}
	for {
		select {
		case s.hellos <- h:
			return
		default:
		}
		select {
		case <-s.hellos:
		default:
		}
	}
}

// tee keeps the raw stream. A full disk ends the recording, not the capture.
type tee struct {
	file   *os.File
	failed func(error)
	ended  bool
}

func (t *tee) Write(p []byte) (int, error) {
	if !t.ended {
		if _, err := t.file.Write(p); err != nil {
			t.ended = true
			t.failed(err)
		}
	}
	return len(p), nil
}

func (t *tee) close() {
	if t == nil {
		return
	}
	if err := t.file.Close(); err != nil && !t.ended {
		t.failed(err)
	}
}

// boardName is how messages call the board.
func boardName(h wire.Hello) string {
	name := h.Board
	if name == "" {
		name = "PineCone"
	}
	return name
}

// roleName names a role of the hello record.
func roleName(role uint8) string {
	switch role {
	case wire.RoleSniffer:
		return "sniffer"
	case wire.RoleGateway:
		return "gateway"
	case wire.RoleSender:
		return "sender"
	}
	return fmt.Sprintf("board of unknown role %d", role)
}
