package air

import (
	"net/netip"

	"github.com/google/gopacket/layers"

	"pqiot/wire"
)

// routerIP is the access point's own address, where DHCP is served.
var routerIP = netip.AddrFrom4([4]byte{192, 168, 7, 1})

// lease gives a station its address: the four messages of RFC 2131 §3.1, and
// the announcement of RFC 5227 §3.
func (w *World) lease(s *node) {
	xid := w.rng.Uint32()
	for _, step := range []struct {
		kind layers.DHCPMsgType
		up   bool
	}{
		{layers.DHCPMsgTypeDiscover, true}, {layers.DHCPMsgTypeOffer, false},
		{layers.DHCPMsgTypeRequest, true}, {layers.DHCPMsgTypeAck, false},
	} {
		s.ipID++
		p, err := DHCP(step.kind, s.mac, xid, s.ip, routerIP, s.ipID)
		must(err)
		if step.up {
			w.broadcast(s, EtherIPv4, p)
		} else {
			w.data(s, false, apMAC, AppendLLC(nil, EtherIPv4, p), Benign, 0)
		}
	}
	p, err := ARP(s.mac, wire.MAC{}, s.ip, s.ip, false)
	must(err)
	w.broadcast(s, EtherARP, p)
}

// meet finds out another station's MAC address by ARP, where from does not
// know it, or not any more.
func (w *World) meet(from, to *node) {
	at, known := from.met[to.mac]
	if to == w.ap || known && w.now-at < arpLifetime {
		return
	}
	if from.met == nil {
		from.met = map[wire.MAC]uint64{}
	}
	from.met[to.mac] = w.now
	ask, err := ARP(from.mac, wire.MAC{}, from.ip, to.ip, false)
	must(err)
	w.broadcast(from, EtherARP, ask)
	answer, err := ARP(to.mac, from.mac, to.ip, from.ip, true)
	must(err)
	body := AppendLLC(nil, EtherARP, answer)
	_, up := w.data(to, true, from.mac, body, Benign, 0)
	w.data(from, false, to.mac, body, Relayed, up)
}
