package gatewaytest

import (
	"bytes"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/wire"
)

// recordRows: later payloads, each against the session in being.
func recordRows() []row {
	return []row{
		{name: "record layout", run: recordLayout},
		{name: "forged record", run: recordForged},
		{name: "record replayed or late", run: recordReplayed},
		{name: "forged highest SEQ", run: highestSEQ},
		{name: "SEQ over the limit", run: overLimit},
		{name: "unknown session", run: unknownSession},
		{name: "record from another address", run: roaming},
		{name: "OSCORE", run: oscoreForged},
	}
}

func recordLayout(t *testing.T, r *rig) {
	p := r.legit
	body, _ := p.seal(t, 3, nil)
	for _, n := range []int{0, 1, 12, 13, 28} {
		expect(t, "cut record", p.record(t, body[:n]), codes.BadRequest, "fmt")
	}
	for _, lead := range []byte{0, 6, 8, 0xff} {
		bad := bytes.Clone(body)
		bad[0] = lead
		expect(t, "lead byte", p.record(t, bad), codes.BadRequest, "fmt")
	}
	full, _ := p.seal(t, 3, make([]byte, wire.MaxData))
	expect(t, "995 bytes of data", p.record(t, full), codes.Changed, "")
	over, _ := p.seal(t, 4, make([]byte, wire.MaxData+1))
	expect(t, "996 bytes of data", p.record(t, over), codes.RequestEntityTooLarge, "")
	expect(t, "995 bytes again", p.record(t, full), codes.Unauthorized, "Replay detected")
	none, _ := p.seal(t, 4, nil)
	expect(t, "no data", p.record(t, none), codes.Changed, "")
	p.catchUp(t, 4)
}

// catchUp brings the peer's own counter past what seal has used.
func (p *peer) catchUp(t testing.TB, seq uint64) {
	t.Helper()
	for {
		if _, n, err := p.client.Seal(nil, nil); err != nil {
			t.Fatal(err)
		} else if n.SEQ() >= seq {
			return
		}
	}
}

// recordForged: none of it moves the window, so that the genuine record with
// the same number passes in the end.
func recordForged(t *testing.T, r *rig) {
	p := r.legit
	third, n3 := p.seal(t, 3, []byte("third"))
	answer := p.record(t, third) // its answer has the gateway's number 1
	expect(t, "SEQ 3", answer, codes.Changed, "")
	genuine, _ := p.seal(t, 2, []byte("genuine"))
	flip := func(at int) []byte {
		b := bytes.Clone(genuine)
		b[at] ^= 1
		return b
	}
	other := r.dial(t)
	a := other.open(t)
	mixed := *p.keys
	mixed.Kc = other.keys.Kc
	f, err := newForger(&mixed)
	if err != nil {
		t.Fatal(err)
	}
	own, err := newForger(p.keys)
	if err != nil {
		t.Fatal(err)
	}
	n2 := wire.NewSessionNonce(p.keys.SID, 2)
	for name, body := range map[string][]byte{
		"data flipped":               flip(13),
		"tag flipped":                flip(len(genuine) - 1),
		"SEQ flipped to a fresh one": flip(11),
		"another session's Kc":       f.record(n2, []byte("genuine")),
		"typed as a handshake":       own.seal(n2, 0x01, wire.ContentFormatRecord, []byte("genuine")),
		"bound to a handshake's CF":  own.seal(n2, 0x02, r.suite.ContentFormat(), []byte("genuine")),
		"a response as a request":    answer.Payload,
		"SEQ 3's data under SEQ 2":   append(bytes.Clone(n2[:]), third[13:]...),
	} {
		expect(t, name, p.record(t, body), codes.BadRequest, "Decryption failed")
	}
	if len(a.body) <= 1024 && a.body[0] != wire.NonceLead {
		expect(t, "a whole handshake as a record", p.record(t, a.body), codes.BadRequest, "fmt")
	}
	expect(t, "a handshake's record as a record", p.record(t, a.body[r.suite.CiphertextSize():]), codes.Unauthorized, "Replay detected")
	expect(t, "the genuine record", p.record(t, genuine), codes.Changed, "")
	p.catchUp(t, n3.SEQ())
	other.works(t)
}

