package extcap

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pqiot/wire"
)

// settings are what the board can be told.
type settings struct {
	channel uint8   // 0: the board's own
	hop     []uint8 // empty: stay
	dwell   time.Duration
	snapLen uint16 // bytes; 0: whole frames
	filter  wire.Filter
}

// wanted reads the settings out of a configuration.
func wanted(cfg Config) (s settings, err error) {
	s = settings{channel: cfg.Channel, hop: cfg.Hop, dwell: cfg.Dwell, snapLen: cfg.SnapLen}
	if s.filter, err = ParseFilter(cfg.Filter); err != nil {
		return s, err
	}
	if cfg.NoBeacons {
		s.filter.Flags |= wire.FilterNoBeacons
	}
	return s, nil
}

// hopBody is the hop command for these settings.
func (s settings) hopBody() wire.Hop {
	return wire.Hop{Dwell: uint16(min(s.dwell.Milliseconds(), 1<<16-1)), Channels: s.hop}
}

// asks is a set of things to ask of the board.
type asks uint8

const (
	askSnapLen asks = 1 << iota
	askFilter
	askChannel // channel and hop list are one setting
	askStatus
	askAll = askSnapLen | askFilter | askChannel
)

// toolbarState is what the toolbar and the board agree on.
type toolbarState struct {
	initialized bool     // Wireshark has sent its initial values; what came before is stale
	want        settings // what the user asks for
	force       settings // what the board last said is in force
	settled     bool     // force is known
	asks        asks     // of the toolbar, not yet taken by conduct
}

// toolbar handles one message from Wireshark.
func (e *engine) toolbar(m Message) {
	switch m.Command {
	case commandStop:
		e.log.printf(wire.LogInfo, "Wireshark asks to stop")
		e.stop()
	case CommandInitialized:
		e.mu.Lock()
		e.state.initialized = true
		e.mu.Unlock()
		e.readBack()
	case CommandSet:
		e.set(m)
	default:
		e.log.printf(wire.LogWarning, "toolbar: command %d for control %d makes no sense here", m.Command, m.Control)
	}
}

// set handles a control that the user changed. Values from before Initialized
// are left over from an earlier capture: what this one was started with
// counts, and the read-back says so.
func (e *engine) set(m Message) {
	e.mu.Lock()
	if !e.state.initialized {
		e.mu.Unlock()
		e.log.printf(wire.LogDebug, "toolbar: stale value of control %d left aside", m.Control)
		return
	}
	ask, err := e.state.want.set(m)
	e.state.asks |= ask
	e.mu.Unlock()
	if err != nil {
		e.log.printf(wire.LogWarning, "toolbar: %v", err)
		e.link.post(m.Control, CommandWarning, err.Error())
	}
	if ask != 0 {
		signal(e.kick)
	} else {
		e.readBack()
	}
}

// set changes what the message changes and says what to ask of the board:
// nothing, if the value is bad or the control is not ours to act on.
func (s *settings) set(m Message) (asks, error) {
	text := strings.TrimSpace(string(m.Payload))
	switch m.Control {
	case ctlChannel:
		return s.setChannel(text)
	case ctlHop:
		hop, err := parseHop(text)
		if err != nil {
			return 0, fmt.Errorf("hop list: %w", err)
		}
		s.hop = hop
		return askChannel, nil
	case ctlNoBeacons:
		if len(m.Payload) != 1 || m.Payload[0] > 1 {
			return 0, fmt.Errorf("no beacons: value %x is neither 0 nor 1", m.Payload)
		}
		s.filter.Flags = m.Payload[0] * wire.FilterNoBeacons
		return askFilter, nil
	case ctlSnapLen:
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no snap length from 0 to 65535", text)
		}
		s.snapLen = uint16(n)
		return askSnapLen, nil
	case ctlFilter:
		f, err := ParseFilter(text)
		if err != nil {
			return 0, err
		}
		s.filter = f
		return askFilter, nil
	case ctlStatusNow:
		return askStatus, nil
	case ctlStatus, ctlLog, ctlHelp, ctlRestore:
		return 0, nil
	}
	return 0, fmt.Errorf("there is no control %d", m.Control)
}

// setChannel leaves hopping for one channel. That the board hops is shown, not
// chosen.
func (s *settings) setChannel(text string) (asks, error) {
	ch, err := strconv.ParseUint(text, 10, 8)
	if err != nil || ch > wire.ChannelMax {
		return 0, fmt.Errorf("%q is no channel from 1 to 14", text)
	}
	if ch == channelHops {
		return 0, nil
	}
	s.channel, s.hop = uint8(ch), nil
	return askChannel, nil
}

// readBack sets the toolbar to what is in force on the board.
func (e *engine) readBack() {
	e.mu.Lock()
	s, settled := e.state.force, e.state.settled
	e.mu.Unlock()
	if !settled {
		return
	}
	channel := s.channel
	if len(s.hop) > 0 {
		channel = channelHops
	}
	e.link.post(ctlChannel, CommandSet, strconv.Itoa(int(channel)))
	e.link.post(ctlHop, CommandSet, formatHop(s.hop))
	e.link.post(ctlNoBeacons, CommandSet, string([]byte{s.filter.Flags & wire.FilterNoBeacons}))
	e.link.post(ctlSnapLen, CommandSet, strconv.Itoa(int(s.snapLen)))
	e.link.post(ctlFilter, CommandSet, FormatFilter(s.filter))
}

func formatHop(hop []uint8) string {
	var fields []string
	for _, ch := range hop {
		fields = append(fields, strconv.Itoa(int(ch)))
	}
	return strings.Join(fields, ",")
}

// sameFilter compares what two filters let pass; the order of addresses does
// not count.
func sameFilter(a, b wire.Filter) bool {
	order := func(x, y wire.MAC) int { return bytes.Compare(x[:], y[:]) }
	return a.Types == b.Types && a.Flags == b.Flags &&
		slices.Equal(slices.SortedFunc(slices.Values(a.Addrs), order), slices.SortedFunc(slices.Values(b.Addrs), order))
}
