package packet

import (
	"encoding/binary"

	"pqiot/wire"
)

// EtherTypes that are read or named.
const (
	EtherIPv4  = 0x0800
	EtherARP   = 0x0806
	EtherIPv6  = 0x86DD
	EtherEAPOL = 0x888E

	etherVLAN  = 0x8100
	etherQinQ  = 0x88A8
	maxVLANs   = 4
	maxDot3Len = 1500 // below, the field is a length (IEEE 802.3 §3.2.6)
)

func (d *Decoder) ethernet(p *Packet, b []byte) {
	if len(b) < 14 {
		d.fault(p, FaultLLC)
		return
	}
	p.Layer = LayerLink
	p.DA, p.SA = wire.MAC(b[:6]), wire.MAC(b[6:12])
	d.tagged(p, binary.BigEndian.Uint16(b[12:]), b[14:])
}

// tagged passes over VLAN tags.
func (d *Decoder) tagged(p *Packet, etherType uint16, b []byte) {
	for range maxVLANs {
		if etherType != etherVLAN && etherType != etherQinQ {
			break
		}
		if len(b) < 4 {
			d.fault(p, FaultLLC)
			return
		}
		etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if etherType <= maxDot3Len {
		d.llc(p, b[:min(len(b), int(etherType))])
		return
	}
	d.net(p, etherType, b)
}

// llc reads LLC/SNAP (IEEE 802.2, RFC 1042). Other LLC is left alone.
func (d *Decoder) llc(p *Packet, b []byte) {
	if len(b) < 8 {
		if len(b) > 0 {
			d.fault(p, FaultLLC)
		}
		return
	}
	if b[0] != 0xAA || b[1] != 0xAA || b[2] != 3 {
		return
	}
	d.tagged2(p, binary.BigEndian.Uint16(b[6:]), b[8:])
}

// tagged2 is tagged for what stands behind SNAP, where there is no length.
func (d *Decoder) tagged2(p *Packet, etherType uint16, b []byte) {
	if etherType == etherVLAN && len(b) >= 4 {
		etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	d.net(p, etherType, b)
}

// cooked reads Linux cooked capture, version 1: 16 bytes, the protocol last.
func (d *Decoder) cooked(p *Packet, b []byte, head int) {
	if len(b) < head {
		d.fault(p, FaultLLC)
		return
	}
	p.Layer = LayerLink
	if binary.BigEndian.Uint16(b[4:]) == 6 {
		p.SA = wire.MAC(b[6:12])
	}
	d.tagged(p, binary.BigEndian.Uint16(b[14:]), b[head:])
}

// cooked2 reads version 2: 20 bytes, the protocol first.
func (d *Decoder) cooked2(p *Packet, b []byte) {
	if len(b) < 20 {
		d.fault(p, FaultLLC)
		return
	}
	p.Layer = LayerLink
	if b[11] == 6 {
		p.SA = wire.MAC(b[12:18])
	}
	d.tagged(p, binary.BigEndian.Uint16(b), b[20:])
}

func (d *Decoder) rawIP(p *Packet, b []byte) {
	if len(b) == 0 {
		d.fault(p, FaultIP)
		return
	}
	etherType := uint16(EtherIPv4)
	if b[0]>>4 == 6 {
		etherType = EtherIPv6
	}
	d.net(p, etherType, b)
}

func (d *Decoder) net(p *Packet, etherType uint16, b []byte) {
	p.Layer, p.EtherType, p.Net = LayerNet, etherType, b
	switch etherType {
	case EtherIPv4:
		d.ipv4(p, b)
	case EtherIPv6:
		d.ipv6(p, b)
	}
}