func recordReplayed(t *testing.T, r *rig) {
	p := r.legit
	at := func(seq uint64) []byte { body, _ := p.seal(t, seq, []byte("x")); return body }
	d := p.encode(post(wire.ContentFormatRecord, at(1)))
	first := p.raw(t, d)
	if again := p.raw(t, d); !bytes.Equal(first, again) {
		t.Errorf("a retransmission: %x, then %x", first, again)
	}
	for _, c := range []struct {
		seq  uint64
		want codes.Code
		diag string
	}{
		{1, codes.Unauthorized, "Replay detected"},
		{0, codes.Unauthorized, "Replay detected"},
		{100, codes.Changed, ""},
		{100, codes.Unauthorized, "Replay detected"},
		{37, codes.Changed, ""}, // 100 − 63: the last within the window
		{36, codes.Unauthorized, "Replay detected"},
		{99, codes.Changed, ""},
		{38, codes.Changed, ""},
		{37, codes.Unauthorized, "Replay detected"},
		{101, codes.Changed, ""},
		{38, codes.Unauthorized, "Replay detected"},
		{39, codes.Changed, ""},
		{500, codes.Changed, ""},
		{437, codes.Changed, ""},
		{436, codes.Unauthorized, "Replay detected"},
	} {
		m := p.record(t, at(c.seq))
		if m.Code != c.want || c.diag != "" && string(m.Payload) != c.diag {
			t.Errorf("SEQ %d: %s %q", c.seq, coap.FormatCode(m.Code), m.Payload)
		}
	}
	p.catchUp(t, 500)
}

func highestSEQ(t *testing.T, r *rig) {
	p := r.legit
	body, _ := p.seal(t, 1<<40-1, []byte("x"))
	body[len(body)-1] ^= 1
	expect(t, "SEQ 2^40-1 with a bad tag", p.record(t, body), codes.BadRequest, "Decryption failed")
}

func overLimit(t *testing.T, r *rig) {
	p := r.dial(t)
	p.open(t)
	last, _ := p.seal(t, wire.MaxSessionSEQ, nil)
	expect(t, "SEQ 2^20", p.record(t, last), codes.Changed, "")
	over, _ := p.seal(t, wire.MaxSessionSEQ+1, nil)
	forged := bytes.Clone(over)
	forged[20] ^= 1
	expect(t, "SEQ 2^20+1, forged", p.record(t, forged), codes.BadRequest, "Decryption failed")
	expect(t, "SEQ 2^20+1", p.record(t, over), codes.Unauthorized, "Security context not found")
	before, _ := p.seal(t, wire.MaxSessionSEQ-1, nil)
	expect(t, "the session is closed", p.record(t, before), codes.Unauthorized, "Security context not found")
}

func unknownSession(t *testing.T, r *rig) {
	p := r.dial(t)
	body := make([]byte, 40)
	body[0] = wire.NonceLead
	expect(t, "unknown SID", p.record(t, body), codes.Unauthorized, "Security context not found")
}

// roaming: a session is not bound to an address.
func roaming(t *testing.T, r *rig) {
	p := r.dial(t)
	p.client, p.keys = r.legit.client, r.legit.keys
	p.works(t)
}

// oscoreForged: a gateway without OSCORE knows no option 9; one with it lets
// nothing through that does not verify.
func oscoreForged(t *testing.T, r *rig) {
	p := r.legit
	sid := p.keys.SID
	value := append([]byte{0x09, 0x00}, sid[:]...)
	m := p.do(t, build(codes.POST, "msg", nil, make([]byte, 20)))
	expect(t, "no option at all", m, codes.UnsupportedMediaType, "")
	d := message9(value, make([]byte, 20))
	m = p.do(t, d)
	if m.Code != codes.BadOption {
		expect(t, "forged ciphertext", m, codes.BadRequest, "Decryption failed")
		expect(t, "unknown kid", p.do(t, message9([]byte{0x09, 0, 1, 2, 3, 4, 5, 6, 7}, make([]byte, 20))), codes.Unauthorized, "Security context not found")
	}
	for _, bad := range [][]byte{{0x80}, {0x07}, {0x09}, {}, {0x01, 0}, {0x00, 0x00}} {
		expect(t, "malformed option", p.do(t, message9(bad, make([]byte, 20))), codes.BadOption, "")
	}
}
