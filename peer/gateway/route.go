package gateway

import (
	"bytes"
	"fmt"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/wire"
)

// Diagnostic payloads, fixed by the protocol; two are RFC 8613 §8.2's words.
const (
	diagFmt       = "fmt"
	diagEcho      = "echo"
	diagPSK       = "psk"
	diagDecrypt   = "Decryption failed"
	diagReplay    = "Replay detected"
	diagNoContext = "Security context not found"
)

// maxBody is the largest body of one message; more goes by blocks.
const maxBody = 1024

// answer judges critical options, path and method, in this order.
func (g *Gateway) answer(r *request) answer {
	if id := g.unrecognised(r); id != 0 {
		return g.plain(r, codes.BadOption, fmt.Sprintf("option %d", id))
	}
	if g.cfg.OSCORE && r.Options.HasOption(coap.OSCORE) {
		return g.oscore(r)
	}
	segments := 0
	var segment []byte
	for _, o := range r.Options {
		if o.ID == message.URIPath {
			segments++
			segment = o.Value
		}
	}
	switch {
	case segments == 1 && string(segment) == "pk":
		if r.Code != codes.GET {
			return g.plain(r, codes.MethodNotAllowed, "")
		}
		return g.key(r)
	case segments == 1 && string(segment) == "msg":
		if r.Code != codes.POST {
			return g.plain(r, codes.MethodNotAllowed, "")
		}
		return g.message(r)
	}
	return g.plain(r, codes.NotFound, "")
}

// unrecognised returns the first critical option that we do not know, whose
// length is illegal, or that is repeated and must not be (RFC 7252 §5.4.1,
// §5.4.3, §5.4.5).
func (g *Gateway) unrecognised(r *request) message.OptionID {
	if r.Illegal != 0 {
		return r.Illegal
	}
	previous := message.OptionID(0)
	for _, o := range r.Options {
		repeated := o.ID == previous
		previous = o.ID
		switch o.ID {
		case message.URIPath, message.URIQuery: // repeatable
		case message.URIHost, message.URIPort, message.Accept, message.Block1, message.Block2:
			if repeated {
				return o.ID
			}
		case coap.OSCORE:
			if repeated || !g.cfg.OSCORE {
				return o.ID
			}
		default:
			if coap.Critical(o.ID) {
				return o.ID
			}
		}
	}
	return 0
}

// accepts reports whether the request takes an answer of this Content-Format
// (RFC 7252 §5.10.4).
func accepts(r *request, format uint32) bool {
	accept, err := r.Options.GetUint32(message.Accept)
	return err != nil || accept == format
}

// message judges Content-Format, queries and length of a POST /msg.
func (g *Gateway) message(r *request) answer {
	format, err := r.Options.GetUint32(message.ContentFormat)
	handshake := format == uint32(g.cfg.Key.Suite().ContentFormat())
	if err != nil || !handshake && format != wire.ContentFormatRecord {
		return g.plain(r, codes.UnsupportedMediaType, "")
	}
	if !accepts(r, wire.ContentFormatRecord) {
		return g.plain(r, codes.NotAcceptable, "")
	}
	kid, ok := kidOf(r)
	if !ok || kid != nil && !handshake {
		return g.plain(r, codes.BadOption, "Uri-Query")
	}
	if len(r.Payload) > maxBody {
		return g.plain(r, codes.RequestEntityTooLarge, "")
	}
	if value, err := r.Options.GetBytes(message.Block1); err == nil {
		return g.block(r, value, kid, handshake)
	}
	if handshake {
		return g.handshake(r, r.Payload, kid)
	}
	return g.record(r)
}

// kidOf returns the PSK's name of a request, nil for none; false if there is
// any query but one well-formed k=.
func kidOf(r *request) ([]byte, bool) {
	first, past, err := r.Options.Find(message.URIQuery)
	if err != nil {
		return nil, true
	}
	kid, ok := bytes.CutPrefix(r.Options[first].Value, []byte("k="))
	return kid, ok && past-first == 1 && len(kid) >= 1 && len(kid) <= wire.MaxKID
}
