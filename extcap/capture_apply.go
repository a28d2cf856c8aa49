package extcap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"pqiot/decoder"
	"pqiot/wire"
)

// apply gives the board the settings that ask names, and keeps what the board
// says is in force.
func (s *session) apply(ctx context.Context, ask asks) {
	s.mu.Lock()
	want := s.state.want
	s.mu.Unlock()
	if ask&askSnapLen != 0 {
		s.applySnapLen(ctx, want.snapLen)
	}
	if ask&askChannel != 0 {
		s.applyChannel(ctx, want)
		s.host.freq = 0 // what comes now is from where the board listens
	}
	if ask&askFilter != 0 {
		s.applyFilter(ctx, want.filter)
	}
	s.publishGate()
	if ask&askStatus != 0 {
		s.askStatus(ctx)
	}
}

// ask sends a command, again if no reply comes. It returns the value that the
// reply says is in force, also from a board that refused, and whether the
// board took the command. The user is told when it did not; what names the
// thing asked for.
func (s *session) ask(ctx context.Context, t wire.Type, body []byte, what string) (value []byte, done bool) {
	var r wire.Reply
	var err error
	for try := range commandTry {
		one, cancel := context.WithTimeout(ctx, commandWait<<try)
		r, err = s.cmd.Do(one, t, body)
		cancel()
		if err == nil || !errors.Is(err, decoder.ErrTimeout) {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		s.complain(0, fmt.Sprintf("%s: %v", what, err))
	}
	return r.Value, err == nil
}

// can reports whether the board has a capability; what is the thing wanted of
// it, for the log.
func (s *session) can(capability uint32, what string) bool {
	if s.caps&capability != 0 {
		return true
	}
	s.log.printf(wire.LogInfo, "%s: not on this board; done on this computer where that is possible", what)
	return false
}

// applySnapLen sets the snap length, or cuts on this computer.
func (s *session) applySnapLen(ctx context.Context, want uint16) {
	what := fmt.Sprintf("snap length %d", want)
	s.host.snapLen = want
	force := want
	if s.can(wire.CapSnapLen, what) {
		value, done := s.ask(ctx, wire.TypeSnapLen, binary.LittleEndian.AppendUint16(nil, want), what)
		if len(value) >= 2 {
			s.host.snapLen = 0
			force = binary.LittleEndian.Uint16(value)
		}
		if done && force != want {
			s.complain(ctlSnapLen, fmt.Sprintf("%s: the board took %d", what, force))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.force.snapLen = force
}

// applyFilter sets the board's filter. Where the board does not take it, the
// frames are filtered on this computer, and only the line's load is the worse.
func (s *session) applyFilter(ctx context.Context, want wire.Filter) {
	what := fmt.Sprintf("filter %q", FormatFilter(want))
	s.host.filter = want
	if s.can(wire.CapFilter, what) {
		value, done := s.ask(ctx, wire.TypeFilter, wire.AppendFilter(nil, want), what)
		force, err := wire.ParseFilter(value)
		switch {
		case err == nil && sameFilter(force, want):
			s.host.filter = wire.Filter{Types: wire.FilterAll}
		case done:
			s.complain(ctlFilter, fmt.Sprintf("%s: the board took %q; filtered on this computer", what, FormatFilter(force)))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.force.filter = want
}

// applyChannel sets channel and hopping. A board that hops is stopped first:
// the channel command is about the channel to stay on.
func (s *session) applyChannel(ctx context.Context, want settings) {
	if len(want.hop) > 0 {
		if s.caps&wire.CapHop == 0 {
			s.complain(ctlHop, "hop: this board cannot change channels by itself")
			return
		}
		s.applyHop(ctx, want)
		return
	}
	if s.caps&wire.CapHop != 0 && (want.channel != 0 || s.inForce().hop != nil) {
		s.applyHop(ctx, want)
	}
	switch {
	case want.channel == 0: // the board's own
	case s.caps&wire.CapChannel != 0:
		s.applyOneChannel(ctx, want.channel)
	case s.inForce().channel != want.channel:
		s.complain(ctlChannel, fmt.Sprintf("channel %d: this board stays on channel %d", want.channel, s.inForce().channel))
	}
}

func (s *session) applyOneChannel(ctx context.Context, want uint8) {
	what := fmt.Sprintf("channel %d", want)
	value, done := s.ask(ctx, wire.TypeChannel, []byte{want}, what)
	if len(value) < 1 {
		return
	}
	if done && value[0] != want {
		s.complain(ctlChannel, fmt.Sprintf("%s: the board took %d", what, value[0]))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.force.channel = value[0]
}

func (s *session) applyHop(ctx context.Context, want settings) {
	what := "stop hopping"
	if len(want.hop) > 0 {
		what = "hop over " + formatHop(want.hop)
	}
	value, done := s.ask(ctx, wire.TypeHop, wire.AppendHop(nil, want.hopBody()), what)
	force, err := wire.ParseHop(value)
	if err != nil {
		return
	}
	if done && !slices.Equal(force.Channels, want.hop) {
		s.complain(ctlHop, fmt.Sprintf("%s: the board hops over %q", what, formatHop(force.Channels)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.force.hop = slices.Clone(force.Channels)
}

// inForce returns what the board last said is in force.
func (s *session) inForce() settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.force
}

// askStatus has the board send its counters and logs what they say.
func (s *session) askStatus(ctx context.Context) {
	if _, done := s.ask(ctx, wire.TypeStatusNow, nil, "status"); !done {
		return
	}
	c := s.counters()
	s.log.printf(wire.LogInfo, "heard %d frames, %d passed the filter, %d dropped on the board, %d records lost on the line; %s",
		c.received, c.accepted, c.boardDrops, c.lineDrops, c.comment)
}
