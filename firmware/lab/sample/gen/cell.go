package main

import (
	"net/netip"

	"pqiot/firmware/lab/air"
	"pqiot/wire"
)

// station is one member of the network and the keys that it shares with the
// access point.
type station struct {
	mac  wire.MAC
	ip   netip.Addr
	rssi int8
	aid  uint16

	tk       *air.CCMP
	seq      uint16 // next sequence number, this side
	pn       uint64 // last packet number, this side
	seqToSta uint16 // the access point's, toward this station
	pnToSta  uint64
	ipID     uint16
}

// cell is an access point, its stations and all that was heard of them.
type cell struct {
	now      uint64 // µs
	bss      air.BSS
	apIP     netip.Addr
	gtk      *air.CCMP
	gtkKey   []byte
	apSeq    uint16
	groupPN  uint64
	beaconAt uint64 // time of the next beacon, µs
	heard    []air.Heard
	err      error // the first one; what follows it is not used
}

const (
	freq       = 2437 // MHz, channel 6
	apRSSI     = -38  // dBm
	sifs       = 10   // µs
	difs       = 28   // µs
	beaconTime = 102400
)

// radio values of the three kinds of frames in the capture.
var (
	slow   = wire.Frame{Freq: freq, PHY: wire.PHYDSSS, Rate: 2}                              // 1 Mb/s
	legacy = wire.Frame{Freq: freq, PHY: wire.PHYOFDM, Rate: 48}                             // 24 Mb/s
	ht     = wire.Frame{Freq: freq, PHY: wire.PHYHTMixed, Rate: 7, Flags: wire.FrameShortGI} // 72.2 Mb/s
)

// emit puts a frame on the air now and moves the time to its end.
func (c *cell) emit(phy wire.Frame, rssi int8, data []byte) {
	phy.RSSI, phy.AirLen, phy.Data = rssi, uint16(len(data)), data
	c.now += airtime(phy)
	c.heard = append(c.heard, air.Heard{Time: c.now, Frame: phy})
}

// airtime of a frame with its FCS, µs, rounded up.
func airtime(f wire.Frame) uint64 {
	bits := uint64(f.AirLen+4) * 8
	switch f.PHY {
	case wire.PHYDSSS:
		return 192 + bits*2/uint64(f.Rate)
	case wire.PHYOFDM:
		return 20 + bits*2/uint64(f.Rate) + 1
	default:
		return 36 + bits*10/722 + 1
	}
}

func (c *cell) ack(rssi int8, to wire.MAC) {
	c.now += sifs
	c.emit(legacy, rssi, air.AppendAck(nil, to))
}

// wait lets time pass; beacons go out when they are due.
func (c *cell) wait(us uint64) {
	until := c.now + us
	for c.beaconAt < until {
		c.now = max(c.now, c.beaconAt)
		h := air.Header{FC: air.FCBeacon, A1: air.Broadcast, A2: c.bss.BSSID, A3: c.bss.BSSID, Seq: c.nextAP()}
		c.emit(slow, apRSSI, c.bss.AppendBeacon(h.Append(nil), c.now, true))
		c.beaconAt += beaconTime
	}
	c.now = max(c.now, until)
}

func (c *cell) nextAP() uint16 { c.apSeq = (c.apSeq + 1) & 0xFFF; return c.apSeq }

func (s *station) next() uint16 { s.seq = (s.seq + 1) & 0xFFF; return s.seq }

// fromSta and fromAP send a management frame and hear its acknowledgement.
func (c *cell) fromSta(s *station, fc byte, body []byte) {
	c.wait(300)
	h := air.Header{FC: fc, Duration: 44, A1: c.bss.BSSID, A2: s.mac, A3: c.bss.BSSID, Seq: s.next()}
	c.emit(slow, s.rssi, append(h.Append(nil), body...))
	c.ack(apRSSI, s.mac)
}

func (c *cell) fromAP(s *station, fc byte, body []byte) {
	c.wait(300)
	h := air.Header{FC: fc, Duration: 44, A1: s.mac, A2: c.bss.BSSID, A3: c.bss.BSSID, Seq: c.nextAP()}
	c.emit(slow, apRSSI, append(h.Append(nil), body...))
	c.ack(s.rssi, c.bss.BSSID)
}

// eapol sends one message of the 4-way handshake, in clear.
func (c *cell) eapol(s *station, toSta bool, msg []byte) {
	c.wait(900)
	h := air.Header{FC: air.FCQoSData, Duration: 44}
	rssi, to := s.rssi, s.mac
	if toSta {
		h.Flags, h.A1, h.A2, h.A3 = air.FromDS, s.mac, c.bss.BSSID, c.bss.BSSID
		s.seqToSta++
		h.Seq, rssi, to = s.seqToSta, apRSSI, c.bss.BSSID
	} else {
		h.Flags, h.A1, h.A2, h.A3 = air.ToDS, c.bss.BSSID, s.mac, c.bss.BSSID
		h.Seq = s.next()
	}
	c.emit(legacy, rssi, air.AppendLLC(h.Append(nil), air.EtherEAPOL, msg))
	c.ack(ackRSSI(s, toSta), to)
}

// ackRSSI: the receiver acknowledges.
func ackRSSI(s *station, toSta bool) int8 {
	if toSta {
		return s.rssi
	}
	return apRSSI
}

// up sends a packet from a station to the access point, lost times without an
// acknowledgement first: each is repeated with the retry bit, unchanged
// otherwise.
func (c *cell) up(s *station, to wire.MAC, etherType uint16, packet []byte, lost int) {
	c.wait(difs + 80)
	s.pn++
	h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, Duration: 44, A1: c.bss.BSSID, A2: s.mac, A3: to, Seq: s.next()}
	body := air.AppendLLC(nil, etherType, packet)
	for try := range lost + 1 {
		if try > 0 {
			h.Flags |= air.Retry
			c.now += 120
		}
		c.emit(ht, s.rssi, s.tk.Append(nil, h, s.pn, body))
	}
	c.ack(apRSSI, s.mac)
}

// down sends a packet from the access point to a station; from is its source.
func (c *cell) down(s *station, from wire.MAC, etherType uint16, packet []byte) {
	c.wait(difs + 60)
	s.pnToSta++
	s.seqToSta++
	h := air.Header{FC: air.FCQoSData, Flags: air.FromDS, Duration: 44, A1: s.mac, A2: c.bss.BSSID, A3: from, Seq: s.seqToSta & 0xFFF}
	c.emit(ht, apRSSI, s.tk.Append(nil, h, s.pnToSta, air.AppendLLC(nil, etherType, packet)))
	c.ack(s.rssi, c.bss.BSSID)
}

// group sends a packet from the access point to everybody.
func (c *cell) group(from wire.MAC, etherType uint16, packet []byte) {
	c.wait(difs + 60)
	c.groupPN++
	h := air.Header{FC: air.FCData, Flags: air.FromDS, A1: air.Broadcast, A2: c.bss.BSSID, A3: from, Seq: c.nextAP()}
	c.emit(slow, apRSSI, c.gtk.Append(nil, h, c.groupPN, air.AppendLLC(nil, etherType, packet)))
}

// relay carries a packet from one station over the access point to another.
func (c *cell) relay(from, to *station, etherType uint16, packet []byte, lost int) {
	c.up(from, to.mac, etherType, packet, lost)
	c.down(to, from.mac, etherType, packet)
}
