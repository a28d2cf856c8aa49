package gatewaytest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// handshakeRows: first payloads, and GET /pk.
func handshakeRows() []row {
	return []row{
		{name: "GET pk", run: getKey},
		{name: "GET pk by blocks", options: Options{Suite: session.MLKEM768}, run: getBlocks},
		{name: "handshake of every length", run: lengths},
		{name: "body over the buffer", run: overBuffer},
		{name: "no Echo, or one that is not ours", run: badEcho},
		{name: "expired Echo", slow: true, run: expiredEcho},
		{name: "Echo from before a reboot", run: rebootEcho},
		{name: "handshake layout", run: handshakeLayout},
		{name: "handshake that does not decrypt", run: handshakeForged},
		{name: "handshake replayed", run: handshakeReplayed},
		{name: "ciphertext repeated under a new Echo", run: repeatCiphertext},
		{name: "PSK required", options: Options{RequirePSK: true}, run: pskRequired},
		{name: "PSK offered", run: pskOffered},
	}
}

func getKey(t *testing.T, r *rig) {
	p := r.dial(t)
	m := p.do(t, get(option(coap.Echo, p.freshEcho(t))))
	expect(t, "GET /pk", m, codes.Content, "")
	etag, _ := m.Options.GetBytes(message.ETag)
	format, _ := m.Options.GetUint32(message.ContentFormat)
	age, _ := m.Options.GetUint32(message.MaxAge)
	if !bytes.Equal(etag, r.Pin[:8]) || format != wire.ContentFormatKey || age != 60 || !m.Options.HasOption(coap.Echo) {
		t.Errorf("ETag %x, Content-Format %d, Max-Age %d", etag, format, age)
	}
	if sha256.Sum256(m.Payload) != r.Pin || len(m.Payload) != r.suite.KeySize() {
		t.Errorf("%d bytes that are not the pin's", len(m.Payload))
	}
	m = p.do(t, get(option(message.ETag, r.Pin[:8])))
	if m.Code != codes.Valid || len(m.Payload) != 0 || !m.Options.HasOption(coap.Echo) || !m.Options.HasOption(message.ETag) || len(m.Options) != 2 {
		t.Errorf("refresh: %s, options %v", coap.FormatCode(m.Code), m.Options)
	}
	m = p.do(t, get(option(message.ETag, []byte("another!")), option(coap.Echo, p.freshEcho(t))))
	expect(t, "GET /pk with another ETag", m, codes.Content, "")
}

func getBlocks(t *testing.T, r *rig) {
	p := r.dial(t)
	m := p.do(t, get(option(coap.Echo, p.freshEcho(t))))
	value, err := m.Options.GetBytes(message.Block2)
	if m.Code != codes.Content || err != nil || len(m.Payload) != 1024 || !bytes.Equal(value, []byte{0x0e}) {
		t.Errorf("first block: %s, Block2 %x, %d bytes", coap.FormatCode(m.Code), value, len(m.Payload))
	}
	p.fetch(t)
	echo := option(coap.Echo, p.freshEcho(t))
	for name, block := range map[string][]byte{"past the end": {0x26}, "SZX 7": {0x07}} {
		expect(t, name, p.do(t, get(echo, option(message.Block2, block))), codes.BadRequest, "")
	}
	m = p.do(t, get(echo, option(message.Block2, []byte{0x10}))) // 16 bytes at 16
	if len(m.Payload) != 16 {
		t.Errorf("a block of 16 bytes has %d", len(m.Payload))
	}
}

func lengths(t *testing.T, r *rig) {
	p := r.dial(t)
	ct := r.suite.CiphertextSize()
	a := p.prepare(t, p.freshEcho(t), nil)
	if len(a.body) != ct+29 {
		t.Fatalf("a handshake of %d bytes", len(a.body))
	}
	for _, n := range []int{0, 1, 12, 13, 28, 29, ct - 1, ct, ct + 1, ct + 28} {
		expect(t, "cut handshake", p.do(t, p.message(&attempt{echo: a.echo, body: a.body[:n]})), codes.BadRequest, "fmt")
	}
	p.complete(t, a, p.deliver(t, a)) // no data at all, and no token was spent before
	p.works(t)
	q := r.dial(t)
	b := q.prepare(t, q.freshEcho(t), make([]byte, wire.MaxFirstData))
	q.complete(t, b, q.deliver(t, b))
	over := append(bytes.Clone(b.body), 0)
	expect(t, "225 bytes of data", q.do(t, q.message(&attempt{echo: b.echo, body: over})), codes.RequestEntityTooLarge, "")
}

