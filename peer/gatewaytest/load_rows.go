package gatewaytest

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// loadRows: more of everything than the gateway has.
func loadRows() []row {
	return []row{
		{name: "flood of handshakes", run: handshakeFlood},
		{name: "flood of handshakes from one source", run: sourceFlood},
		{name: "flood of GETs", run: getFlood},
		{name: "flood of failed tags", run: tagFlood},
		{name: "all slots taken", options: Options{Slots: 4}, slow: true, run: slotsTaken},
		{name: "all slots taken, PSK", options: Options{Slots: 3}, run: slotOfKID},
	}
}

// message9 is a request with an OSCORE option.
func message9(value, body []byte) message.Message {
	return message.Message{Code: codes.POST, Options: message.Options{option(coap.OSCORE, value)}, Payload: body}
}

// noise is a handshake with a random ciphertext that passes every check up to
// the decapsulation.
func (p *peer) noise(t testing.TB, echo []byte) message.Message {
	t.Helper()
	ct := make([]byte, p.suite.CiphertextSize())
	rand.Read(ct)
	sid := session.SID(ct)
	n := wire.NewSessionNonce(sid, 0)
	body := append(append(ct, n[:]...), make([]byte, 20)...)
	return p.message(&attempt{echo: echo, body: body})
}

// tally counts how many of an open bucket's tokens a flood has got.
type tally struct {
	spent, refused int
	began          time.Time
}

func (c *tally) add(t testing.TB, m coap.Message) {
	t.Helper()
	switch m.Code {
	case codes.BadRequest:
		c.spent++
	case codes.ServiceUnavailable:
		if age, err := m.Options.GetUint32(message.MaxAge); err != nil || age != 10 {
			t.Errorf("5.03 with Max-Age %d", age)
		}
		c.refused++
	default:
		t.Errorf("%s %q in a flood", coap.FormatCode(m.Code), m.Payload)
	}
}

// check holds the tokens against the bucket: its burst and what flowed in.
func (c *tally) check(t testing.TB, burst, rate float64) {
	t.Helper()
	took := time.Since(c.began).Seconds()
	t.Logf("%d decapsulations, %d refused in %.2f s", c.spent, c.refused, took)
	if float64(c.spent) > burst+rate*took+1 {
		t.Errorf("%d decapsulations in %.2f s", c.spent, took)
	}
	if c.spent == 0 || c.refused == 0 {
		t.Error("the flood did not reach the bucket's end")
	}
}

func handshakeFlood(t *testing.T, r *rig) {
	type source struct {
		*peer
		echo []byte
	}
	var all []source
	for range 60 { // of one token each
		p := r.dial(t)
		all = append(all, source{p, p.freshEcho(t)})
	}
	c := tally{began: time.Now()}
	for i := range 600 {
		p := all[i%len(all)]
		c.add(t, p.do(t, p.noise(t, p.echo)))
		if i%100 == 0 {
			r.legit.works(t)
		}
	}
	c.check(t, 10, 10)
}

func sourceFlood(t *testing.T, r *rig) {
	p := r.dial(t)
	echo := p.freshEcho(t)
	c := tally{began: time.Now()}
	for range 100 {
		c.add(t, p.do(t, p.noise(t, echo)))
	}
	c.check(t, 1, 1)
}

// getFlood: what an unverified GET brings back is small, save for the bucket.
func getFlood(t *testing.T, r *rig) {
	p := r.dial(t)
	began, full := time.Now(), 0
	for range 200 {
		d := p.encode(get())
		out := p.raw(t, d)
		m, err := coap.Parse(out, nil)
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Code == codes.Content:
			full++
		case m.Code != codes.Unauthorized || len(out) != 22 || len(m.Payload) != 0 || !m.Options.HasOption(coap.Echo):
			t.Fatalf("%d bytes: %x", len(out), out)
		}
	}
	if took := time.Since(began).Seconds(); float64(full) > 4+took+1 || full < 1 {
		t.Errorf("%d keys in %.2f s", full, took)
	}
	m := p.do(t, get())
	if echo, err := m.Options.GetBytes(coap.Echo); err == nil {
		expect(t, "GET with the Echo of the 4.01", p.do(t, get(option(coap.Echo, bytes.Clone(echo)))), codes.Content, "")
	}
}

// tagFlood: a forger cannot close a session, nor keep the gateway busy: what
// is over 10 failed tags a second is dropped unopened.
func tagFlood(t *testing.T, r *rig) {
	victim := r.dial(t)
	victim.open(t)
	body, _ := victim.seal(t, 7, nil)
	body[14] ^= 1
	p := r.dial(t)
	began := time.Now()
	for range 200 {
		p.conn.Write(p.encode(post(wire.ContentFormatRecord, body)))
	}
	p.mid++
	ping := []byte{0x40, 0, byte(p.mid >> 8), byte(p.mid)}
	p.conn.Write(ping)
	opened := 0
	for {
		out := p.read(t)
		if bytes.Equal(out, []byte{0x70, 0, ping[2], ping[3]}) {
			break
		}
		opened++
	}
	if took := time.Since(began).Seconds(); float64(opened) > 10+10*took+1 || opened < 1 {
		t.Errorf("%d forged records opened in %.2f s", opened, took)
	}
	r.pass(2 * time.Second)
	victim.works(t)
}

// slotsTaken: 5.03, and only a session that was idle for more than 60 s gives
// way.
func slotsTaken(t *testing.T, r *rig) {
	var all []*peer
	for range r.Slots - 1 { // the session in being has one
		p := r.dial(t)
		p.open(t)
		all = append(all, p)
	}
	late := r.dial(t)
	a := late.prepare(t, late.freshEcho(t), nil)
	refuse := func() {
		t.Helper()
		m := late.deliver(t, a)
		expect(t, "no slot", m, codes.ServiceUnavailable, "")
		if age, err := m.Options.GetUint32(message.MaxAge); err != nil || age != 10 {
			t.Errorf("Max-Age %d", age)
		}
	}
	refuse()
	refuse() // no token is spent on it either
	r.pass(31 * time.Second)
	r.legit.works(t)
	for _, p := range all[1:] {
		p.works(t)
	}
	r.pass(31 * time.Second)
	late.open(t) // in the place of all[0]
	late.works(t)
	for _, p := range all[1:] {
		p.works(t)
	}
	body, _ := all[0].seal(t, 1, nil)
	expect(t, "the idle session", all[0].record(t, body), codes.Unauthorized, "Security context not found")
	a = late.prepare(t, late.freshEcho(t), nil)
	refuse()
}

// slotOfKID: a sender with a PSK gets in although every slot is taken, in the
// place of its own session.
func slotOfKID(t *testing.T, r *rig) {
	owner := r.dial(t)
	owner.usePSK()
	owner.open(t)
	for range r.Slots - 2 {
		p := r.dial(t)
		p.open(t)
	}
	stranger := r.dial(t)
	expect(t, "no slot", stranger.deliver(t, stranger.prepare(t, stranger.freshEcho(t), nil)), codes.ServiceUnavailable, "")
	liar := r.dial(t)
	liar.kid, liar.psk = owner.kid, bytes.Repeat([]byte{1}, 32)
	expect(t, "wrong PSK", liar.deliver(t, liar.prepare(t, liar.freshEcho(t), nil)), codes.BadRequest, "Decryption failed")
	owner.works(t)
	again := r.dial(t)
	again.usePSK()
	again.open(t)
	again.works(t)
}
