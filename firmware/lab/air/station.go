package air

import (
	"encoding/binary"
	"net/netip"

	"pqiot/wire"
)

// addStation makes a station and lets it join.
func (w *World) addStation(last byte) *node {
	s := w.newStation(last)
	w.join(s)
	return s
}

func (w *World) newStation(last byte) *node {
	s := &node{mac: wire.MAC{2, 0, 0, 0, 1, last}, ip: netip.AddrFrom4([4]byte{192, 168, 7, last}),
		rssi: -45 - int8(last%20), down: &node{}, seq: uint16(w.rng.Uint32N(4096)), ipID: uint16(w.rng.Uint32())}
	s.down.seq = uint16(w.rng.Uint32N(4096))
	w.nodes[s.mac] = s
	return s
}

// join is authentication, association and, with WPA2, the 4-way handshake.
func (w *World) join(s *node) {
	s.tk = nil
	w.associate(s)
	if w.wpa {
		w.handshake(s)
	}
}

func (w *World) associate(s *node) {
	w.management(s, true, FCAuth, AppendAuth(nil, 1))
	w.management(s, false, FCAuth, AppendAuth(nil, 2))
	w.management(s, true, FCAssocReq, w.bss.AppendAssocReq(nil))
	w.management(s, false, FCAssocResp, w.bss.AppendAssocResp(nil, uint16(s.mac[5])))
}

func (w *World) management(s *node, up bool, fc byte, body []byte) {
	from, to := s, w.ap
	if !up {
		from, to = w.ap, s
	}
	from.mgmtSeq++
	h := Header{FC: fc, Duration: 44, A1: to.mac, A2: from.mac, A3: apMAC, Seq: from.mgmtSeq & 0xFFF}
	w.unicast(from, to, radioSlow, h, func(h Header) []byte { return append(h.Append(nil), body...) }, Benign, 0)
}

// handshake gives the station a new pairwise key; over an old one the
// messages go encrypted.
func (w *World) handshake(s *node) {
	msgs, ptk := w.handshakeMessages(s)
	for i, m := range msgs {
		w.data(s, i%2 == 1, apMAC, AppendLLC(nil, EtherEAPOL, m), Benign, 0)
	}
	w.install(s, ptk)
}

func (w *World) handshakeMessages(s *node) ([4][]byte, PTK) {
	s.nonces++
	anonce, snonce := [32]byte(w.random(32)), [32]byte(w.random(32))
	ptk := DerivePTK(w.pmk, apMAC, s.mac, anonce, snonce)
	msgs, err := Handshake(ptk, anonce, snonce, w.gtk, uint64(s.nonces))
	must(err)
	return msgs, ptk
}

func (w *World) install(s *node, ptk PTK) {
	tk, err := NewCCMP(ptk.TK, 0)
	must(err)
	s.tk, s.pn, s.reused, s.down.pn = tk, 0, 0, 0
}

// must is for calls whose arguments are all the simulation's own.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sendUDP sends a datagram from one station over the access point to another.
// It returns the number of the first frame that the monitor heard of it.
func (w *World) sendUDP(from, to *node, src, dst netip.AddrPort, payload []byte, l Label, original uint64) uint64 {
	from.ipID++
	p, err := UDP(src, dst, from.ipID, payload)
	must(err)
	return w.sendIP(from, to, p, l, original)
}

func (w *World) sendIP(from, to *node, p []byte, l Label, original uint64) uint64 {
	body := AppendLLC(nil, EtherIPv4, p)
	ok, up := w.data(from, true, to.mac, body, l, original)
	if !ok || to == w.ap || w.chance(w.PacketLoss) {
		return up
	}
	first := up
	wait := w.between(50, 400)
	if w.chance(w.Delay) {
		wait = w.between(1000, 40000)
	}
	w.after(wait, func() {
		if to.away { // it has left meanwhile
			return
		}
		label, orig := Relayed, up
		if up == 0 { // the monitor did not hear the first half
			label, orig = l, original
		}
		ok, down := w.data(to, false, from.mac, body, label, orig)
		if first == 0 {
			first = down
		}
		if ok {
			w.deliver(to, p, first)
		}
	})
	return up
}

// deliver hands a datagram to the station.
func (w *World) deliver(to *node, p []byte, frame uint64) {
	if to.receive == nil || len(p) < 28 {
		return
	}
	src := netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[12:16])), binary.BigEndian.Uint16(p[20:]))
	dst := netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[16:20])), binary.BigEndian.Uint16(p[22:]))
	to.receive(packetIn{src, dst, p[28:], frame})
}

// broadcast sends a packet to everybody: up to the access point, and down
// under the group key.
func (w *World) broadcast(from *node, etherType uint16, p []byte) {
	body := AppendLLC(nil, etherType, p)
	ok, up := w.data(from, true, Broadcast, body, Benign, 0)
	if !ok {
		return
	}
	w.ap.seq++
	h := Header{FC: FCData, Flags: FromDS, A1: Broadcast, A2: apMAC, A3: from.mac, Seq: w.ap.seq & 0xFFF}
	frame := append(h.Append(nil), body...)
	if w.wpa {
		w.ap.pn++
		frame = w.group.Append(nil, h, w.ap.pn, body)
	}
	w.now += 60
	w.emit(radioSlow, w.ap.rssi, frame, Relayed, up)
}

// chatter is background traffic that has nothing to do with the session.
func (w *World) chatter(s, peer *node, every uint64) {
	n := 0
	var tick func()
	tick = func() {
		n++
		switch n % 4 {
		case 0:
			p, err := ARP(s.mac, wire.MAC{}, s.ip, peer.ip, false)
			must(err)
			w.broadcast(s, EtherARP, p)
		case 1: // a null frame: power save, with a sequence number of its own
			h := Header{FC: FCNull, Flags: ToDS | PwrMgt, A1: apMAC, A2: s.mac, A3: apMAC, Seq: s.seq & 0xFFF}
			w.unicast(s, w.ap, radioLegacy, h, func(h Header) []byte { return h.Append(nil) }, Benign, 0)
		case 2: // the same telemetry over and over, over another port
			w.sendUDP(s, peer, netip.AddrPortFrom(s.ip, 6000), netip.AddrPortFrom(peer.ip, 6001), []byte("state=ok"), Benign, 0)
		case 3:
			h := Header{FC: FCProbeReq, A1: Broadcast, A2: s.mac, A3: Broadcast, Seq: s.mgmtSeq & 0xFFF}
			s.mgmtSeq++
			w.emit(radioSlow, s.rssi, w.bss.AppendProbeReq(h.Append(nil)), Benign, 0)
		}
		w.after(w.between(every/2, every*3/2), tick)
	}
	w.after(w.between(0, every), tick)
}
