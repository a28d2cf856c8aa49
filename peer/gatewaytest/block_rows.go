package gatewaytest

import (
	"bytes"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// blockRows: bodies over 1024 bytes (RFC 7959).
func blockRows() []row {
	of768 := Options{Suite: session.MLKEM768}
	return []row{
		{name: "ML-KEM-768", options: of768, run: wholeTransfer},
		{name: "ML-KEM-1024", options: Options{Suite: session.MLKEM1024}, run: wholeTransfer},
		{name: "block gap", options: of768, run: blockGap},
		{name: "blocks without Echo", options: of768, run: blockEcho},
		{name: "interleaved Request-Tags", options: of768, run: interleaved},
		{name: "abandoned transfer", options: of768, slow: true, run: abandoned},
		{name: "malformed blocks", options: of768, run: badBlocks},
		{name: "body over the reassembly slot", options: of768, run: overSlot},
		{name: "blocks of a record", run: recordBlocks},
	}
}

func wholeTransfer(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), []byte("large"))
	first := p.do(t, p.blockOf(a, 0, true, a.body[:1024], []byte("t1")))
	expect(t, "block 0", first, codes.Continue, "")
	if value, err := first.Options.GetBytes(message.Block1); err != nil || !bytes.Equal(value, []byte{0x0e}) {
		t.Errorf("2.31 with Block1 %x", value)
	}
	d := p.encode(p.blockOf(a, 1, false, a.body[1024:], []byte("t1")))
	out := p.raw(t, d)
	if again := p.raw(t, d); !bytes.Equal(out, again) {
		t.Errorf("the last block again: %x, then %x", out, again)
	}
	last, err := coap.Parse(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := last.Options.GetBytes(message.Block1); err != nil || !bytes.Equal(value, []byte{0x16}) {
		t.Errorf("final answer with Block1 %x", value)
	}
	p.complete(t, a, last)
	p.works(t)
	expect(t, "unblocked", p.do(t, post(r.suite.ContentFormat(), a.body, p.handshakeOptions(a.echo)...)), codes.RequestEntityTooLarge, "")
}

func blockGap(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	expect(t, "block 1 first", p.do(t, p.blockOf(a, 1, false, a.body[1024:], nil)), codes.RequestEntityIncomplete, "")
	expect(t, "block 0", p.do(t, p.blockOf(a, 0, true, a.body[:1024], nil)), codes.Continue, "")
	expect(t, "block 2 next", p.do(t, p.blockOf(a, 2, false, a.body[1024:], nil)), codes.RequestEntityIncomplete, "")
	expect(t, "the transfer is gone", p.do(t, p.blockOf(a, 1, false, a.body[1024:], nil)), codes.RequestEntityIncomplete, "")
	p.complete(t, a, p.deliver(t, a))
}

func blockEcho(t *testing.T, r *rig) {
	p, q := r.dial(t), r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	none := &attempt{body: a.body}
	expect(t, "block 0 without Echo", p.do(t, p.blockOf(none, 0, true, a.body[:1024], nil)), codes.Unauthorized, "echo")
	b := q.prepare(t, q.freshEcho(t), nil)
	q.complete(t, b, q.deliver(t, b)) // the slot was not taken
	p.complete(t, a, p.deliver(t, a))
}

