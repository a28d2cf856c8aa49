package packet

import (
	"encoding/binary"

	"pqiot/wire"
)

const (
	typeMgmt    = 0
	typeControl = 1
	typeData    = 2

	subQoS  = 0x8 // in data subtypes: a QoS control field
	subNull = 0x4 // in data subtypes: no body

	extIV = 0x20
)

func (d *Decoder) dot11(p *Packet, b []byte, raw *Raw) {
	b, ok := d.stripFCS(raw, p, b)
	if p.Radio.BadFCS || !ok {
		d.fault(p, FaultFCS)
		return
	}
	h := &p.Dot11
	if len(b) < 10 || b[0]&3 != 0 {
		d.fault(p, FaultDot11)
		return
	}
	h.Present = true
	h.Type, h.Subtype, h.Flags = b[0]>>2&3, b[0]>>4, b[1]
	h.RA = wire.MAC(b[4:10])
	switch h.Type {
	case typeControl:
		h.control(b)
		p.Layer = LayerLink
	case typeMgmt, typeData:
		if !h.addressed(b) {
			d.fault(p, FaultDot11)
			return
		}
		p.Layer = LayerLink
		h.endpoints(p)
		if h.Type == typeData && h.Subtype&subNull == 0 {
			d.dataBody(p)
		}
	default:
		d.fault(p, FaultDot11)
	}
}

// control: RTS, PS-Poll, CF-End and block acks name their sender.
func (h *Dot11) control(b []byte) {
	h.TID = TIDNonQoS
	switch h.Subtype {
	case 8, 9, 10, 11, 14, 15:
		if len(b) >= 16 {
			h.TA = wire.MAC(b[10:16])
		}
	}
	h.Header = b
}

// addressed reads the header of a management or data frame.
func (h *Dot11) addressed(b []byte) bool {
	n := 24
	if len(b) < n {
		return false
	}
	h.TA = wire.MAC(b[10:16])
	sc := binary.LittleEndian.Uint16(b[22:])
	h.Seq, h.Frag = sc>>4, uint8(sc&0xF)
	h.TID = TIDMgmt
	if h.Type == typeData {
		h.TID = TIDNonQoS
		if h.FourAddr = h.Is(ToDS | FromDS); h.FourAddr {
			n += 6
		}
		if h.Subtype&subQoS != 0 {
			if len(b) < n+2 {
				return false
			}
			h.TID, h.AMSDU = b[n]&0xF, b[n]&0x80 != 0
			n += 2
		}
	}
	// The HT control field stands in QoS data and management frames that have
	// the order bit set (IEEE 802.11-2020 §9.2.4.1.10).
	if h.Flags&Order != 0 && (h.Type == typeMgmt || h.Subtype&subQoS != 0) {
		n += 4
	}
	if len(b) < n {
		return false
	}
	h.Header, h.Body = b[:n:n], b[n:]
	return true
}

// endpoints finds source, destination and BSSID among the addresses
// (IEEE 802.11-2020 table 9-30).
func (h *Dot11) endpoints(p *Packet) {
	a3 := wire.MAC(h.Header[16:22])
	ds := h.Flags & (ToDS | FromDS)
	if h.Type == typeMgmt {
		ds = 0
	}
	switch ds {
	case 0:
		p.DA, p.SA, h.BSSID = h.RA, h.TA, a3
	case ToDS:
		h.BSSID, p.SA, p.DA = h.RA, h.TA, a3
	case FromDS:
		p.DA, h.BSSID, p.SA = h.RA, h.TA, a3
	default:
		p.DA, p.SA = a3, wire.MAC(h.Header[24:30])
	}
}

// dataBody reads a body in the clear, or the packet number of a protected
// one.
func (d *Decoder) dataBody(p *Packet) {
	h := &p.Dot11
	if h.Flags&Protected == 0 {
		if h.Frag == 0 && h.Flags&MoreFrag == 0 {
			d.body(p, h.Body)
		}
		return
	}
	if len(h.Body) < 4 {
		d.fault(p, FaultDot11)
		return
	}
	iv := h.Body
	h.KeyID = iv[3] >> 6
	if iv[3]&extIV != 0 && len(iv) >= 8 {
		h.HasPN = true
		h.PN = uint64(iv[0]) | uint64(iv[1])<<8 | uint64(iv[4])<<16 | uint64(iv[5])<<24 | uint64(iv[6])<<32 | uint64(iv[7])<<40
	}
}

// body reads a data body in the clear: an MSDU with LLC/SNAP, or several.
func (d *Decoder) body(p *Packet, b []byte) {
	if p.Dot11.AMSDU {
		p.rest = b
		d.msdu(p)
		return
	}
	d.llc(p, b)
}

// msdu reads the next subframe of an A-MSDU: destination, source, length
// (big-endian), LLC/SNAP and payload, padded to 4.
func (d *Decoder) msdu(p *Packet) {
	p.Layer, p.Fault, p.EtherType, p.Net = LayerLink, FaultNone, 0, nil
	p.IP, p.UDP, p.CoAP = IP{}, UDP{}, CoAP{}
	b := p.rest
	p.rest = nil
	if len(b) < 14 {
		d.fault(p, FaultDot11)
		return
	}
	n := int(binary.BigEndian.Uint16(b[12:]))
	if n > len(b)-14 {
		d.fault(p, FaultDot11)
		return
	}
	p.DA, p.SA = wire.MAC(b[:6]), wire.MAC(b[6:12])
	if next := (14 + n + 3) &^ 3; next < len(b) {
		p.rest = b[next:]
	}
	d.llc(p, b[14:14+n])
}
