package peer_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"pqiot/peer/gateway"
	"pqiot/peer/sender"
	"pqiot/peer/session"
)

// world is a gateway and the time that passes for it and its senders. Nothing
// in it waits: time moves when a sender does.
type world struct {
	now     time.Time
	gateway *gateway.Gateway
	config  gateway.Config
	events  []gateway.Event
	coin    byte // of the last session opened by hand
}

var (
	testPSK = bytes.Repeat([]byte{0x77}, 32)
	testKID = "k1"
)

func seed(n byte) []byte { return bytes.Repeat([]byte{n}, session.SeedSize) }

func newWorld(t testing.TB, cfg gateway.Config) *world {
	t.Helper()
	w := &world{now: time.Unix(1_000_000, 0), config: cfg}
	if cfg.Key == nil {
		key, err := session.NewPrivateKey(session.MLKEM512, seed(1))
		if err != nil {
			t.Fatal(err)
		}
		w.config.Key = key
	}
	w.config.PSKs = map[string][]byte{testKID: testPSK}
	w.config.Event = func(e gateway.Event) {
		e.Data = bytes.Clone(e.Data)
		w.events = append(w.events, e)
	}
	w.reboot(t)
	return w
}

func (w *world) reboot(t testing.TB) {
	t.Helper()
	var err error
	if w.gateway, err = gateway.New(w.config, w.now); err != nil {
		t.Fatal(err)
	}
}

// messages returns the data of the messages that were accepted.
func (w *world) messages() (out []string) {
	for _, e := range w.events {
		if e.Kind == gateway.Message {
			out = append(out, string(e.Data))
		}
	}
	return out
}

func (w *world) count(kind gateway.Kind) (n int) {
	for _, e := range w.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// link is a sender's link to a world's gateway.
type link struct {
	*world
	from  netip.AddrPort
	queue []arrival

	sent []packet                                      // both ways
	tap  func(up bool, datagram []byte) (out [][]byte) // what becomes of a datagram; nil: it arrives
}

type arrival struct {
	at       time.Time
	datagram []byte
}

type packet struct {
	up       bool
	at       time.Time
	datagram []byte
}

const delay = time.Millisecond

func (w *world) dial(port uint16) *link {
	return &link{world: w, from: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)}
}

func (l *link) pass(up bool, datagram []byte) [][]byte {
	l.sent = append(l.sent, packet{up, l.now, bytes.Clone(datagram)})
	if l.tap == nil {
		return [][]byte{bytes.Clone(datagram)}
	}
	return l.tap(up, bytes.Clone(datagram))
}

func (l *link) Now() time.Time { return l.now }

func (l *link) Send(datagram []byte) error {
	for _, d := range l.pass(true, datagram) {
		if out := l.gateway.Handle(l.now, l.from, d); out != nil {
			l.inject(l.pass(false, out)...)
		}
	}
	return nil
}

// inject lets datagrams arrive at the sender.
func (l *link) inject(datagrams ...[]byte) {
	for _, d := range datagrams {
		l.queue = append(l.queue, arrival{l.now.Add(delay), d})
	}
}

func (l *link) Recv(buf []byte, deadline time.Time) (int, error) {
	if len(l.queue) > 0 && !l.queue[0].at.After(deadline) {
		a := l.queue[0]
		l.queue = l.queue[1:]
		if a.at.After(l.now) {
			l.now = a.at
		}
		return copy(buf, a.datagram), nil
	}
	if deadline.After(l.now) {
		l.now = deadline
	}
	return 0, os.ErrDeadlineExceeded
}

