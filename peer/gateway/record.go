package gateway

import (
	"errors"

	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/session"
	"pqiot/wire"
)

// record takes a later payload: layout, session, window, tag, limit.
func (g *Gateway) record(r *request) answer {
	rec, err := wire.ParseSessionRecord(r.Payload)
	if err != nil {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	s := g.live(r, rec.Nonce.SID())
	if s == nil {
		return g.plain(r, codes.Unauthorized, diagNoContext)
	}
	if !s.Fresh(rec.Nonce) {
		return g.plain(r, codes.Unauthorized, diagReplay)
	}
	if !s.failed.ready(r.now, g.limits.FailedTags) {
		g.refused(r.from, "dropped unopened: too many failed tags in session "+s.SID().String())
		return answer{}
	}
	g.data, err = s.Open(g.data[:0], rec)
	switch {
	case errors.Is(err, session.ErrEnded):
		return g.gone(r, s)
	case err != nil:
		return g.failed(r, s)
	}
	s.last = r.now
	g.emit(Event{Kind: Message, From: r.from, SID: s.SID(), SEQ: rec.Nonce.SEQ(), Data: g.data})
	return g.sealed(r, s, rec.Nonce)
}

// live returns the session of an id, nil if there is none or it has ended.
func (g *Gateway) live(r *request, sid wire.SID) *slot {
	s := g.sessions.bySID[sid]
	if s != nil && s.Ended(r.now) {
		g.close(r, s, "it reached its limit")
		return nil
	}
	return s
}

// failed counts a tag that did not verify.
func (g *Gateway) failed(r *request, s *slot) answer {
	s.failed.take(r.now, g.limits.FailedTags)
	return g.plain(r, codes.BadRequest, diagDecrypt)
}

// gone closes a session that has used up its sequence numbers.
func (g *Gateway) gone(r *request, s *slot) answer {
	g.close(r, s, "it reached its limit")
	return g.plain(r, codes.Unauthorized, diagNoContext)
}

func (g *Gateway) close(r *request, s *slot, why string) {
	g.sessions.remove(s)
	g.emit(Event{Kind: SessionClosed, From: r.from, SID: s.SID(), Reason: why})
}
