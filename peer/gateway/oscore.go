package gateway

import (
	"errors"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/oscore"
	"pqiot/wire"
)

// oscore takes a request of RFC 8613 in an open session. Errors are those of
// its §8.2; the session's limits hold as they do for records.
func (g *Gateway) oscore(r *request) answer {
	kid, err := oscore.KID(r.Message.Message)
	if err != nil || r.Code != codes.POST {
		return g.plain(r, codes.BadOption, "Failed to decode COSE")
	}
	var s *slot
	if len(kid) == wire.SIDSize {
		s = g.live(r, wire.SID(kid))
	}
	if s == nil || s.oscore == nil {
		return g.plain(r, codes.Unauthorized, diagNoContext)
	}
	if len(r.Payload) > maxBody {
		return g.plain(r, codes.RequestEntityTooLarge, "")
	}
	if !s.failed.ready(r.now, g.limits.FailedTags) {
		g.refused(r.from, "dropped unopened: too many failed tags in session "+s.SID().String())
		return answer{}
	}
	inner, req, err := s.oscore.UnprotectRequest(r.Message.Message)
	switch {
	case errors.Is(err, oscore.ErrReplay):
		return g.plain(r, codes.Unauthorized, diagReplay)
	case errors.Is(err, oscore.ErrContext):
		return g.plain(r, codes.Unauthorized, diagNoContext)
	case err != nil:
		s.Failed()
		return g.failed(r, s)
	case req.SEQ() > wire.MaxSessionSEQ:
		return g.gone(r, s)
	}
	s.last = r.now
	return g.protect(r, s, req, g.inner(r, s, req, inner))
}

// inner answers the decrypted request.
func (g *Gateway) inner(r *request, s *slot, req oscore.Request, m message.Message) message.Message {
	path, err := m.Options.Path()
	reply := message.Message{Code: codes.Changed}
	for _, o := range m.Options {
		if coap.Critical(o.ID) && o.ID != message.URIPath && o.ID != message.URIHost && o.ID != message.URIPort {
			reply.Code = codes.BadOption
		}
	}
	switch {
	case reply.Code == codes.BadOption:
	case err != nil || path != "/msg":
		reply.Code = codes.NotFound
	case m.Code != codes.POST:
		reply.Code = codes.MethodNotAllowed
	default:
		g.emit(Event{Kind: Message, From: r.from, SID: s.SID(), SEQ: req.SEQ(), Data: m.Payload, OSCORE: true})
		reply.Payload = g.replyTo(m.Payload)
	}
	return reply
}

func (g *Gateway) protect(r *request, s *slot, req oscore.Request, reply message.Message) answer {
	out, err := s.oscore.ProtectResponse(reply, req)
	if err != nil {
		return g.plain(r, codes.InternalServerError, "")
	}
	return answer{code: out.Code, options: out.Options, payload: out.Payload, keep: s}
}