// sender makes a sender on a link, provisioned with the gateway's pin.
func (l *link) sender(t testing.TB, change func(*sender.Config)) *sender.Sender {
	t.Helper()
	pin := l.gateway.Pin()
	cfg := sender.Config{Suite: l.config.Key.Suite(), Pin: &pin}
	if change != nil {
		change(&cfg)
	}
	s, err := sender.New(cfg, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func withPSK(c *sender.Config) { c.KID, c.PSK = []byte(testKID), testPSK }

func send(t testing.TB, s *sender.Sender, text string) {
	t.Helper()
	reply, err := s.Send([]byte(text))
	if err != nil || string(reply) != "ok" {
		t.Fatalf("sending %d bytes: %q, %v", len(text), reply, err)
	}
}

func TestConversation(t *testing.T) {
	for _, suite := range []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024} {
		for _, mode := range []struct {
			name    string
			change  func(*sender.Config)
			gateway gateway.Config
		}{
			{"plain", nil, gateway.Config{}},
			{"PSK", withPSK, gateway.Config{RequirePSK: true}},
			{"OSCORE", func(c *sender.Config) { c.OSCORE = true }, gateway.Config{OSCORE: true}},
		} {
			t.Run(fmt.Sprint(suite, " ", mode.name), func(t *testing.T) {
				key, err := session.NewPrivateKey(suite, seed(byte(suite)))
				if err != nil {
					t.Fatal(err)
				}
				mode.gateway.Key = key
				w := newWorld(t, mode.gateway)
				s := w.dial(1000).sender(t, mode.change)
				texts := []string{"first", "second", string(make([]byte, 995)), "", string(make([]byte, 225))}
				for _, text := range texts {
					send(t, s, text)
				}
				if got := w.messages(); fmt.Sprint(got) != fmt.Sprint(texts) {
					t.Errorf("the gateway has %q", got)
				}
				if n := w.count(gateway.SessionOpened); n != 1 {
					t.Errorf("%d sessions", n)
				}
				if _, err := s.Send(make([]byte, 996)); !errors.Is(err, sender.ErrTooLong) {
					t.Errorf("996 bytes: %v", err)
				}
			})
		}
	}
}

// TestLongFirst sends a first message that does not fit into the first flight.
func TestLongFirst(t *testing.T) {
	for _, size := range []int{0, 1, 224, 225, 995} {
		w := newWorld(t, gateway.Config{})
		s := w.dial(1000).sender(t, nil)
		text := string(bytes.Repeat([]byte("x"), size))
		send(t, s, text)
		if got := w.messages(); len(got) != 1 || got[0] != text {
			t.Errorf("%d bytes: %d messages", size, len(got))
		}
	}
}

// figures of a cold, a refreshed and a later message with 4-byte tokens, a
// 2-byte kid and 16 bytes of data: CoAP bytes up to and with the request that
// carries the message.
func TestFigures(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	l := w.dial(1000)
	s := l.sender(t, withPSK)
	text := "sixteen bytes it"
	for _, c := range []struct {
		name            string
		before          func()
		bytes, requests int
	}{
		{"cold", func() {}, 1696, 2},
		{"later", func() {}, 61, 1},
		{"refreshed", func() { w.now = w.now.Add(session.MaxAge) }, 899, 2},
	} {
		c.before()
		l.sent = nil
		send(t, s, text)
		n, requests := l.upToMessage()
		t.Logf("%s: %d bytes, %d round trips", c.name, n, requests)
		if n != c.bytes || requests != c.requests {
			t.Errorf("%s: %d bytes in %d requests, %d in %d expected", c.name, n, requests, c.bytes, c.requests)
		}
	}
}

func TestPin(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	l := w.dial(1000)
	wrong := sha256.Sum256(nil)
	s := l.sender(t, func(c *sender.Config) { c.Pin = &wrong })
	if _, err := s.Send([]byte("secret")); !errors.Is(err, sender.ErrPin) {
		t.Errorf("another pin: %v", err)
	}
	if len(l.sent) != 2 {
		t.Errorf("%d datagrams after the GET", len(l.sent)-2)
	}
	if _, err := sender.New(sender.Config{Suite: session.MLKEM512}, l); err == nil {
		t.Error("no pin at all is taken")
	}
	var opened [32]byte
	s = l.sender(t, func(c *sender.Config) {
		c.Pin, c.TrustOnFirstUse = nil, true
		c.Event = func(e sender.Event) { opened = e.Pin }
	})
	send(t, s, "first use")
	if opened != w.gateway.Pin() {
		t.Errorf("the pin of the first use is %x", opened)
	}
}
