package lab

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"pqiot/firmware/lab/air"
	"pqiot/wire"
)

// Sink gets the time line of a run, in its order. An error ends the run.
type Sink interface {
	// Frame is one that the sniffer's radio hears. In virtual time the truth
	// counts lines, too: it has the numbers of a capture that holds both. In
	// real time it counts frames alone.
	Frame(air.Heard, air.Truth) error
	// Line is one that a board prints, or what its LED or screen shows. at is
	// in µs since the start.
	Line(board string, at uint64, text string) error
	// Raw is what a board prints, byte by byte.
	Raw(board string, b []byte) error
}

// Config says what to run.
type Config struct {
	Scenario        Scenario
	Seed            uint64
	Seconds         int         // 0: the scenario's own; negative: until the context ends
	Network         air.Network // without a name: open air under the lab's own name
	Gateway, Sender Board
	Sink            Sink
	RealTime        bool // else as fast as it goes

	// Typed brings what people type on a console; may be nil.
	Typed <-chan Typed
}

// Typed is what somebody typed on the console of a board.
type Typed struct {
	Board string
	Text  []byte
}

// Names of the boards.
const (
	GatewayName = "gateway"
	SenderName  = "sender"
)

// Result is what came of a run.
type Result struct {
	Sent     int // messages that the sender was told to send and had time for
	Accepted int // of them, those that the gateway showed
	Seconds  float64
}

// Lab is a run under way.
type Lab struct {
	world           *air.World
	gateway, sender *station
	sink            Sink
	length          uint64 // µs
	live            bool
	err             error

	every    uint64 // µs between messages
	ready    bool   // the sender takes messages
	waiting  int    // of its messages it has not told the end yet
	sent     int
	accepted int
	awaited  []string // messages that the gateway has not shown yet, oldest first
}

// ErrLost means that a message did not arrive.
var ErrLost = errors.New("message lost")

const (
	forever   = 1 << 62   // µs
	settle    = 15        // seconds at the end in which nothing new is sent
	maxWaits  = 64        // messages under way; more are lost
	firstText = 4_000_000 // µs
	retryText = 1_000_000

	senderQueue = 3 // messages; the firmware takes one more
)

// Run lets a scenario happen. It ends when its time is over, ctx ends, or a
// board or the sink fails.
func Run(ctx context.Context, c Config) (Result, error) {
	l, err := newLab(c)
	if err != nil {
		return Result{}, err
	}
	l.begin(c.Network)
	if c.Scenario.script != nil {
		c.Scenario.script(l)
	}
	if c.RealTime {
		l.follow(ctx, c.Typed)
	} else {
		l.swift(ctx)
	}
	return Result{l.sent, l.accepted, float64(l.world.Now()) / 1e6}, l.err
}

func newLab(c Config) (*Lab, error) {
	if c.Network.SSID == "" {
		c.Network.SSID = air.SimSSID
	}
	if c.Scenario.NeedsWPA && c.Network.Passphrase == "" {
		return nil, fmt.Errorf("scenario %s needs WPA2", c.Scenario.Name)
	}
	w, err := air.NewNetwork(c.Seed, c.Network, c.Scenario.conditions)
	if err != nil {
		return nil, err
	}
	l := &Lab{world: w, sink: c.Sink, live: c.RealTime, every: uint64(c.Scenario.Every.Microseconds())}
	switch {
	case c.Seconds > 0:
		l.length = uint64(c.Seconds) * 1_000_000
	case c.Seconds < 0:
		l.length = forever
	default:
		l.length = uint64(c.Scenario.Seconds) * 1_000_000
	}
	w.Monitor = func(h air.Heard, t air.Truth) { l.fail(l.sink.Frame(h, t)) }
	l.gateway = l.addStation(GatewayName, c.Gateway, 2, wire.CoAPPort)
	l.sender = l.addStation(SenderName, c.Sender, 10, uint16(49152+c.Seed%16384))
	return l, nil
}

// fail ends the run with the first error.
func (l *Lab) fail(err error) {
	if err != nil && l.err == nil {
		l.err = err
		l.world.End()
	}
}

// pinOf finds the gateway's pin in what it prints.
var pinOf = regexp.MustCompile(`\bpin:? ([0-9a-f]{64})\b`)

