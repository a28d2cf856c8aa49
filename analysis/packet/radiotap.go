package packet

import "encoding/binary"

// radiotapFields are alignment and size of the fields of the default
// namespace by their present bit (radiotap.org), as far as they are asked for: the
// fields stand in the order of the bits, so what follows need not be known.
var radiotapFields = [...]struct{ align, size uint8 }{
	{8, 8}, // 0 TSFT
	{1, 1}, // 1 flags
	{1, 1}, // 2 rate
	{2, 4}, // 3 channel
	{2, 2}, // 4 FHSS
	{1, 1}, // 5 antenna signal, dBm
}

const (
	rtTSFT    = 0
	rtFlags   = 1
	rtRate    = 2
	rtChannel = 3
	rtSignal  = 5

	rtFlagFCS    = 0x10
	rtFlagBadFCS = 0x40

	rtMoreWords = 31 // another word of present bits follows
)

// parse reads the radiotap header at the start of b and returns its length.
// Only the first radio's fields count: later words repeat them per antenna.
func (r *Radio) parse(b []byte) (n int, ok bool) {
	if len(b) < 8 || b[0] != 0 {
		return 0, false
	}
	n = int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return 0, false
	}
	h := b[:n]
	first := binary.LittleEndian.Uint32(h[4:])
	at := 8
	for more := first; more>>rtMoreWords != 0; at += 4 {
		if at+4 > n {
			return 0, false
		}
		more = binary.LittleEndian.Uint32(h[at:])
	}
	for bit := range radiotapFields {
		if first>>bit&1 == 0 {
			continue
		}
		f := radiotapFields[bit]
		at = (at + int(f.align) - 1) &^ (int(f.align) - 1)
		if at+int(f.size) > n {
			return 0, false
		}
		r.field(bit, h[at:])
		at += int(f.size)
	}
	return n, true
}

func (r *Radio) field(bit int, v []byte) {
	switch bit {
	case rtTSFT:
		r.TSFT, r.HasTSFT = binary.LittleEndian.Uint64(v), true
	case rtFlags:
		r.FCS, r.BadFCS = v[0]&rtFlagFCS != 0, v[0]&rtFlagBadFCS != 0
	case rtRate:
		r.Rate = v[0]
	case rtChannel:
		r.Freq = binary.LittleEndian.Uint16(v)
	case rtSignal:
		r.Signal = int8(v[0])
	}
}
