package peer_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/gateway"
	"pqiot/peer/sender"
	"pqiot/peer/session"
)

func parse(t testing.TB, datagram []byte) coap.Message {
	t.Helper()
	m, err := coap.Parse(datagram, nil)
	if err != nil {
		t.Fatalf("%x: %v", datagram, err)
	}
	return m
}

// answer builds a piggybacked answer to a request that nothing authenticates.
func answer(t testing.TB, request []byte, code codes.Code, payload string, opts ...message.Option) []byte {
	m := parse(t, request)
	return coap.Append(nil, message.Message{Type: message.Acknowledgement, MessageID: m.MessageID, Token: m.Token,
		Code: code, Options: opts, Payload: []byte(payload)})
}

func isPost(t testing.TB, datagram []byte) bool { return parse(t, datagram).Code == codes.POST }

// posts returns the handshakes and records that were sent.
func (l *link) posts(t testing.TB) (out []packet) {
	for _, p := range l.sent {
		if p.up && isPost(t, p.datagram) {
			out = append(out, p)
		}
	}
	return out
}

// TestRetransmission: RFC 7252 §4.2. The first time-out lies in 2–3 s, each
// doubles the last, and after the fourth retransmission's it is over at once.
func TestRetransmission(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		w := newWorld(t, gateway.Config{})
		l := w.dial(1)
		l.tap = func(bool, []byte) [][]byte { return nil }
		began := w.now
		if _, err := l.sender(t, nil).Send([]byte("x")); !errors.Is(err, sender.ErrNoAnswer) {
			t.Fatal(err)
		}
		if len(l.sent) != 5 {
			t.Fatalf("%d transmissions", len(l.sent))
		}
		first := l.sent[1].at.Sub(began)
		if first < 2*time.Second || first > 3*time.Second {
			t.Errorf("first time-out %v", first)
		}
		for i := 1; i < 4; i++ {
			if gap := l.sent[i+1].at.Sub(l.sent[i].at); gap != first<<i || !bytes.Equal(l.sent[i].datagram, l.sent[0].datagram) {
				t.Errorf("gap %d is %v after a first one of %v", i, gap, first)
			}
		}
		if took := w.now.Sub(began); took != 31*first {
			t.Errorf("given up after %v, %v expected", took, 31*first)
		}
		seen[first] = true
	}
	if len(seen) < 2 {
		t.Error("no jitter")
	}
}

func TestTotalTimeout(t *testing.T) {
	w := newWorld(t, gateway.Config{RequirePSK: true}) // 4.03 to every handshake
	l := w.dial(1)
	began := w.now
	var waits []time.Duration
	s := l.sender(t, func(c *sender.Config) {
		c.Timeout = 1000 * time.Second
		c.Event = func(e sender.Event) { waits = append(waits, e.Wait) }
	})
	_, err := s.Send([]byte("x"))
	if !errors.Is(err, sender.ErrTimeout) || w.now.Sub(began) != 1000*time.Second {
		t.Errorf("%v after %v", err, w.now.Sub(began))
	}
	if fmt.Sprint(waits[:7]) != "[2s 4s 8s 16s 32s 1m0s 1m0s]" {
		t.Errorf("back-off %v", waits)
	}
	if len(w.messages()) != 0 {
		t.Error("the gateway took a message without PSK")
	}
}

// TestBadKey: nothing is sent to a gateway whose key is not the right one.
func TestBadKey(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	ek := w.config.Key.EncapsulationKey()
	unreduced := bytes.Clone(ek)
	unreduced[0], unreduced[1] = 0xff, unreduced[1]|0x0f // first coefficient 4095 ≥ q
	for _, c := range []struct {
		name string
		key  []byte
		pin  [32]byte
		want error
	}{
		{"another key", append(bytes.Clone(ek[:799]), ek[799]^1), sha256.Sum256(ek), sender.ErrPin},
		{"a coefficient over q", unreduced, sha256.Sum256(unreduced), session.ErrPublicKey},
		{"cut", ek[:799], sha256.Sum256(ek[:799]), session.ErrPublicKey},
		{"empty", nil, sha256.Sum256(nil), session.ErrPublicKey},
		{"long", append(bytes.Clone(ek), 0), sha256.Sum256(append(bytes.Clone(ek), 0)), session.ErrPublicKey},
	} {
		l := w.dial(1)
		l.tap = func(up bool, d []byte) [][]byte {
			if !up {
				m := parse(t, d)
				m.Payload = c.key
				d = coap.Append(nil, m.Message)
			}
			return [][]byte{d}
		}
		s := l.sender(t, func(cfg *sender.Config) { cfg.Pin = &c.pin })
		if _, err := s.Send([]byte("secret")); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if posts := l.posts(t); len(posts) != 0 {
			t.Errorf("%s: a handshake was sent", c.name)
		}
	}
}

