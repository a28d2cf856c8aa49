package packet

import (
	"bytes"

	"pqiot/wire"
)

// IP fragments wait in a fixed number of slots; the oldest gives way.
const (
	fragSlots   = 64
	fragMax     = 8 << 10     // bytes of a datagram that is put together
	fragPieces  = 32          // fragments of a datagram
	fragTimeout = 30 * second // RFC 791 gives 15 s, Linux 30 s
)

type fragments struct {
	slots   []fragSlot
	evicted int64 // datagrams that gave way before they were whole
}

type fragKey struct {
	src, dst [16]byte
	ta       wire.MAC // a relayed copy is put together on its own
	id       uint32
	proto    uint8
}

type fragSlot struct {
	key    fragKey
	since  int64 // ns
	used   bool
	total  int // bytes, 0 = the last fragment has not come
	pieces int
	at     [fragPieces][2]int // from, to
	buf    []byte
}

// add keeps a fragment, and returns the whole datagram when it was the last
// one missing. Overlapping fragments are refused (RFC 5722).
func (f *fragments) add(p *Packet, id uint32, off int, more bool, b []byte) []byte {
	if off+len(b) > fragMax || len(b) == 0 || more && len(b)%8 != 0 {
		return nil
	}
	s := f.slot(fragKey{p.IP.Src, p.IP.Dst, p.Dot11.TA, id, p.IP.Proto}, p.Time)
	for _, have := range s.at[:s.pieces] {
		if off == have[0] && off+len(b) == have[1] {
			return nil // the same one again
		}
		if off < have[1] && have[0] < off+len(b) {
			s.used = false
			return nil
		}
	}
	if s.pieces == fragPieces {
		s.used = false
		return nil
	}
	if s.buf == nil {
		s.buf = make([]byte, fragMax)
	}
	copy(s.buf[off:], b)
	s.at[s.pieces] = [2]int{off, off + len(b)}
	s.pieces++
	if !more {
		s.total = off + len(b)
	}
	have := 0
	for _, piece := range s.at[:s.pieces] {
		have += piece[1] - piece[0]
	}
	if s.total == 0 || have != s.total {
		return nil
	}
	s.used = false
	return bytes.Clone(s.buf[:s.total]) // the slot is used again
}

func (f *fragments) slot(k fragKey, now int64) *fragSlot {
	if f.slots == nil {
		f.slots = make([]fragSlot, fragSlots)
	}
	free := 0
	for i := range f.slots {
		s := &f.slots[i]
		if s.used && now-s.since > fragTimeout {
			s.used = false
		}
		if s.used && s.key == k {
			return s
		}
		if !s.used && f.slots[free].used || s.used && f.slots[free].used && s.since < f.slots[free].since {
			free = i
		}
	}
	s := &f.slots[free]
	if s.used {
		f.evicted++
	}
	*s = fragSlot{key: k, since: now, used: true, buf: s.buf}
	return s
}
