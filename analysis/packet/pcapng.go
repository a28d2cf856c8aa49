package packet

import (
	"encoding/binary"
	"io"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSHB = 0x0A0D0D0A
	blockIDB = 1
	blockPB  = 2 // obsolete, still met
	blockSPB = 3
	blockEPB = 6

	magicSHB     = blockSHB // a palindrome: the same in both byte orders
	byteOrderLE  = 0x1A2B3C4D
	minBlock     = 12
	optEnd       = 0
	optTSResol   = 9
	optTSOffset  = 14
	epbHeadSize  = 28
	defaultTicks = 1_000_000
)

func (s *Source) readFirstSection() error {
	b, err := s.take(minBlock, "the section header")
	if err != nil {
		return err
	}
	_, err = s.section(b)
	return err
}

// section reads a section header block whose first 12 bytes are b, and
// returns the block's length.
func (s *Source) section(b []byte) (int, error) {
	switch {
	case binary.LittleEndian.Uint32(b[8:]) == byteOrderLE:
		s.swapped = false
	case binary.BigEndian.Uint32(b[8:]) == byteOrderLE:
		s.swapped = true
	default:
		return 0, s.damage("a section header has the byte order mark % x", b[8:12])
	}
	n := s.u32(b[4:])
	if n < 28 || n > maxBlock || n%4 != 0 {
		return 0, s.damage("a section header claims %d bytes", n)
	}
	if _, err := s.take(int(n), "a section header"); err != nil {
		return 0, noEOF(s, err)
	}
	s.base += len(s.ifaces)
	s.ifaces = s.ifaces[:0]
	return int(n), nil
}

// noEOF: inside a block even a clean end is a cut.
func noEOF(s *Source, err error) error {
	if err == io.EOF {
		return s.damage("the file ends inside a block")
	}
	return err
}

func (s *Source) nextPcapng(raw *Raw) error {
	for {
		body, typ, err := s.block()
		if err != nil {
			return err
		}
		got := false
		switch typ {
		case blockSHB:
		case blockIDB:
			s.addInterface(body)
		case blockEPB, blockPB:
			got = s.enhanced(raw, body, typ == blockPB)
		case blockSPB:
			got = s.simple(raw, body)
		default:
			s.counts.UnknownBlocks++
		}
		if got {
			s.frame++
			raw.Frame, raw.Offset = s.frame, s.offset
			return nil
		}
		s.release()
	}
}

// block takes the next whole block and returns its body and type.
func (s *Source) block() ([]byte, uint32, error) {
	head, err := s.take(8, "a block header")
	if err != nil {
		return nil, 0, err
	}
	typ := s.u32(head)
	if typ == blockSHB { // may change the byte order, so it is read first
		if head, err = s.take(minBlock, "a section header"); err != nil {
			return nil, 0, noEOF(s, err)
		}
		n, err := s.section(head)
		s.held = n
		return nil, typ, err
	}
	n := s.u32(head[4:])
	if n < minBlock || n > maxBlock || n%4 != 0 {
		return nil, 0, s.damage("a block of type %#x claims %d bytes", typ, n)
	}
	b, err := s.take(int(n), "a block")
	if err != nil {
		return nil, 0, noEOF(s, err)
	}
	if tail := s.u32(b[n-4:]); tail != n {
		return nil, 0, s.damage("a block of %d bytes ends with the length %d", n, tail)
	}
	return b[8 : n-4], typ, nil
}

func (s *Source) addInterface(b []byte) {
	f := iface{link: LinkUnknown, perSec: defaultTicks}
	if len(s.ifaces) >= maxInterfaces {
		s.counts.BadBlocks++
		return
	}
	if len(b) < 8 {
		s.counts.BadBlocks++
	} else {
		f.link, f.snap = Link(s.u16(b)), s.u32(b[4:])
		s.options(b[8:], func(code uint16, v []byte) {
			switch {
			case code == optTSResol && len(v) == 1:
				f.perSec = ticksPerSecond(v[0])
			case code == optTSOffset && len(v) == 8:
				sec := int64(s.u64(v))
				if sec > -1<<33 && sec < 1<<33 {
					f.offsetNS = sec * second
				}
			}
		})
	}
	s.ifaces = append(s.ifaces, f)
}

// ticksPerSecond reads if_tsresol: a power of ten, or with the top bit of
// two. A power that does not fit 64 bits is read as the largest that does.
func ticksPerSecond(v byte) uint64 {
	n := v & 0x7F
	if v&0x80 != 0 {
		return 1 << min(n, 63)
	}
	t := uint64(1)
	for range min(n, 19) {
		t *= 10
	}
	return t
}

// options walks an option list as far as it is sound.
func (s *Source) options(b []byte, each func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := s.u16(b), int(s.u16(b[2:]))
		if code == optEnd || len(b) < 4+n {
			return
		}
		each(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// enhanced reads an enhanced packet block, or the obsolete packet block,
// which differs in its first four bytes.
func (s *Source) enhanced(raw *Raw, b []byte, old bool) bool {
	if len(b) < epbHeadSize-8 {
		s.counts.BadBlocks++
		return false
	}
	id := int(s.u32(b))
	if old {
		id = int(s.u16(b))
	}
	n := s.u32(b[12:])
	if id >= len(s.ifaces) || int64(n) > int64(len(b)-20) {
		s.counts.BadBlocks++
		return false
	}
	f := &s.ifaces[id]
	ticks := uint64(s.u32(b[4:]))<<32 | uint64(s.u32(b[8:]))
	*raw = Raw{Data: b[20 : 20+n : 20+n], Time: nanos(ticks, f.perSec, f.offsetNS),
		Orig: int(s.u32(b[16:])), Link: f.link, Iface: s.base + id}
	return true
}

// simple reads a simple packet block: the first interface, and no time.
func (s *Source) simple(raw *Raw, b []byte) bool {
	if len(b) < 4 || len(s.ifaces) == 0 {
		s.counts.BadBlocks++
		return false
	}
	orig := s.u32(b)
	n := min(uint32(len(b)-4), orig)
	if snap := s.ifaces[0].snap; snap != 0 {
		n = min(n, snap)
	}
	*raw = Raw{Data: b[4 : 4+n : 4+n], Orig: int(orig), Link: s.ifaces[0].link, Iface: s.base}
	return true
}
