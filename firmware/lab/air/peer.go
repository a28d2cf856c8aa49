package air

import (
	"crypto/sha256"
	"net/netip"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/wire"
)

// Peer is a station whose software runs elsewhere, such as a board's. The air
// gives it a network, carries its datagrams, and knows which of them it sends
// a second time.
type Peer struct {
	w *World
	n *node

	// Receive, where set, is told of each datagram that arrives.
	Receive func(src, dst netip.AddrPort, payload []byte)

	sent      map[[sha256.Size]byte]sentOnce
	order     []sentOnce // the same, oldest first
	history   []sentMessage
	handshake sentMessage // the newest
	mid       int32       // of its last request, and the port that it came from
	port      uint16
	key       []byte                                           // what it answers to a GET
	asked     func(m message.Message, src, dst netip.AddrPort) // by this peer, for attackers
}

// sentOnce is a datagram that may come again.
type sentOnce struct {
	sum   [sha256.Size]byte
	at    uint64 // µs
	frame uint64
}

const (
	exchangeLifetime = 247 * sec // RFC 7252 §4.8.2
	arpLifetime      = 300 * sec
	maxHistory       = 64 // messages that an attacker remembers
)

// AddPeer makes a station that belongs to no network yet; last is the last
// byte of its addresses, 2 to 254, and of no other station's.
func (w *World) AddPeer(last byte) *Peer {
	n := w.newStation(last)
	n.away = true
	p := &Peer{w: w, n: n, sent: map[[sha256.Size]byte]sentOnce{}}
	n.receive = func(in packetIn) {
		if p.Receive != nil && !n.away {
			p.Receive(in.src, in.dst, in.payload)
		}
	}
	return p
}

// Leave is what a power cut does: the station is gone without a word.
func (p *Peer) Leave() { p.n.away, p.n.tk, p.n.met = true, nil, nil }

// Join tries to join a network and returns the address that DHCP gave; false
// if there is no such network or the passphrase is another.
func (p *Peer) Join(n Network) (netip.Addr, bool) {
	p.Leave()
	p.probe(n.SSID)
	if n.SSID != p.w.net.SSID || p.w.wpa != (n.Passphrase != "") {
		return netip.Addr{}, false
	}
	if n.Passphrase != p.w.net.Passphrase {
		p.w.refuse(p.n, n)
		return netip.Addr{}, false
	}
	p.w.join(p.n)
	p.n.away = false
	p.w.lease(p.n)
	return p.n.ip, true
}

// probe looks for a network by name.
func (p *Peer) probe(ssid string) {
	b := p.w.bss
	b.SSID = ssid
	p.n.mgmtSeq++
	h := Header{FC: FCProbeReq, A1: Broadcast, A2: p.n.mac, A3: Broadcast, Seq: p.n.mgmtSeq & 0xFFF}
	p.w.emit(radioSlow, p.n.rssi, b.AppendProbeReq(h.Append(nil)), Benign, 0)
	if ssid == p.w.net.SSID {
		p.w.management(p.n, false, FCProbeResp, p.w.bss.AppendBeacon(nil, p.w.now, false))
	}
}

// refuse is a 4-way handshake that ends at message 2: its MIC is wrong.
func (w *World) refuse(s *node, n Network) {
	s.tk = nil
	w.associate(s)
	if pmk, err := PSK(n.SSID, n.Passphrase); err == nil {
		right := w.pmk
		w.pmk = pmk
		msgs, _ := w.handshakeMessages(s)
		w.pmk = right
		for i, m := range msgs[:2] {
			w.data(s, i%2 == 1, apMAC, AppendLLC(nil, EtherEAPOL, m), Benign, 0)
		}
	}
	w.management(s, false, FCDeauth, []byte{15, 0}) // 4-way handshake timeout (table 9-90)
}

// Send sends a datagram from a local port. A station without a network sends
// nothing.
func (p *Peer) Send(port uint16, dst netip.AddrPort, payload []byte) {
	if p.n.away {
		return
	}
	to := p.w.byIP(dst.Addr())
	if to.away {
		to = p.w.ap // which has nobody to hand it to
	}
	p.w.meet(p.n, to)
	src := netip.AddrPortFrom(p.n.ip, port)
	label, original, sum := p.repeated(src, dst, payload)
	frame := p.w.sendUDP(p.n, to, src, dst, payload, label, original)
	if label == Benign {
		once := sentOnce{sum, p.w.now, frame}
		p.sent[sum] = once
		p.order = append(p.order, once)
		p.watch(src, dst, payload, frame)
	}
}

