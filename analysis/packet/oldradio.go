package packet

import "encoding/binary"

// Radio headers that older drivers and tools write before an 802.11 frame. Only
// what the detectors ask for is read; offsets are those of the formats.
const (
	prismSize = 144         // of the header that linux-wlan-ng defined, bytes
	avsMagic  = 0x8021_1000 // its last digit is the version
	ppiDot11  = 105         // PPI: link type of what follows
	ppiCommon = 2           // PPI: the field "802.11-Common"
	ppiTSFTms = 1 << 1      // flag of the common field: the TSFT counts ms
)

// header reads whichever radio header the link type has and returns its length.
func (r *Radio) header(link Link, b []byte, l *radioLayout) (n int, ok bool) {
	switch link {
	case linkPrism:
		return r.prism(b)
	case linkAVS:
		return r.avs(b)
	case linkPPI:
		return r.ppi(b)
	}
	return r.parse(b, l)
}

// prism reads the header of link type 119, which may be an AVS header too.
func (r *Radio) prism(b []byte) (n int, ok bool) {
	if len(b) >= 4 && binary.BigEndian.Uint32(b)&^0xF == avsMagic {
		return r.avs(b)
	}
	if len(b) < prismSize || binary.LittleEndian.Uint32(b[4:]) != prismSize {
		return 0, false
	}
	return prismSize, true
}

// avs reads the header of link type 163: all big-endian.
func (r *Radio) avs(b []byte) (n int, ok bool) {
	if len(b) < 44 || binary.BigEndian.Uint32(b)&^0xF != avsMagic {
		return 0, false
	}
	size := binary.BigEndian.Uint32(b[4:])
	if size < 44 || size > uint32(len(b)) {
		return 0, false
	}
	return int(size), true
}

// ppi reads the header of link type 192 (CACE Technologies, PPI 1.0.10).
func (r *Radio) ppi(b []byte) (n int, ok bool) {
	if len(b) < 8 || b[0] != 0 || binary.LittleEndian.Uint32(b[4:]) != ppiDot11 {
		return 0, false
	}
	n = int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return 0, false
	}
	for f := b[8:n]; len(f) >= 4; {
		kind, size := binary.LittleEndian.Uint16(f), int(binary.LittleEndian.Uint16(f[2:]))
		if size > len(f)-4 {
			break // the header's own length stands
		}
		if kind == ppiCommon && size >= 20 {
			r.ppiCommon(f[4:])
		}
		f = f[4+size:]
	}
	return n, true
}

// ppiCommon: TSFT (8), flags (2), rate (2), MHz (2), channel flags (2), FHSS (2),
// dBm of signal and noise (1 each).
func (r *Radio) ppiCommon(v []byte) {
	if tsft := binary.LittleEndian.Uint64(v); tsft != 0 && v[8]&ppiTSFTms == 0 {
		r.TSFT, r.HasTSFT = tsft, true
	}
	r.Rate = uint8(min(binary.LittleEndian.Uint16(v[10:]), 255))
	r.Freq = binary.LittleEndian.Uint16(v[12:])
	r.Signal = int8(v[18])
}
