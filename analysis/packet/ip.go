package packet

import "encoding/binary"

const (
	protoUDP      = 17
	protoHop      = 0
	protoRouting  = 43
	protoFragment = 44
	protoAuth     = 51
	protoDest     = 60
	maxExtensions = 16
)

func (d *Decoder) ipv4(p *Packet, b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		d.fault(p, FaultIP)
		return
	}
	head, total := int(b[0]&0xF)*4, int(binary.BigEndian.Uint16(b[2:]))
	if head < 20 || total < head || head > len(b) {
		d.fault(p, FaultIP)
		return
	}
	p.Layer = LayerIP
	ip := &p.IP
	ip.Version, ip.TTL, ip.Proto, ip.ID = 4, b[8], b[9], binary.BigEndian.Uint16(b[4:])
	mapped(&ip.Src, b[12:16])
	mapped(&ip.Dst, b[16:20])
	body := b[head:min(total, len(b))] // what follows is padding of the link
	if frag := binary.BigEndian.Uint16(b[6:]); frag&0x3FFF != 0 {
		body = d.frags.add(p, uint32(ip.ID), int(frag&0x1FFF)*8, frag&0x2000 != 0, body)
		if body == nil {
			d.fault(p, FaultFragment)
			return
		}
	}
	d.transport(p, body)
}

func mapped(dst *[16]byte, v4 []byte) {
	dst[10], dst[11] = 0xFF, 0xFF
	copy(dst[12:], v4)
}

func (d *Decoder) ipv6(p *Packet, b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		d.fault(p, FaultIP)
		return
	}
	p.Layer = LayerIP
	ip := &p.IP
	ip.Version, ip.TTL = 6, b[7]
	copy(ip.Src[:], b[8:24])
	copy(ip.Dst[:], b[24:40])
	next := b[6]
	body := b[40:min(40+int(binary.BigEndian.Uint16(b[4:])), len(b))]
	for range maxExtensions {
		var n int
		switch next {
		case protoHop, protoRouting, protoDest:
			if len(body) >= 2 {
				n = 8 + int(body[1])*8
			}
		case protoAuth:
			if len(body) >= 2 {
				n = 8 + int(body[1])*4
			}
		case protoFragment:
			n = 8
		default:
			ip.Proto = next
			d.transport(p, body)
			return
		}
		if n == 0 || n > len(body) {
			d.fault(p, FaultIP)
			return
		}
		head := body[:n]
		body = body[n:]
		if next == protoFragment {
			off := binary.BigEndian.Uint16(head[2:])
			if off&0xFFF9 != 0 { // an atomic fragment is whole (RFC 6946)
				ip.Proto = head[0]
				body = d.frags.add(p, binary.BigEndian.Uint32(head[4:]), int(off&0xFFF8), off&1 != 0, body)
				if body == nil {
					d.fault(p, FaultFragment)
					return
				}
			}
		}
		next = head[0]
	}
	d.fault(p, FaultIP)
}

func (d *Decoder) transport(p *Packet, b []byte) {
	if p.IP.Proto != protoUDP {
		return
	}
	if len(b) < 8 {
		d.fault(p, FaultUDP)
		return
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < 8 {
		d.fault(p, FaultUDP)
		return
	}
	p.UDP = UDP{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), b[8:min(n, len(b))]}
	p.Layer = LayerUDP
	if n > len(b) { // cut by the snap length, or a lie: the rest is not there
		d.fault(p, FaultUDP)
		return
	}
	for _, port := range d.ports {
		if p.UDP.SrcPort == port || p.UDP.DstPort == port {
			d.coap(p)
			return
		}
	}
}
