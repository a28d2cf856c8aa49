package gateway

import (
	"bytes"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/wire"
)

// keyMaxAge is how long a sender may keep the key without asking, seconds.
const keyMaxAge = 60

// key answers GET /pk: 2.03 to a matching ETag, else the raw key, block-wise
// where it is large. Without a fresh Echo it is an amplifier, so a bucket
// stands before it (RFC 9175 §2.4).
func (g *Gateway) key(r *request) answer {
	if r.Options.HasOption(message.URIQuery) {
		return g.plain(r, codes.BadOption, "Uri-Query")
	}
	if !accepts(r, wire.ContentFormatKey) {
		return g.plain(r, codes.NotAcceptable, "")
	}
	block, blockwise := coap.Block{SZX: coap.MaxSZX}, false
	if value, err := r.Options.GetBytes(message.Block2); err == nil {
		if block, err = coap.ParseBlock(value); err != nil {
			return g.plain(r, codes.BadRequest, diagFmt)
		}
		blockwise = true
	}
	if block.Num == 0 && g.etagMatches(r) {
		opts := append(g.reply[:0], message.Option{ID: message.ETag, Value: g.etag}, g.echoOption(r))
		return answer{code: codes.Valid, options: opts}
	}
	ek := g.cfg.Key.EncapsulationKey()
	if block.Offset() >= len(ek) {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	if _, fresh := g.freshEcho(r); !fresh && !g.keys.take(r.now, g.limits.Keys) {
		g.refused(r.from, "4.01 key not repeated so soon without Echo")
		return answer{code: codes.Unauthorized, options: append(g.reply[:0], g.echoOption(r))}
	}
	opts := append(g.reply[:0],
		message.Option{ID: message.ETag, Value: g.etag},
		message.Option{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatKey)},
		message.Option{ID: message.MaxAge, Value: coap.Uint(keyMaxAge)})
	if blockwise || len(ek) > block.Size() {
		end := min(len(ek), block.Offset()+block.Size())
		block.More = end < len(ek)
		ek = ek[block.Offset():end]
		opts = append(opts, message.Option{ID: message.Block2, Value: block.Value()})
	}
	return answer{code: codes.Content, options: append(opts, g.echoOption(r)), payload: ek}
}

func (g *Gateway) etagMatches(r *request) bool {
	for _, o := range r.Options {
		if o.ID == message.ETag && bytes.Equal(o.Value, g.etag) {
			return true
		}
	}
	return false
}
