package packet

import "math/bits"

const (
	magicMicros = 0xA1B2C3D4
	magicNanos  = 0xA1B23C4D

	pcapHeaderSize = 24
	pcapRecordSize = 16
	second         = 1_000_000_000 // ns
)

func (s *Source) readPcapHeader() error {
	b, err := s.take(pcapHeaderSize, "the file header")
	if err != nil {
		return err
	}
	// The upper bits of the link type say whether there is an FCS; the bytes
	// themselves are asked instead.
	link := Link(s.u32(b[20:]) & 0xFFFF)
	s.ifaces = []iface{{link: link}}
	return nil
}

func (s *Source) nextPcap(raw *Raw) error {
	head, err := s.take(pcapRecordSize, "a record header")
	if err != nil {
		return err
	}
	sec, frac := s.u32(head), s.u32(head[4:])
	n, orig := s.u32(head[8:]), s.u32(head[12:])
	if n > maxBlock-pcapRecordSize {
		return s.damage("a record claims %d bytes", n)
	}
	b, err := s.take(pcapRecordSize+int(n), "a record")
	if err != nil {
		return err
	}
	ns := int64(frac)
	if !s.nano {
		ns *= 1000
	}
	s.frame++
	*raw = Raw{Data: b[pcapRecordSize:], Time: int64(sec)*second + ns, Orig: int(orig),
		Link: s.ifaces[0].link, Frame: s.frame, Offset: s.offset}
	return nil
}

// nanos turns ticks of a clock with perSec ticks a second into ns. A hostile
// resolution or time cannot overflow: it saturates.
func nanos(ticks, perSec uint64, offset int64) int64 {
	if perSec == defaultTicks && ticks < 1<<52 && offset == 0 { // what almost all captures have
		return int64(ticks) * (second / defaultTicks)
	}
	if perSec == 0 {
		perSec = 1
	}
	sec, rest := ticks/perSec, ticks%perSec
	hi, lo := bits.Mul64(rest, second)
	frac, _ := bits.Div64(hi, lo, perSec) // rest < perSec, so the quotient fits
	const most = uint64(1<<63-1) / second
	if sec >= most {
		return 1<<63 - 1
	}
	t := int64(sec*second + frac)
	if sum := t + offset; (sum > t) == (offset > 0) {
		return sum
	}
	return t
}