func overBuffer(t *testing.T, r *rig) {
	p := r.dial(t)
	echo := p.freshEcho(t)
	for _, n := range []int{1025, 1026, 1280, 1400} {
		body := make([]byte, n)
		body[0] = wire.NonceLead
		expect(t, "record", p.record(t, body), codes.RequestEntityTooLarge, "")
		expect(t, "handshake", p.do(t, p.message(&attempt{echo: echo, body: body})), codes.RequestEntityTooLarge, "")
	}
	for _, n := range []int{2048, 9000, 60000} { // more than many a stack receives: silence will do
		d := p.encode(post(wire.ContentFormatRecord, make([]byte, n)))
		if _, err := p.conn.Write(d); err != nil {
			t.Fatal(err)
		}
		p.drain(t)
	}
}

// badEcho: 4.01 with an Echo, before a token of the source's bucket is spent.
func badEcho(t *testing.T, r *rig) {
	p, q := r.dial(t), r.dial(t)
	other := q.freshEcho(t)
	good := p.freshEcho(t)
	a := p.prepare(t, good, nil)
	flipped, future := bytes.Clone(good), bytes.Clone(good)
	flipped[11] ^= 1
	future[3]++
	for name, echo := range map[string][]byte{
		"none": nil, "another address's": other, "forged": flipped, "of another second": future, "cut": good[:11], "long": append(bytes.Clone(good), 0),
	} {
		p.wantsEcho(t, name, a, echo)
	}
	sameHost := r.dialFrom(t, &net.UDPAddr{IP: p.local().Addr().AsSlice()}, p.conn.RemoteAddr().(*net.UDPAddr))
	sameHost.wantsEcho(t, "another port's", a, good)
	p.complete(t, a, p.deliver(t, a))
	p.works(t)
}

// wantsEcho sends a handshake with an Echo that must not do, and uses none of
// its session.
func (p *peer) wantsEcho(t *testing.T, name string, a *attempt, echo []byte) {
	t.Helper()
	m := p.do(t, p.message(&attempt{echo: echo, body: a.body[:min(len(a.body), 1024)]}))
	expect(t, name, m, codes.Unauthorized, "echo")
	if value, err := m.Options.GetBytes(coap.Echo); err != nil || len(value) != wire.EchoSize {
		t.Errorf("%s: no Echo in the 4.01", name)
	}
}

func expiredEcho(t *testing.T, r *rig) {
	p := r.dial(t)
	old := p.freshEcho(t)
	a := p.prepare(t, old, nil)
	r.pass(62 * time.Second)
	p.wantsEcho(t, "expired", a, old)
	p.open(t)
}

func rebootEcho(t *testing.T, r *rig) {
	if r.Restart == nil {
		t.Skip("this gateway cannot be restarted")
	}
	p := r.dial(t)
	old := p.freshEcho(t)
	a := p.prepare(t, old, nil)
	r.Restart(t)
	p.wantsEcho(t, "from before a reboot", a, old)
	body, _, err := r.legit.client.Seal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "a session from before a reboot", r.legit.record(t, body), codes.Unauthorized, "Security context not found")
	r.legit.open(t)
}

// handshakeLayout: refused without a decapsulation, so that the one token of
// the source is still there.
func handshakeLayout(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), []byte("data"))
	ct := r.suite.CiphertextSize()
	for name, change := range map[string]func(b []byte){
		"lead byte 06":           func(b []byte) { b[ct] = 6 },
		"lead byte 00":           func(b []byte) { b[ct] = 0 },
		"SID of another":         func(b []byte) { b[ct+1] ^= 1 },
		"SID, last byte":         func(b []byte) { b[ct+7] ^= 0x80 },
		"ciphertext, SID as was": func(b []byte) { b[0] ^= 1 },
		"SEQ 1":                  func(b []byte) { b[ct+12] = 1 },
		"SEQ 2^39":               func(b []byte) { b[ct+8] = 0x80 },
	} {
		body := bytes.Clone(a.body)
		change(body)
		expect(t, name, p.do(t, p.message(&attempt{echo: a.echo, body: body})), codes.BadRequest, "fmt")
	}
	p.complete(t, a, p.deliver(t, a))
}

