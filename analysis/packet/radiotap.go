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

// radioLayout is where the fields stand in a header with these present bits
// and as many words of them. A radio writes the same ones again and again.
type radioLayout struct {
	present uint32
	start   int // behind the present words
	at      [len(radiotapFields)]int
	end     int // of the fields; 0: not laid out yet
}

func (l *radioLayout) of(present uint32, start int) {
	if l.end != 0 && l.present == present && l.start == start {
		return
	}
	*l = radioLayout{present: present, start: start, end: start}
	for bit, f := range radiotapFields {
		if present>>bit&1 != 0 {
			l.at[bit] = (l.end + int(f.align) - 1) &^ (int(f.align) - 1)
			l.end = l.at[bit] + int(f.size)
		}
	}
}

// parse reads the radiotap header at the start of b and returns its length.
// Only the first radio's fields count: later words repeat them per antenna.
func (r *Radio) parse(b []byte, l *radioLayout) (n int, ok bool) {
	if len(b) < 8 || b[0] != 0 {
		return 0, false
	}
	n = int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return 0, false
	}
	h := b[:n]
	first := binary.LittleEndian.Uint32(h[4:])
	start := 8
	for more := first; more>>rtMoreWords != 0; start += 4 {
		if start+4 > n {
			return 0, false
		}
		more = binary.LittleEndian.Uint32(h[start:])
	}
	if l.of(first, start); l.end > n {
		return 0, false
	}
	if at := l.at[rtTSFT]; at != 0 {
		r.TSFT, r.HasTSFT = binary.LittleEndian.Uint64(h[at:]), true
	}
	if at := l.at[rtFlags]; at != 0 {
		r.FCS, r.BadFCS = h[at]&rtFlagFCS != 0, h[at]&rtFlagBadFCS != 0
	}
	if at := l.at[rtRate]; at != 0 {
		r.Rate = h[at]
	}
	if at := l.at[rtChannel]; at != 0 {
		r.Freq = binary.LittleEndian.Uint16(h[at:])
	}
	if at := l.at[rtSignal]; at != 0 {
		r.Signal = int8(h[at])
	}
	return n, true
}
