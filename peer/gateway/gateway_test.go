package gateway

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// handle gives a gateway a datagram and checks the answer's code.
func handle(t *testing.T, g *Gateway, now time.Time, datagram []byte, want codes.Code, diagnostic string) []byte {
	t.Helper()
	out := bytes.Clone(g.Handle(now, fuzzSource, datagram))
	m, err := coap.Parse(out, nil)
	if err != nil || m.Code != want || diagnostic != "" && string(m.Payload) != diagnostic {
		t.Errorf("%s %q, %v; %s %q expected", coap.FormatCode(m.Code), m.Payload, err, coap.FormatCode(want), diagnostic)
	}
	return out
}

// record is a record of the subject's session under a message id.
func (s *subject) record(t *testing.T, mid uint16) []byte {
	t.Helper()
	body, _, err := s.client.Seal(nil, []byte("genuine"))
	if err != nil {
		t.Fatal(err)
	}
	d := encode(codes.POST, "msg", body, message.Option{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatRecord)})
	d[2], d[3] = byte(mid>>8), byte(mid)
	return d
}

// TestExchangeLifetime: RFC 7252 §4.8.2. After 247 s a message id means
// nothing any more, and the window speaks.
func TestExchangeLifetime(t *testing.T) {
	s, accepted := newSubject(t), []string{}
	g := s.gateway(t, &accepted)
	first := handle(t, g, fuzzBoot, s.handshake, codes.Changed, "")
	d := s.record(t, 7)
	answer := handle(t, g, fuzzBoot, d, codes.Changed, "")
	if again := handle(t, g, fuzzBoot.Add(246*time.Second), d, codes.Changed, ""); !bytes.Equal(again, answer) {
		t.Error("a second encryption")
	}
	if again := handle(t, g, fuzzBoot.Add(246*time.Second), s.handshake, codes.Changed, ""); !bytes.Equal(again, first) {
		t.Error("a second handshake")
	}
	handle(t, g, fuzzBoot.Add(247*time.Second), d, codes.Unauthorized, diagReplay)
	restarted := bytes.Clone(d)
	restarted[4] ^= 1 // another token: not a retransmission
	handle(t, g, fuzzBoot, restarted, codes.Unauthorized, diagReplay)
	for i := range uint16(sessionAnswers) { // push the first out of the ring
		handle(t, g, fuzzBoot, s.record(t, 100+i), codes.Changed, "")
	}
	handle(t, g, fuzzBoot, d, codes.Unauthorized, diagReplay)
	handle(t, g, fuzzBoot, s.record(t, 1), codes.Changed, "") // the handshake's id, free again
	if n := len(g.sessions.byExchange); n > sessionAnswers {
		t.Errorf("%d exchanges are indexed", n)
	}
}

// TestSessionLimits: 24 h, and 2^20 failed tags.
func TestSessionLimits(t *testing.T) {
	for name, wear := range map[string]func(*slot) time.Duration{
		"24 h": func(*slot) time.Duration { return session.MaxAge },
		"failed tags": func(s *slot) time.Duration {
			for range session.MaxFailedTags {
				s.Failed()
			}
			return time.Minute
		},
	} {
		s, accepted := newSubject(t), []string{}
		g := s.gateway(t, &accepted)
		handle(t, g, fuzzBoot, s.handshake, codes.Changed, "")
		handle(t, g, fuzzBoot.Add(session.MaxAge-time.Second), s.record(t, 2), codes.Changed, "")
		later := wear(g.sessions.bySID[s.sid])
		handle(t, g, fuzzBoot.Add(later), s.record(t, 3), codes.Unauthorized, diagNoContext)
		if len(g.sessions.bySID) != 0 || len(g.sessions.byExchange) != 0 {
			t.Errorf("%s: something is left of the session", name)
		}
	}
}

// TestRemembered: the id of a session that has closed is refused while its
// Echo lives, even under another message id.
func TestRemembered(t *testing.T) {
	s, accepted := newSubject(t), []string{}
	g := s.gateway(t, &accepted)
	handle(t, g, fuzzBoot, s.handshake, codes.Changed, "")
	g.sessions.remove(g.sessions.bySID[s.sid])
	again := bytes.Clone(s.handshake)
	for _, after := range []time.Duration{0, 30 * time.Second, 60*time.Second + 999*time.Millisecond} {
		again[3]++
		handle(t, g, fuzzBoot.Add(after), again, codes.Unauthorized, diagReplay)
	}
	again[3]++
	handle(t, g, fuzzBoot.Add(61*time.Second), again, codes.Unauthorized, diagEcho)
	if len(accepted) != 1 {
		t.Errorf("accepted %d times", len(accepted))
	}
}

// TestSources: the buckets of sources do not pile up, however many there are.
func TestSources(t *testing.T) {
	g := newSubject(t).gateway(t, nil)
	taken := 0
	for i := range 100_000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
		r := &request{from: from, now: fuzzBoot.Add(time.Duration(i) * time.Millisecond)} // 1000/s for 100 s
		if g.takeDecapsulation(r) {
			taken++
		}
	}
	if taken < 1000 || taken > 1011 {
		t.Errorf("%d decapsulations in 100 s", taken)
	}
	if n := len(g.sources); n > 25 {
		t.Errorf("%d buckets are kept", n)
	}
}

func TestConfig(t *testing.T) {
	key := newSubject(t).key
	for name, cfg := range map[string]Config{
		"no key":         {},
		"negative slots": {Key: key, Slots: -1},
		"short PSK":      {Key: key, PSKs: map[string][]byte{"k": make([]byte, 31)}},
		"long kid":       {Key: key, PSKs: map[string][]byte{string(make([]byte, 33)): make([]byte, 32)}},
		"no randomness":  {Key: key, Random: bytes.NewReader(nil)},
	} {
		if _, err := New(cfg, fuzzBoot); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