// TestStaleEcho: 4.01 + Echo is answered at once, with the same ciphertext and
// other keys.
func TestStaleEcho(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	l := w.dial(1)
	l.tap = func(up bool, d []byte) [][]byte {
		if m := parse(t, d); !up && m.Code == codes.Content {
			d[bytes.Index(d, w.config.Key.EncapsulationKey())-2] ^= 1 // last byte of the Echo
		}
		return [][]byte{d}
	}
	began := w.now
	send(t, l.sender(t, nil), "x")
	posts := l.posts(t)
	if len(posts) != 2 || w.now.Sub(began) > time.Second {
		t.Fatalf("%d handshakes in %v", len(posts), w.now.Sub(began))
	}
	a, b := parse(t, posts[0].datagram).Payload, parse(t, posts[1].datagram).Payload
	if !bytes.Equal(a[:768+13], b[:768+13]) || bytes.Equal(a[768+13:], b[768+13:]) {
		t.Error("the same ciphertext under other keys was expected")
	}
}

// TestReboot: the gateway forgets the session; the sender finds out and opens
// another, after the back-off.
func TestReboot(t *testing.T) {
	for _, oscore := range []bool{false, true} {
		w := newWorld(t, gateway.Config{OSCORE: oscore})
		l := w.dial(1)
		s := l.sender(t, func(c *sender.Config) { c.OSCORE = oscore })
		send(t, s, "0")
		send(t, s, "1")
		w.reboot(t)
		began := w.now
		send(t, s, "2")
		if took := w.now.Sub(began); took < 2*time.Second || took > 5*time.Second {
			t.Errorf("back after %v", took)
		}
		send(t, s, "3")
		if got := fmt.Sprint(w.messages()); got != "[0 1 2 3]" || w.count(gateway.SessionOpened) != 2 {
			t.Errorf("%s in %d sessions", got, w.count(gateway.SessionOpened))
		}
	}
}

// TestSeparateResponse: RFC 7252 §5.2.2, with the answer in a CON of its own.
func TestSeparateResponse(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	l := w.dial(1)
	acks := 0
	l.tap = func(up bool, d []byte) [][]byte {
		m := parse(t, d)
		if up {
			if m.Code == codes.Empty && m.Type == message.Acknowledgement && m.MessageID == 77 {
				acks++
			}
			return [][]byte{d}
		}
		ack := coap.AppendACK(nil, uint16(m.MessageID))
		m.Type, m.MessageID = message.Confirmable, 77
		return [][]byte{ack, coap.Append(nil, m.Message)}
	}
	s := l.sender(t, nil)
	send(t, s, "0")
	send(t, s, "1")
	if acks != 3 {
		t.Errorf("%d of 3 separate responses acknowledged", acks)
	}
	if got := fmt.Sprint(w.messages()); got != "[0 1]" {
		t.Error(got)
	}
}

// TestLossy: 200 senders' worth of loss, duplication and reordering, without
// waiting: every message is accepted once and acknowledged.
func TestLossy(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		suite := session.Suite(1 + seed%3)
		key, err := session.NewPrivateKey(suite, seedOf(suite))
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, gateway.Config{Key: key, OSCORE: true})
		l := w.dial(uint16(seed + 1))
		var held [][]byte
		l.tap = func(up bool, d []byte) [][]byte {
			switch rng.IntN(8) {
			case 0:
				return nil
			case 1:
				return [][]byte{d, bytes.Clone(d)}
			case 2: // overtaken by the next of its direction
				if up {
					held = append(held, d)
					return nil
				}
			case 3:
				if up {
					out := append([][]byte{d}, held...)
					held = nil
					return out
				}
			}
			return [][]byte{d}
		}
		s := l.sender(t, func(c *sender.Config) {
			c.OSCORE = seed%2 == 0
			c.Timeout = time.Hour
			c.Transmission = &sender.Transmission{AckTimeout: 2 * time.Second, AckRandomFactor: 1.5, MaxRetransmit: 12}
		})
		want := ""
		for i := range 30 {
			text := fmt.Sprintf("%d.", i)
			want += text
			send(t, s, text)
		}
		got := ""
		for _, m := range w.messages() {
			got += m
		}
		if got != want {
			t.Errorf("seed %d: %s", seed, got)
		}
	}
}

func seedOf(s session.Suite) []byte { return seed(byte(s)) }

// TestManySenders: interleaved sessions of one gateway do not touch each other.
func TestManySenders(t *testing.T) {
	w := newWorld(t, gateway.Config{})
	var all []*sender.Sender
	for i := range 20 {
		l := w.dial(uint16(1000 + i))
		l.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 1000)
		all = append(all, l.sender(t, nil))
		w.now = w.now.Add(time.Second)
	}
	for round := range 5 {
		for i, s := range all {
			send(t, s, fmt.Sprintf("%d/%d", i, round))
		}
	}
	if got := w.messages(); len(got) != 100 || w.count(gateway.SessionOpened) != 20 {
		t.Errorf("%d messages in %d sessions", len(got), w.count(gateway.SessionOpened))
	}
}
