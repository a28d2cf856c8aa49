package packet

import (
	"hash/crc32"

	"pqiot/wire"
)

// Decoder lays packets out. It keeps what needs more than one packet: which
// interfaces have check sequences, and fragments of IP datagrams.
type Decoder struct {
	ports  []uint16
	fcs    []fcsTally
	radio  radioLayout // of the last packet
	frags  fragments
	counts [NumFaults]int64
}

// NewDecoder returns a decoder that takes the given UDP ports for CoAP;
// without any, 5683.
func NewDecoder(ports ...uint16) *Decoder {
	if len(ports) == 0 {
		ports = []uint16{wire.CoAPPort}
	}
	return &Decoder{ports: ports}
}

// Faults counts packets by why they were not read further.
func (d *Decoder) Faults() [NumFaults]int64 { return d.counts }

// Evicted counts IP datagrams that were given up for want of room before all
// their fragments had come.
func (d *Decoder) Evicted() int64 { return d.frags.evicted }

// Decode lays raw out in p. It never fails: p.Layer says how far it came and
// p.Fault why not further.
func (d *Decoder) Decode(raw *Raw, p *Packet) {
	*p = Packet{} // in place: a literal with fields would be made elsewhere and copied
	p.Frame, p.Time, p.Iface, p.Len, p.Orig, p.Link = raw.Frame, raw.Time, raw.Iface, len(raw.Data), raw.Orig, raw.Link
	b := raw.Data
	switch raw.Link {
	case LinkRadiotap, linkPrism, linkAVS, linkPPI:
		n, ok := p.Radio.header(raw.Link, b, &d.radio)
		if !ok {
			d.fault(p, FaultRadiotap)
			return
		}
		d.dot11(p, b[n:], raw)
	case LinkDot11:
		d.dot11(p, b, raw)
	case LinkEthernet:
		d.ethernet(p, b)
	case LinkCooked:
		d.cooked(p, b, 16)
	case LinkCooked2:
		d.cooked2(p, b)
	case LinkRaw, LinkIPv4, LinkIPv6, linkRawBSD, linkRawOpenBSD:
		p.Layer = LayerLink
		d.rawIP(p, b)
	case LinkUpperPDU: // says nothing of the network
	default:
		d.fault(p, FaultLink)
	}
}

// DecodeBody goes on with the decrypted body of a data frame.
func (d *Decoder) DecodeBody(p *Packet, plain []byte) { d.body(p, plain) }

// NextMSDU goes on with the next packet that was carried in the same frame
// (A-MSDU), and reports whether there was one.
func (d *Decoder) NextMSDU(p *Packet) bool {
	if len(p.rest) == 0 {
		return false
	}
	d.msdu(p)
	return true
}

func (d *Decoder) fault(p *Packet, f Fault) {
	p.Fault = f
	d.counts[f]++
}

// fcsTally is what the frames of one interface say of their last four bytes.
type fcsTally struct{ right, wrong uint32 }

// has judges by the frames themselves: a check sequence that is right by
// chance is one in 2^32, so a single one among few wrong ones decides.
func (t fcsTally) has() bool { return t.right > 0 && t.right >= t.wrong/4 }

// fcsSamples is after how many frames the tally of an interface stands.
const fcsSamples = 64

// stripFCS removes the check sequence from a frame of an interface that has
// them. ok is false where it is wrong.
func (d *Decoder) stripFCS(raw *Raw, p *Packet, b []byte) (out []byte, ok bool) {
	whole := raw.Orig <= len(raw.Data)
	for raw.Iface >= len(d.fcs) {
		d.fcs = append(d.fcs, fcsTally{})
	}
	t := &d.fcs[raw.Iface]
	known := t.right+t.wrong >= fcsSamples
	if known && !t.has() || len(b) < 14 {
		return b, true
	}
	if !whole { // the cut took the check sequence, or part of it
		over := max(0, 4-(raw.Orig-len(raw.Data)))
		if t.has() {
			return b[:len(b)-over], true
		}
		return b, true
	}
	n := len(b) - 4
	right := crc32.ChecksumIEEE(b[:n]) == uint32(b[n])|uint32(b[n+1])<<8|uint32(b[n+2])<<16|uint32(b[n+3])<<24
	if !known {
		if right {
			t.right++
		} else {
			t.wrong++
		}
	}
	if right {
		return b[:n], true
	}
	if known && t.has() {
		p.Radio.BadFCS = true
		return b[:n], false
	}
	return b, true
}
