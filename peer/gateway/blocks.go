package gateway

import (
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
)

const (
	maxTransfer     = 2048 // body of a block-wise request, bytes
	transferTimeout = 10 * time.Second
)

// transfer is the one slot that reassembles a block-wise request (RFC 7959).
type transfer struct {
	active bool
	key    transferKey
	last   time.Time
	n      int
	body   [maxTransfer]byte
}

// transferKey tells transfers apart: endpoint and Request-Tag (RFC 9175 §3.3).
type transferKey struct {
	exchange        // without a message id
	tagged   bool   // a tag of no bytes is not the same as none
	tag      string // at most 8 bytes
}

// block takes a request with a Block1 option.
func (g *Gateway) block(r *request, value, kid []byte, handshake bool) answer {
	b, err := coap.ParseBlock(value)
	if err != nil {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	if !handshake && (b.More || b.Num > 0) {
		return g.plain(r, codes.RequestEntityTooLarge, "") // records fit into one message
	}
	r.block = &b
	a := g.reassemble(r, b, kid, handshake)
	if a.code != codes.Empty && a.code != codes.RequestEntityIncomplete {
		a.options = a.options.Add(message.Option{ID: message.Block1, Value: b.Value()})
	}
	return a
}

func (g *Gateway) reassemble(r *request, b coap.Block, kid []byte, handshake bool) answer {
	if !handshake {
		return g.record(r)
	}
	if !b.More && b.Num == 0 {
		return g.handshake(r, r.Payload, kid)
	}
	t := &g.blocks
	if t.active && r.now.Sub(t.last) >= transferTimeout {
		t.active = false
	}
	key := keyOf(r)
	if t.active && t.key != key {
		return g.busy(r, "another block-wise transfer is under way")
	}
	if b.Num == 0 {
		if _, fresh := g.freshEcho(r); !fresh {
			t.active = false
			return g.needEcho(r)
		}
		t.active, t.key, t.n = true, key, 0
	}
	if code := t.add(b, r.Payload, r.now); code != codes.Empty {
		t.active = false
		return g.plain(r, code, "")
	}
	if b.More {
		return answer{code: codes.Continue, options: g.reply[:0]}
	}
	t.active = false
	return g.handshake(r, t.body[:t.n], kid)
}

// add puts a block behind those before it. It returns 0, or the code of what is
// wrong with it.
func (t *transfer) add(b coap.Block, part []byte, now time.Time) codes.Code {
	switch {
	case b.More && len(part) != b.Size(), len(part) > b.Size():
		return codes.BadRequest
	case !t.active, b.Offset() != t.n:
		return codes.RequestEntityIncomplete
	case t.n+len(part) > maxTransfer:
		return codes.RequestEntityTooLarge
	}
	t.n += copy(t.body[t.n:], part)
	t.last = now
	return codes.Empty
}

func keyOf(r *request) transferKey {
	key := transferKey{exchange: exchange{from: r.from}}
	if tag, err := r.Options.GetBytes(coap.RequestTag); err == nil {
		key.tagged, key.tag = true, string(tag)
	}
	return key
}
