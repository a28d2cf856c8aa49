package gateway

import (
	"net/netip"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/keylog"
	"pqiot/peer/oscore"
	"pqiot/peer/session"
	"pqiot/wire"
)

// handshake takes a whole first payload. The order of the checks is the
// protocol's: layout, Echo, policy, session id, slot, bucket, and only then a
// decapsulation. Nothing is committed before the tag verifies.
func (g *Gateway) handshake(r *request, body, kid []byte) answer {
	size := g.cfg.Key.Suite().CiphertextSize()
	if len(body) > size+wire.RecordOverhead+wire.MaxFirstData {
		return g.plain(r, codes.RequestEntityTooLarge, "")
	}
	h, err := wire.ParseHandshake(body, size)
	if err != nil || session.CheckHandshake(h) != nil {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	echo, fresh := g.freshEcho(r)
	if !fresh {
		return g.needEcho(r)
	}
	if g.cfg.RequirePSK && kid == nil {
		return g.plain(r, codes.Forbidden, diagPSK)
	}
	if g.sessions.knows(h.Record.Nonce.SID(), r.now) {
		return g.plain(r, codes.Unauthorized, diagReplay)
	}
	psk, known := g.psk(kid)
	name := ""
	if known {
		name = string(kid)
	}
	if _, ok := g.sessions.room(name, r.now); !ok {
		return g.busy(r, "every session slot is taken")
	}
	if !g.takeDecapsulation(r) {
		return g.busy(r, "too many handshakes")
	}
	return g.open(r, h, name, &session.Transcript{Suite: g.cfg.Key.Suite(), KID: kid, PSK: psk, Echo: echo, Pin: g.Pin(), CT: h.Ciphertext})
}

// needEcho is 4.01 to a POST: the sender may repeat it with this Echo.
func (g *Gateway) needEcho(r *request) answer {
	a := g.plain(r, codes.Unauthorized, diagEcho)
	a.options = append(a.options, g.echoOption(r))
	return a
}

// psk returns the key of a kid, nil in mode 0. An unknown kid gets a random
// key, so that it fails as a wrong key does.
func (g *Gateway) psk(kid []byte) (psk []byte, known bool) {
	if kid == nil {
		return nil, false
	}
	if psk, known = g.cfg.PSKs[string(kid)]; known {
		return psk, true
	}
	return g.dummy[:], false
}

// takeDecapsulation takes a token of the source's bucket and of the common one,
// both or none.
func (g *Gateway) takeDecapsulation(r *request) bool {
	if !g.decaps.ready(r.now, g.limits.Decapsulations) {
		return false
	}
	source := r.from.Addr().WithZone("")
	b := g.sources[source]
	if b == nil {
		g.forgetSources(r)
		b = &bucket{}
		g.sources[source] = b
	}
	return b.take(r.now, g.limits.PerSource) && g.decaps.take(r.now, g.limits.Decapsulations)
}

// forgetSources drops the buckets that are full again. Each token of the common
// bucket makes one at most, so that few are left.
func (g *Gateway) forgetSources(r *request) {
	var full []netip.Addr
	for source, b := range g.sources {
		if b.ready(r.now, g.limits.PerSource) && b.spent == 0 {
			full = append(full, source)
		}
	}
	for _, source := range full {
		delete(g.sources, source)
	}
}

// open decapsulates, verifies and commits.
func (g *Gateway) open(r *request, h wire.Handshake, kid string, t *session.Transcript) answer {
	ss, err := g.cfg.Key.Decapsulate(h.Ciphertext)
	defer clear(ss[:])
	if err != nil {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	keys, err := session.Derive(t, ss[:])
	if err != nil {
		return g.plain(r, codes.BadRequest, diagFmt)
	}
	defer keys.Wipe()
	server, err := session.NewServer(keys, r.now)
	if err == nil {
		g.data, err = server.Handshake(g.data[:0], h.Record)
	}
	if err != nil {
		return g.plain(r, codes.BadRequest, diagDecrypt)
	}
	s := &slot{Server: server, kid: kid, last: r.now, answers: newAnswers(sessionAnswers)}
	if g.cfg.OSCORE {
		s.oscore, err = oscore.New(oscore.Params{MasterSecret: keys.OSCORESecret[:], MasterSalt: keys.OSCORESalt[:],
			SenderID: []byte{session.GatewayID}, RecipientID: keys.SID[:], MaxSEQ: wire.MaxSessionSEQ})
		if err != nil {
			return g.plain(r, codes.InternalServerError, "")
		}
	}
	g.commit(r, s, keys)
	if len(g.data) > 0 {
		g.emit(Event{Kind: Message, From: r.from, SID: keys.SID, Data: g.data})
	}
	return g.sealed(r, s, h.Record.Nonce)
}

// commit puts a verified session into its slot.
func (g *Gateway) commit(r *request, s *slot, keys *session.Keys) {
	instead, _ := g.sessions.room(s.kid, r.now)
	if instead != nil {
		g.emit(Event{Kind: SessionClosed, From: r.from, SID: instead.SID(), Reason: "its slot went to a new session"})
	}
	g.sessions.add(s, instead, r.now)
	g.emit(Event{Kind: SessionOpened, From: r.from, SID: keys.SID, KID: s.kid})
	if g.cfg.KeyLog != nil {
		if err := keylog.Write(g.cfg.KeyLog, keys, g.cfg.OSCORE); err != nil {
			g.emit(Event{Kind: KeyLogFailed, SID: keys.SID, Reason: err.Error()})
		}
	}
}

// sealed is the 2.04 to the verified record with this nonce.
func (g *Gateway) sealed(r *request, s *slot, request wire.SessionNonce) answer {
	body, err := s.Seal(g.payload[:0], request, g.replyTo(g.data))
	if err != nil {
		return g.gone(r, s)
	}
	g.payload = body
	opts := append(g.reply[:0], message.Option{ID: message.ContentFormat, Value: g.format})
	return answer{code: codes.Changed, options: opts, payload: body, keep: s}
}

func (g *Gateway) replyTo(data []byte) []byte {
	if g.cfg.Reply == nil {
		return g.ok
	}
	return g.cfg.Reply(data)
}
