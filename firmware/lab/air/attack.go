package air

import (
	"net/netip"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/session"
	"pqiot/wire"
)

// attacker repeats or forges what it heard. It has no key but where a
// scenario makes it a member of the network.
type attacker struct {
	w      *World
	victim victim
	gw     target
	member *node // a station of its own, in scenarios that say so
}

// victim is a sender as an attacker sees it.
type victim interface {
	station() *node
	records() []sentMessage           // newest last
	asking() (mid int32, port uint16) // of its last request
}

// target is a gateway as an attacker sees it. servedKey is what it answers to
// a GET; nil if nobody has asked yet.
type target interface {
	station() *node
	servedKey() []byte
}

// heardFrame finds a data frame that the victim sent, most recent first:
// want is told its number.
func (a *attacker) heardFrame(want func(n int, d []byte) bool) int {
	for i := len(a.w.heard) - 1; i >= 0; i-- {
		d := a.w.heard[i].Data
		if len(d) > 60 && d[0] == FCQoSData && d[1]&^Protected == ToDS && wire.MAC(d[10:16]) == a.victim.station().mac &&
			a.w.truth[i].Label == Benign && want(i, d) {
			return i
		}
	}
	return -1
}

// reinject sends a frame again, as it was.
func (a *attacker) reinject(i int) {
	a.w.now += 300
	a.w.emit(radioHT, -70, a.w.heard[i].Data, Replayed, uint64(i+1))
}

// raw repeats the victim's frames on the air, bit by bit.
func (a *attacker) raw(count int, every uint64) {
	i := a.heardFrame(func(i int, _ []byte) bool { return a.w.now-a.w.heard[i].Time > 2_000_000 })
	if i < 0 {
		a.w.after(1_000_000, func() { a.raw(count, every) })
		return
	}
	for k := range count {
		a.w.after(uint64(k)*every, func() { a.reinject(i) })
	}
}

// last is the newest record that the victim sent and the monitor heard.
func (a *attacker) last(handshake bool) (sentMessage, bool) {
	m := a.victim.records()
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].handshake == handshake {
			return m[i], true
		}
	}
	return sentMessage{}, false
}

// datagram repeats a message count times: from the member's own address, or
// in the victim's name; with a new message id where renumber is set.
func (a *attacker) datagram(handshake, spoof, renumber bool, count int, every uint64) {
	m, ok := a.last(handshake)
	if !ok {
		a.w.after(1_000_000, func() { a.datagram(handshake, spoof, renumber, count, every) })
		return
	}
	src := netip.AddrPortFrom(a.member.ip, 50000)
	from := a.member
	if spoof {
		src, from = m.src, a.victim.station()
	}
	for k := range count {
		payload := append([]byte{}, m.payload...)
		if renumber {
			mid := 60001 + k
			payload[2], payload[3] = byte(mid>>8), byte(mid)
		}
		a.w.after(uint64(k)*every, func() {
			a.w.sendUDP(from, a.gw.station(), src, m.dst, payload, Replayed, m.frame)
		})
	}
}

// flood shakes hands from many addresses, each with a fresh ciphertext that
// is worth a decapsulation.
func (a *attacker) flood(count int, every uint64) {
	pk, err := session.ParsePublicKey(session.MLKEM512, a.gw.servedKey())
	must(err)
	for k := range count {
		a.w.after(uint64(k)*every, func() {
			ct, _, err := pk.Encapsulate(a.w.random(session.CoinSize))
			must(err)
			nonce := wire.NewSessionNonce(session.SID(ct), 0)
			body := append(append(append([]byte{}, ct...), nonce[:]...), a.w.random(20)...)
			src := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 8, byte(k % 5)}), 50000)
			p := encode(message.Message{Code: codes.POST, Type: message.Confirmable, MessageID: int32(k & 0xFFFF), Token: a.w.random(4),
				Payload: body, Options: message.Options{opt(message.URIPath, []byte("msg")),
					contentFormat(wire.ContentFormatHandshake512), opt(wire.OptionEcho, a.w.random(wire.EchoSize))}})
			a.w.sendUDP(a.member, a.gw.station(), src, netip.AddrPortFrom(a.gw.station().ip, wire.CoAPPort), p, Hostile, 0)
		})
	}
}