// begin switches both boards on and types what they must know: the sender
// needs the gateway's pin, which that prints at boot.
func (l *Lab) begin(n air.Network) {
	if n.SSID == "" {
		n.SSID = air.SimSSID
	}
	wifi := func(s *station) {
		if n.Passphrase == "" {
			s.enter("wifi %s", quote(n.SSID))
		} else {
			s.enter("wifi %s %s", quote(n.SSID), quote(n.Passphrase))
		}
	}
	pinned := false
	l.sender.said = l.progress
	l.gateway.said = func(line string) {
		l.arrived(line)
		if m := pinOf.FindStringSubmatch(line); m != nil && !pinned {
			pinned = true
			l.world.After(300_000, func() { l.sender.enter("pin %s", m[1]) })
		}
	}
	l.world.After(1000, func() { l.gateway.step() })
	l.world.After(100_000, func() { wifi(l.gateway) })
	l.world.After(200_000, func() { l.sender.step() })
	l.world.After(600_000, func() { l.sender.enter("interval 0") })
	l.world.After(700_000, func() { l.sender.enter("gateway %s", gatewayIP) })
	l.world.After(800_000, func() { wifi(l.sender) })
	l.world.After(firstText, l.message)
}

const gatewayIP = "192.168.7.2"

// quote makes one word of a console command.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// message lets the sender send one more, unless the run is nearly over. A
// sender that has enough to do is let be.
func (l *Lab) message() {
	if l.length-min(l.length, l.world.Now()) < settle*1_000_000 && l.length > 2*settle*1_000_000 {
		return
	}
	if !l.ready || l.waiting >= senderQueue {
		l.world.After(retryText, l.message)
		return
	}
	l.sent++
	l.waiting++
	text := fmt.Sprintf("T=%d.%dC #%05d", 18+l.sent*7%9, l.sent*3%10, l.sent)
	if l.awaited = append(l.awaited, text); len(l.awaited) > maxWaits {
		l.awaited = l.awaited[1:]
	}
	l.sender.enter("send %s", text)
	l.world.After(l.every, l.message)
}

// progress follows what the sender says of its work.
func (l *Lab) progress(line string) {
	switch {
	case line == "ready":
		l.ready = true
	case strings.HasPrefix(line, "acknowledged "), strings.HasPrefix(line, "failed: "):
		l.waiting = max(l.waiting-1, 0)
	}
}

// restartSender cuts the sender's power. The messages that it held are gone
// with it, and not counted.
func (l *Lab) restartSender() {
	l.sent -= len(l.awaited)
	l.ready, l.waiting, l.awaited = false, 0, nil
	l.sender.cutPower()
}

// arrived looks for a message in what the gateway prints.
func (l *Lab) arrived(line string) {
	if strings.HasPrefix(line, "screen ") {
		return
	}
	for i, text := range l.awaited {
		if strings.Contains(line, text) {
			l.accepted++
			l.awaited = append(l.awaited[:i], l.awaited[i+1:]...)
			return
		}
	}
}

// line is a packet of the capture, too. In real time it comes another way, and
// nobody knows yet between which frames.
func (l *Lab) line(s *station, text string) {
	if !l.live {
		l.world.Skip()
	}
	l.fail(l.sink.Line(s.name, l.world.Now(), text))
}

func (l *Lab) raw(s *station, b []byte) { l.fail(l.sink.Raw(s.name, b)) }

// swift lets virtual time pass as fast as it goes. It ends in peace with ctx.
func (l *Lab) swift(ctx context.Context) {
	const slice = 1_000_000 // µs between looks at ctx
	for l.err == nil && ctx.Err() == nil && l.world.Now() < l.length {
		l.world.RunUntil(min(l.world.Now()+slice, l.length))
	}
}

// follow lets virtual time pass as real time does. It ends in peace with ctx.
func (l *Lab) follow(ctx context.Context, typed <-chan Typed) {
	start := time.Now()
	now := func() uint64 { return uint64(time.Since(start).Microseconds()) }
	for l.err == nil && l.world.Now() < l.length {
		alarm := time.NewTimer(time.Duration(l.world.Next()-min(l.world.Next(), now())) * time.Microsecond)
		select {
		case <-ctx.Done():
			alarm.Stop()
			return
		case t := <-typed:
			l.world.RunUntil(min(now(), l.length))
			l.hand(t)
		case <-alarm.C:
			l.world.RunUntil(min(now(), l.length))
		}
		alarm.Stop()
	}
}

// hand gives what was typed to its board.
func (l *Lab) hand(t Typed) {
	for _, s := range []*station{l.gateway, l.sender} {
		if s.name == t.Board {
			s.typed(t.Text)
		}
	}
}
