package extcap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"pqiot/wire"
)

const (
	helloWait   = 250 * time.Millisecond // for one answer of a quiet board
	busyWait    = time.Second            // for one answer of a board that sends: its ring goes first
	helloTries  = 5                      // at the rate asked for, then once at each other
	commandWait = time.Second            // for the first reply, then twice as long each time
	commandTry  = 3                      // noise may eat a command or its reply
	echoPeriod  = 5 * time.Second
	echoQuick   = 8               // echoes at the start, a tenth of the period apart
	silentAfter = 5 * time.Second // without a record; a status comes every second
)

// otherBauds are line rates at which a board may have been left, tried when it
// says nothing at the one asked for.
var otherBauds = [...]int{wire.BaudDefault, 1_000_000, 921_600, 500_000, 115_200}

// conduct is the asking side of a session: it finds out who the board is, sets
// it, follows the toolbar, and keeps the clocks together.
func (s *session) conduct(ctx context.Context) {
	if !s.begin(ctx, 0) {
		return
	}
	echo := time.NewTimer(0)
	defer echo.Stop()
	watch := time.NewTicker(silentAfter)
	defer watch.Stop()
	seen := s.records.Load()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.rebooted:
			if !s.begin(ctx, s.records.Load()) {
				return
			}
		case <-watch.C:
			last := seen
			if seen = s.records.Load(); seen == last {
				s.log.printf(wire.LogWarning, "the board has gone silent")
				s.out.note("the board was silent for a while before this frame")
				if !s.begin(ctx, s.records.Load()) {
					return
				}
			}
		case <-s.kick:
			s.follow(ctx)
		case <-echo.C:
			s.sendEcho(ctx)
			if n++; n < echoQuick {
				echo.Reset(echoPeriod / 10)
			} else {
				echo.Reset(echoPeriod)
			}
		}
	}
}

// follow does what the toolbar asks for.
func (s *session) follow(ctx context.Context) {
	s.mu.Lock()
	ask := s.state.asks
	s.state.asks = 0
	s.mu.Unlock()
	s.apply(ctx, ask)
	s.readBack()
}

// begin greets the board and gives it all settings, at the start and after it
// restarted or fell silent; before counts the records that say nothing of how
// the board is now. If that fails, begin ends the session and reports false.
func (s *session) begin(ctx context.Context, before uint64) bool {
	err := s.introduce(ctx, before)
	if err != nil && ctx.Err() == nil {
		s.fail(err)
	}
	return err == nil
}

func (s *session) introduce(ctx context.Context, before uint64) error {
	h, err := s.greet(ctx, before)
	if err != nil {
		return err
	}
	select {
	case <-s.rebooted: // known by now
	default:
	}
	s.caps = h.Caps
	s.mu.Lock()
	s.host = newGate(s.state.want, false)
	s.state.force = settings{channel: h.Channel, snapLen: h.SnapLen, dwell: s.state.want.dwell, filter: s.state.force.filter}
	s.mu.Unlock()
	s.log.printf(wire.LogInfo, "%s: %s, firmware %s, %s, channel %d, ring of %d bytes",
		s.board.Name(), boardName(h), h.Firmware, h.MAC, h.Channel, h.RingSize)
	s.greeted.Store(true)
	if err := s.out.describe(s.boardIface(h)); err != nil {
		return err
	}
	if err := s.matchBaud(ctx, h); err != nil {
		return err
	}
	s.apply(ctx, askAll)
	s.mu.Lock()
	s.state.settled = true
	s.mu.Unlock()
	s.readBack()
	return ctx.Err()
}

// greet says hello until the board answers, and refuses what is no sniffer.
func (s *session) greet(ctx context.Context, before uint64) (wire.Hello, error) {
	asked := s.lineRate()
	for try := range helloTries + len(otherBauds) {
		wait := helloWait
		if s.records.Load() > before {
			wait = busyWait
		} else if i := try - helloTries; i >= 0 {
			if otherBauds[i] == asked || s.setLineRate(otherBauds[i]) != nil {
				continue // tried already, or more than this port can do
			}
		}
		h, ok, err := s.sayHello(ctx, wait)
		if err != nil {
			return h, err
		}
		if ok && h.Role != wire.RoleSniffer {
			return h, fmt.Errorf("%s is a PineCone %s (%s, firmware %s), not a sniffer: choose another port, or flash the sniffer firmware",
				s.board.Name(), roleName(h.Role), boardName(h), h.Firmware)
		}
		if ok {
			return h, nil
		}
	}
	return wire.Hello{}, s.silence(asked, before)
}

// sayHello asks once and waits for a hello.
func (s *session) sayHello(ctx context.Context, wait time.Duration) (h wire.Hello, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	go s.cmd.Do(ctx, wire.TypeSayHello, nil) // the hello counts; its reply only says that one came
	select {
	case h = <-s.hellos:
		return h, true, nil
	case <-ctx.Done():
	}
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return h, false, err
	}
	return h, false, nil
}

// silence says what a board does that never says hello.
func (s *session) silence(baud int, before uint64) error {
	stats := s.dec.Stats()
	switch {
	case s.records.Load() > before:
		return fmt.Errorf("%s sends records but does not answer: is the line to the board connected in both directions?", s.board.Name())
	case stats.Bytes > s.bytesBefore:
		return fmt.Errorf("%s sends something (%s), but no PineCone records: is the sniffer firmware on it, and is %d baud right?",
			s.board.Name(), plural(uint64(stats.Bytes-s.bytesBefore), "byte"), baud)
	}
	return fmt.Errorf("%s says nothing: is it the right port, is the sniffer firmware on the board, and is %d baud right? (a jumper set for flashing keeps it silent too)",
		s.board.Name(), baud)
}

// matchBaud brings the line to the rate that was asked for, if the board is at
// another one and can change it.
func (s *session) matchBaud(ctx context.Context, h wire.Hello) error {
	want := s.cfg.Baud
	if want <= 0 || int(h.Baud) == want && s.lineRate() == want {
		return nil
	}
	before, what := s.lineRate(), fmt.Sprintf("%d baud", want)
	if !s.can(wire.CapBaud, what) {
		return nil
	}
	_, ok := s.ask(ctx, wire.TypeBaud, binary.LittleEndian.AppendUint32(nil, uint32(want)), what)
	if !ok {
		return ctx.Err() // it stays at the rate that works, and the user knows
	}
	if err := s.setLineRate(want); err != nil {
		return fmt.Errorf("%s: %d baud: %w", s.board.Name(), want, err)
	}
	for range helloTries {
		if _, ok, err := s.sayHello(ctx, busyWait); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s went silent when set from %d to %d baud: unplug it and try another rate", s.board.Name(), before, want)
}

func (s *session) lineRate() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.baud
}

func (s *session) setLineRate(baud int) error {
	if err := s.board.SetBaud(baud); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.baud = baud
	return nil
}

// sendEcho sends the computer's clock; the board's clock is mapped by the reply
// when it comes in. A board that cannot do it is mapped by the arrival of its
// records alone.
func (s *session) sendEcho(ctx context.Context) {
	if s.caps&wire.CapTimeEcho == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commandWait)
	defer cancel()
	s.cmd.Do(ctx, wire.TypeTimeEcho, s.live.echoBody())
}