// forgeries are handshakes that pass every check but the tag, made from a
// genuine one that was not sent.
func forgeries(t *testing.T, r *rig) map[string]func(*peer, *attempt) *attempt {
	pskOf := func(kid string, psk []byte) func(*peer, *attempt) *attempt {
		return func(p *peer, _ *attempt) *attempt {
			p.kid, p.psk = []byte(kid), psk
			return p.prepare(t, p.freshEcho(t), []byte("data"))
		}
	}
	withCT := func(change func(ct []byte)) func(*peer, *attempt) *attempt {
		return func(p *peer, a *attempt) *attempt {
			ct := bytes.Clone(a.ct)
			change(ct)
			var ss [32]byte
			rand.Read(ss[:])
			return p.prepareWith(t, ct, ss[:], a.echo, []byte("data"))
		}
	}
	return map[string]func(*peer, *attempt) *attempt{
		"bit of the ciphertext flipped": withCT(func(ct []byte) { ct[17] ^= 4 }),
		"random ciphertext":             withCT(func(ct []byte) { rand.Read(ct) }),
		"data flipped":                  func(_ *peer, a *attempt) *attempt { a.body[len(a.ct)+13] ^= 1; return a },
		"tag flipped":                   func(_ *peer, a *attempt) *attempt { a.body[len(a.body)-1] ^= 1; return a },
		"wrong PSK":                     pskOf(r.target.KID, bytes.Repeat([]byte{9}, 32)),
		"unknown kid":                   pskOf("nobody", r.target.PSK),
		"zero PSK":                      pskOf("nobody", make([]byte, 32)),
		"mode 1 sent as mode 0": func(p *peer, _ *attempt) *attempt {
			p.usePSK()
			a := p.prepare(t, p.freshEcho(t), nil)
			p.kid, p.psk = nil, nil
			return a
		},
	}
}

// handshakeForged: whatever decapsulates to another secret or has another PSK
// gets one and the same answer, and takes no slot.
func handshakeForged(t *testing.T, r *rig) {
	var first []byte
	for name, forge := range forgeries(t, r) {
		p := r.dial(t)
		a := forge(p, p.prepare(t, p.freshEcho(t), []byte("data")))
		m := p.deliver(t, a)
		expect(t, name, m, codes.BadRequest, "Decryption failed")
		m.MessageID = 0
		out := coap.Append(nil, m.Message)
		if first == nil {
			first = out
		}
		if !bytes.Equal(out, first) {
			t.Errorf("%s: answered with %x, others with %x", name, out, first)
		}
		p.keys = a.keys
		body, _ := p.seal(t, 1, nil)
		expect(t, name+" opened a session", p.record(t, body), codes.Unauthorized, "Security context not found")
	}
}

func handshakeReplayed(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), []byte("once"))
	d := p.encode(p.message(a))
	first := p.raw(t, d)
	for range 3 {
		if again := p.raw(t, d); !bytes.Equal(again, first) {
			t.Errorf("the same message id: %x and then %x", first, again)
		}
	}
	m, err := coap.Parse(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.complete(t, a, m)
	for range 3 { // a decapsulation would find the bucket empty: 5.03
		expect(t, "a new message id", p.do(t, p.message(a)), codes.Unauthorized, "Replay detected")
	}
	p.works(t)
	q := r.dial(t)
	stolen := &attempt{echo: q.freshEcho(t), body: a.body}
	expect(t, "from another address, with its Echo", q.do(t, q.message(stolen)), codes.Unauthorized, "Replay detected")
}

// repeatCiphertext: after a 4.01 the same ciphertext may come again, under the
// new Echo and hence other keys.
func repeatCiphertext(t *testing.T, r *rig) {
	p := r.dial(t)
	pub, err := session.ParsePublicKey(r.suite, p.fetch(t))
	if err != nil {
		t.Fatal(err)
	}
	ct, ss, err := pub.Encapsulate(make([]byte, session.CoinSize))
	if err != nil {
		t.Fatal(err)
	}
	stale := bytes.Repeat([]byte{1}, wire.EchoSize)
	m := p.do(t, p.message(p.prepareWith(t, ct, ss[:], stale, []byte("data"))))
	expect(t, "stale Echo", m, codes.Unauthorized, "echo")
	echo, err := m.Options.GetBytes(coap.Echo)
	if err != nil {
		t.Fatal("no Echo in the 4.01")
	}
	a := p.prepareWith(t, ct, ss[:], bytes.Clone(echo), []byte("data"))
	p.complete(t, a, p.do(t, p.message(a)))
	p.works(t)
}

func pskRequired(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	p.wantsEcho(t, "the Echo is judged before the policy", a, nil)
	expect(t, "no PSK", p.deliver(t, a), codes.Forbidden, "psk")
	q := r.dial(t)
	q.usePSK()
	q.open(t)
	q.works(t)
	r.legit = q // its kid has one session, the newest
}

// pskOffered: a new session of a kid takes the place of the old one.
func pskOffered(t *testing.T, r *rig) {
	p := r.dial(t)
	p.usePSK()
	p.open(t)
	p.works(t)
	q := r.dial(t)
	q.usePSK()
	q.open(t)
	q.works(t)
	body, _ := p.seal(t, 9, nil)
	expect(t, "the kid's old session", p.record(t, body), codes.Unauthorized, "Security context not found")
}