// repeated says whether these very bytes went the same way within the life of
// an exchange: then CoAP sends them again.
func (p *Peer) repeated(src, dst netip.AddrPort, payload []byte) (Label, uint64, [sha256.Size]byte) {
	for len(p.order) > 0 && p.w.now-p.order[0].at > exchangeLifetime {
		if old := p.order[0]; p.sent[old.sum] == old {
			delete(p.sent, old.sum)
		}
		p.order = p.order[1:]
	}
	sum := sha256.Sum256(append([]byte(src.String()+dst.String()), payload...))
	if first, ok := p.sent[sum]; ok {
		return Retransmission, first.frame, sum
	}
	return Benign, 0, sum
}

// watch keeps what attackers want to know of a message.
func (p *Peer) watch(src, dst netip.AddrPort, payload []byte, frame uint64) {
	m, ok := decodeCoAP(payload)
	if !ok {
		return
	}
	cf, err := m.Options.ContentFormat()
	switch {
	case m.Code == codes.GET || m.Code == codes.POST:
		p.mid, p.port = m.MessageID, src.Port()
	case m.Code == codes.Content && err == nil && uint16(cf) == wire.ContentFormatKey:
		p.key = append([]byte{}, m.Payload...)
	}
	if m.Code == codes.POST && err == nil && frame != 0 {
		handshake := uint16(cf) == wire.ContentFormatHandshake512
		p.remember(sentMessage{append([]byte{}, payload...), frame, handshake, src, dst})
	}
	if p.asked != nil {
		p.asked(m, src, dst)
	}
}

// remember keeps the newest messages, and the newest handshake for as long as
// there is no other.
func (p *Peer) remember(m sentMessage) {
	if len(p.history) == maxHistory {
		keep := p.history[maxHistory/2:]
		p.history = p.history[:0]
		if h := p.handshake; h.payload != nil {
			p.history = append(p.history, h)
		}
		p.history = append(p.history, keep...)
	}
	if m.handshake {
		p.handshake = m
	}
	p.history = append(p.history, m)
}

func (p *Peer) station() *node          { return p.n }
func (p *Peer) records() []sentMessage  { return p.history }
func (p *Peer) asking() (int32, uint16) { return p.mid, p.port }
func (p *Peer) servedKey() []byte       { return p.key }

// Attacker repeats or forges what a sender sent. It is a station of the
// network, too.
type Attacker struct{ a *attacker }

// NewAttacker lets one in; last is the last byte of its addresses.
func (w *World) NewAttacker(last byte, sender, gateway *Peer) *Attacker {
	return &Attacker{&attacker{w: w, victim: sender, gw: gateway, member: w.addStation(last)}}
}

// Replay says what of a sender to repeat, and how.
type Replay struct {
	Handshake bool   // the newest handshake, else the newest record
	Spoof     bool   // in the sender's name, else from the attacker's own address
	Renumber  bool   // under new message ids
	Count     int    // how often
	Every     uint64 // µs
}

// Replay begins at once, or as soon as there is something to repeat.
func (x *Attacker) Replay(r Replay) { x.a.datagram(r.Handshake, r.Spoof, r.Renumber, r.Count, r.Every) }

// Flood sends handshakes with fresh ciphertexts, every µs apart, as soon as it
// has heard the gateway's key.
func (x *Attacker) Flood(count int, every uint64) {
	if x.a.gw.servedKey() == nil {
		x.a.w.after(sec, func() { x.Flood(count, every) })
		return
	}
	x.a.flood(count, every)
}

// Krack lets message 3 of a WPA2 handshake come again, and the sender's packet
// numbers begin anew under the same key after 5 s. It reports false where the sender has
// no such key.
func (x *Attacker) Krack() bool {
	if x.a.victim.station().tk == nil {
		return false
	}
	x.a.krack(5 * sec)
	return true
}

// FalseGateway answers the next count requests for a key that the sender makes
// with a key of its own, before the gateway does.
func (x *Attacker) FalseGateway(count int) {
	p := x.a.victim.(*Peer)
	p.asked = func(m message.Message, src, dst netip.AddrPort) {
		if m.Code != codes.GET || count == 0 {
			return
		}
		count--
		x.a.answerGET(m.MessageID, m.Token, dst, src)
	}
}

// Chatter adds n stations that talk about something else, each every µs on
// average; first is the last byte of the first one's addresses.
func (w *World) Chatter(first byte, n int, peer *Peer, every uint64) {
	for i := range n {
		w.chatter(w.addStation(first+byte(i)), peer.n, every)
	}
}
