package packet

// Block-wise transfers (RFC 7959) wait in a fixed number of slots.
const (
	blockSlots   = 64
	blockMax     = 4 << 10      // bytes of a body that is put together
	blockTimeout = 247 * second // EXCHANGE_LIFETIME (RFC 7252 §4.8.2)
)

// Blockwise puts bodies together that came in blocks. The zero value is
// ready.
type Blockwise struct {
	slots   []blockSlot
	Evicted int64 // bodies that gave way before they were whole
}

type blockKey struct {
	src, dst         [16]byte
	srcPort, dstPort uint16
	tagHash          uint32
	response         bool
}

type blockSlot struct {
	key   blockKey
	since int64
	used  bool
	have  int // bytes, without a gap from the start
	body  []byte
}

// Add takes a message. Where it completes a body that came in blocks, the
// whole body is returned; of a message without a block option, its payload.
// nil means that blocks are still missing. The result is valid until the
// next call.
func (w *Blockwise) Add(p *Packet) []byte {
	c := &p.CoAP
	response := c.Code >= 0x40
	b := c.Block1
	if response {
		b = c.Block2
	}
	if !b.Present || b.Num == 0 && !b.More {
		return c.Payload
	}
	k := blockKey{p.IP.Src, p.IP.Dst, p.UDP.SrcPort, p.UDP.DstPort, hashSegment(fnvStart, c.Tag), response}
	if response {
		k.tagHash = hashSegment(fnvStart, c.ETag)
	}
	s := w.slot(k, p.Time, b.Num == 0)
	if s == nil {
		return nil
	}
	from := int(b.Num) * b.Size()
	if b.Num == 0 {
		s.have = 0
	}
	if from != s.have || from+len(c.Payload) > blockMax || b.More && len(c.Payload) != b.Size() {
		if from > s.have {
			s.used = false // a gap: what came can never be whole
		}
		return nil
	}
	copy(s.body[from:], c.Payload)
	s.have += len(c.Payload)
	if b.More {
		return nil
	}
	s.used = false
	return s.body[:s.have]
}

// slot finds the transfer; only its first block opens one.
func (w *Blockwise) slot(k blockKey, now int64, first bool) *blockSlot {
	if w.slots == nil {
		w.slots = make([]blockSlot, blockSlots)
	}
	free := 0
	for i := range w.slots {
		s := &w.slots[i]
		if s.used && now-s.since > blockTimeout {
			s.used = false
		}
		if s.used && s.key == k {
			return s
		}
		if !s.used && w.slots[free].used || s.used && w.slots[free].used && s.since < w.slots[free].since {
			free = i
		}
	}
	if !first {
		return nil
	}
	s := &w.slots[free]
	if s.used {
		w.Evicted++
	}
	if s.body == nil {
		s.body = make([]byte, blockMax)
	}
	*s = blockSlot{key: k, since: now, used: true, body: s.body}
	return s
}