func interleaved(t *testing.T, r *rig) {
	p, q := r.dial(t), r.dial(t)
	a, b := p.prepare(t, p.freshEcho(t), nil), q.prepare(t, q.freshEcho(t), nil)
	expect(t, "block 0", p.do(t, p.blockOf(a, 0, true, a.body[:1024], []byte("t1"))), codes.Continue, "")
	for name, m := range map[string]message.Message{
		"another tag":  p.blockOf(a, 0, true, a.body[:1024], []byte("t2")),
		"an empty tag": p.blockOf(a, 0, true, a.body[:1024], nil),
		"no tag":       post(r.suite.ContentFormat(), a.body[:1024], append(p.handshakeOptions(a.echo), option(message.Block1, []byte{0x0e}))...),
	} {
		expect(t, name, p.do(t, m), codes.ServiceUnavailable, "")
	}
	expect(t, "another source", q.do(t, q.blockOf(b, 0, true, b.body[:1024], []byte("t1"))), codes.ServiceUnavailable, "")
	expect(t, "block 0 again restarts", p.do(t, p.blockOf(a, 0, true, a.body[:1024], []byte("t1"))), codes.Continue, "")
	p.complete(t, a, p.do(t, p.blockOf(a, 1, false, a.body[1024:], []byte("t1"))))
	q.complete(t, b, q.deliver(t, b))
}

func abandoned(t *testing.T, r *rig) {
	p, q := r.dial(t), r.dial(t)
	a, b := p.prepare(t, p.freshEcho(t), nil), q.prepare(t, q.freshEcho(t), nil)
	expect(t, "block 0", p.do(t, p.blockOf(a, 0, true, a.body[:1024], nil)), codes.Continue, "")
	expect(t, "another source", q.deliver(t, b), codes.ServiceUnavailable, "")
	r.pass(11 * time.Second)
	q.complete(t, b, q.deliver(t, b))
	expect(t, "block 1 of the abandoned one", p.do(t, p.blockOf(a, 1, false, a.body[1024:], nil)), codes.RequestEntityIncomplete, "")
}

func badBlocks(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	with := func(block, part []byte) message.Message {
		return post(r.suite.ContentFormat(), part, append(p.handshakeOptions(a.echo), option(message.Block1, block))...)
	}
	expect(t, "SZX 7", p.do(t, with([]byte{0x0f}, a.body[:1024])), codes.BadRequest, "")
	expect(t, "block shorter than it says", p.do(t, with([]byte{0x0e}, a.body[:1000])), codes.BadRequest, "")
	expect(t, "block longer than it says", p.do(t, with([]byte{0x0d}, a.body[:1024])), codes.BadRequest, "")
	expect(t, "Block1 of 4 B", p.do(t, with([]byte{0, 0, 0, 0x0e}, a.body[:1024])), codes.BadOption, "")
	expect(t, "one block of a cut handshake", p.do(t, with([]byte{0x06}, a.body[:900])), codes.BadRequest, "fmt")
	p.complete(t, a, p.deliver(t, a))
}

func overSlot(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	part := make([]byte, 1024)
	for num := range uint32(2) {
		expect(t, "block", p.do(t, p.blockOf(a, num, true, part, nil)), codes.Continue, "")
	}
	expect(t, "bytes 2049 to 3072 of more", p.do(t, p.blockOf(a, 2, true, part, nil)), codes.RequestEntityTooLarge, "")
	expect(t, "the transfer is gone", p.do(t, p.blockOf(a, 3, false, part[:1], nil)), codes.RequestEntityIncomplete, "")
	expect(t, "block 0", p.do(t, p.blockOf(a, 0, true, part, nil)), codes.Continue, "")
	expect(t, "a handshake of 2048 bytes", p.do(t, p.blockOf(a, 1, false, part, nil)), codes.RequestEntityTooLarge, "")
	p.complete(t, a, p.deliver(t, a))
}

// recordBlocks: records are never split.
func recordBlocks(t *testing.T, r *rig) {
	p := r.legit
	body, _ := p.seal(t, 1, make([]byte, wire.MaxData))
	part := post(wire.ContentFormatRecord, body[:512], option(message.Block1, coap.Block{More: true, SZX: 5}.Value()))
	expect(t, "a part of a record", p.do(t, part), codes.RequestEntityTooLarge, "")
	whole := post(wire.ContentFormatRecord, body, option(message.Block1, coap.Block{SZX: 6}.Value()))
	expect(t, "a record as the one block of its body", p.do(t, whole), codes.Changed, "")
	p.catchUp(t, 1)
}
