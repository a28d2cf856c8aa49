package detect

import (
	"fmt"
	"hash/maphash"
	"math/bits"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// exchangeTable remembers CoAP messages by endpoints and message id.
type exchangeTable struct {
	t table[messageKey, message]
}

type messageKey struct {
	src, dst         [16]byte
	srcPort, dstPort uint16
	mid              uint16
	response         bool
}

// message is one CoAP message and every time that it was sent.
type message struct {
	content  uint64 // hash of the whole message
	sa       wire.MAC
	radio    bool // sa was heard on the air
	first    uint64
	since    int64
	up, down uint16 // ToDS and FromDS copies
	wired    uint16
	sent     uint16 // logical transmissions: the most of the three
	last     int64
	times    [maxRetransmit + 3]int64
	bad      uint16                // copies off the schedule
	excused  [maxRetransmit]uint64 // copies on the schedule, though the answer had been heard: see timingAlert
	excuses  uint8
	answered bool
	layout   bool
}

func (t *exchangeTable) init() {
	t.t = newTable[messageKey, message](exchanges)
	t.t.place = func(seed maphash.Seed, k messageKey) uint32 {
		number := uint64(k.mid)
		k.mid >>= 3
		return near(seed, k, number)
	}
}

// medium of a frame: what carried it.
func (m *message) counter(f *Frame) *uint16 {
	if f.Dot11.Present && !f.Dot11.FourAddr {
		switch f.Dot11.Flags & (packet.ToDS | packet.FromDS) {
		case packet.ToDS:
			return &m.up
		case packet.FromDS:
			return &m.down
		}
	}
	return &m.wired
}

// transmission counts a copy, and reports whether it is a new logical
// transmission or the relay of one.
func (m *message) transmission(f *Frame) bool {
	c := m.counter(f)
	if m.sent > 0 && *c < m.sent && f.Time-m.last < int64(relayWithin) {
		*c++
		return false
	}
	m.sent++
	*c = m.sent
	m.last = f.Time
	return true
}

// coap is what a CoAP message tells.
func (e *Engine) coap(f *Frame) Kind {
	c := &f.CoAP
	if c.Code == 0 { // ping, empty acknowledgement, reset
		return Fresh
	}
	k := messageKey{f.IP.Src, f.IP.Dst, f.UDP.SrcPort, f.UDP.DstPort, c.MID, c.Code >= 0x40}
	hash := e.hashMessage(f)
	m, fresh := e.exchange.t.put(k)
	if !fresh && m.content != hash { // the id is used for another message
		fresh = true
	}
	if !fresh && f.Time-m.since > int64(exchangeLifetime) && !isLayout(c) {
		fresh = true // the id came round again, with the same request
	}
	if fresh {
		*m = message{} // in place: a literal with fields would be made elsewhere and copied
		m.content, m.sa, m.radio, m.first, m.since, m.layout = hash, f.SA, f.Dot11.Present, f.id(), f.Time, isLayout(c)
		m.transmission(f)
		m.times[0] = f.Time
		e.rate.exchange(f, &e.inc)
		e.markAnswered(f)
		kind := e.newMessage(f, m)
		if kind == Replay {
			m.bad++
		}
		return kind
	}
	if !f.Dot11.Present && f.Time-m.last < int64(duplicateUnder) {
		return Duplicate // the capture has it twice: several interfaces, or merged files
	}
	if e.fromElsewhere(f, m) {
		return e.foreignCopy(f, m)
	}
	if !m.transmission(f) {
		return Relay
	}
	return e.copyOf(f, m)
}

// hashMessage hashes a whole message, and its payload on the way.
func (e *Engine) hashMessage(f *Frame) uint64 {
	head := f.UDP.Payload[:len(f.UDP.Payload)-len(f.CoAP.Payload)]
	f.bodyHash = maphash.Bytes(e.seed, f.CoAP.Payload)
	return bits.RotateLeft64(maphash.Bytes(e.seed, head), 32) ^ f.bodyHash
}

// fromElsewhere: the same message from another MAC address on the same medium.
func (e *Engine) fromElsewhere(f *Frame, m *message) bool {
	return m.radio == f.Dot11.Present && m.sa != f.SA && f.SA != (wire.MAC{})
}

func (e *Engine) foreignCopy(f *Frame, m *message) Kind {
	e.datagram(f, m.first, "another MAC address")
	e.rate.repeat(f, true, &e.inc)
	return Replay
}

// markAnswered: the request of this response has its answer.
func (e *Engine) markAnswered(f *Frame) {
	c := &f.CoAP
	if c.Code < 0x40 {
		return
	}
	k := messageKey{f.IP.Dst, f.IP.Src, f.UDP.DstPort, f.UDP.SrcPort, c.MID, false}
	if q := e.exchange.t.get(k); q != nil {
		q.answered = true
	}
}

// newMessage: what the content of a message tells that has no copy yet.
func (e *Engine) newMessage(f *Frame, m *message) Kind {
	body := e.blocks.Add(f.Packet)
	if len(body) != len(f.CoAP.Payload) {
		f.bodyHash = maphash.Bytes(e.seed, body)
	}
	e.keys.observe(e, f, body)
	l, ok := parseLayout(&f.CoAP, body)
	if !ok {
		return Fresh
	}
	if f.Forged {
		e.inc.add(f, finding{detector: "record.forged", severity: report.Medium, sid: l.sidString(),
			source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
			summary:  "a record whose tag is wrong under the session's logged keys",
			evidence: map[string]any{"sequence": l.seq, "ruled_out": "the keys open the session's other records"}})
		return Fresh
	}
	return e.observeContent(f, l)
}

// copyOf judges another transmission of the same message from the same
// endpoint.
func (e *Engine) copyOf(f *Frame, m *message) Kind {
	n := min(int(m.sent)-1, len(m.times)-1)
	m.times[n] = f.Time
	late := e.judgeTiming(f, m, n)
	e.rate.repeat(f, late != "", &e.inc)
	if late == "" {
		if m.answered && m.layout && f.CoAP.Code < 0x40 && int(m.excuses) < len(m.excused) {
			m.excused[m.excuses] = f.id()
			m.excuses++
		}
		return Retransmission
	}
	e.timingAlert(f, m, late)
	return Replay
}

func isLayout(c *packet.CoAP) bool {
	return c.Format >= wire.ContentFormatHandshake512 && c.Format <= wire.ContentFormatRecord
}

// datagram reports a message that came again from somewhere else.
func (e *Engine) datagram(f *Frame, original uint64, other string) {
	l, ok := parseLayout(&f.CoAP, f.CoAP.Payload)
	sid := ""
	if ok {
		sid = l.sidString()
	}
	sev := report.High
	if !ok {
		sev = report.Medium
	}
	e.inc.add(f, finding{detector: "replay.datagram", severity: sev, original: original, sid: sid,
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary:  "a message came again from " + other,
		evidence: map[string]any{"mac": f.SA.String(), "ruled_out": "a retransmission comes from the endpoint that sent the original, a relay keeps its source"}})
}

// layout is a session payload: see package wire.
type layout struct {
	kind    uint8 // T of the AAD: 1 handshake, 2 record, 0x82 response
	suite   uint16
	sid     [wire.SIDSize]byte
	seq     uint64
	nonce   []byte
	ct      []byte // ML-KEM ciphertext, handshakes only
	content []byte // encrypted data and tag
}

func (l *layout) sidString() string { return fmt.Sprintf("%x", l.sid) }

// parseLayout reads a body that is whole; ok is false for any other.
func parseLayout(c *packet.CoAP, body []byte) (l layout, ok bool) {
	head := 0
	switch {
	case c.Code == 2 && c.PathHash == packet.PathMsg:
		switch c.Format {
		case wire.ContentFormatHandshake512:
			l.kind, l.suite, head = 1, 512, wire.CiphertextSize512
		case wire.ContentFormatHandshake768:
			l.kind, l.suite, head = 1, 768, wire.CiphertextSize768
		case wire.ContentFormatHandshake1024:
			l.kind, l.suite, head = 1, 1024, wire.CiphertextSize1024
		case wire.ContentFormatRecord:
			l.kind = 2
		default:
			return l, false
		}
	case c.Code == 0x44 && c.Format == wire.ContentFormatRecord:
		l.kind = 0x82
	default:
		return l, false
	}
	if len(body) < head+wire.RecordOverhead || body[head] != wire.NonceLead {
		return l, false
	}
	l.ct, l.nonce, l.content = body[:head], body[head:head+wire.NonceSize], body[head+wire.NonceSize:]
	l.sid = [wire.SIDSize]byte(l.nonce[1:])
	for _, b := range l.nonce[1+wire.SIDSize:] {
		l.seq = l.seq<<8 | uint64(b)
	}
	return l, true
}