// forge sends a record in the victim's session, of which the attacker has the
// layout only: an old nonce with another ciphertext, or a number long past.
func (a *attacker) forge(seq func(newest uint64) uint64, l Label) {
	m, ok := a.last(false)
	if !ok {
		a.w.after(1_000_000, func() { a.forge(seq, l) })
		return
	}
	msg, _ := decodeCoAP(m.payload)
	r, err := wire.ParseSessionRecord(msg.Payload)
	must(err)
	nonce := wire.NewSessionNonce(r.Nonce.SID(), seq(r.Nonce.SEQ()))
	msg.Payload = append(append([]byte{}, nonce[:]...), a.w.random(len(r.Sealed))...)
	msg.MessageID, msg.Token = int32(a.w.rng.Uint32N(0xFFFF)), a.w.random(4)
	a.w.sendUDP(a.member, a.gw.station(), netip.AddrPortFrom(a.member.ip, 50000), m.dst, encode(msg), l, 0)
}

// krack lets message 3 of a handshake come again so many µs after message 4,
// and the station start its packet numbers anew under the same key.
func (a *attacker) krack(gap uint64) {
	s := a.victim.station()
	msgs, ptk := a.w.handshakeMessages(s)
	s.tk = nil
	for i, m := range msgs {
		a.w.data(s, i%2 == 1, apMAC, AppendLLC(nil, EtherEAPOL, m), Benign, 0)
	}
	a.w.install(s, ptk)
	a.w.after(gap, func() {
		tk := s.tk
		s.tk = nil
		a.w.data(s, false, apMAC, AppendLLC(nil, EtherEAPOL, msgs[2]), Replayed, 0)
		s.tk, s.reused, s.pn = tk, s.pn, 0
	})
}

// fast repeats a fast-transition reassociation request.
func (a *attacker) fast() {
	s := a.victim.station()
	body := append([]byte{0x11, 0x04, 10, 0}, apMAC[:]...)
	body = append(append(append(body, 0, byte(len(SimSSID))), SimSSID...), 54, 3, 1, 2, 0)
	body = append(append(body, 55, 82), a.w.random(82)...)
	a.w.management(s, true, FCReassocReq, body)
	first := a.w.frames
	for k := range 5 {
		a.w.after(uint64(k+1)*500_000, func() {
			s.mgmtSeq++
			h := Header{FC: FCReassocReq, A1: apMAC, A2: s.mac, A3: apMAC, Seq: s.mgmtSeq & 0xFFF}
			a.w.emit(radioSlow, -70, append(h.Append(nil), body...), Replayed, first)
		})
	}
}

// falseGateway answers a GET with a key of its own.
func (a *attacker) falseGateway() {
	mid, port := a.victim.asking()
	a.answerGET(mid, nil, netip.AddrPortFrom(a.gw.station().ip, wire.CoAPPort),
		netip.AddrPortFrom(a.victim.station().ip, port))
}

// answerGET hands out a false key in the gateway's name; without a token it
// guesses one.
func (a *attacker) answerGET(mid int32, token message.Token, src, dst netip.AddrPort) {
	key, err := session.NewPrivateKey(session.MLKEM512, a.w.random(session.SeedSize))
	must(err)
	pin := key.Pin()
	if token == nil {
		token = a.w.random(4)
	}
	p := encode(message.Message{Code: codes.Content, Type: message.Acknowledgement, MessageID: mid, Token: token,
		Payload: key.EncapsulationKey(), Options: message.Options{opt(message.ETag, pin[:wire.ETagSize]),
			contentFormat(wire.ContentFormatKey)}})
	a.w.sendUDP(a.member, a.victim.station(), src, dst, p, Hostile, 0)
}
