package detect

import (
	"hash/maphash"

	"pqiot/analysis/report"
	"pqiot/wire"
)

// content is D3: fingerprints of session payloads, by nonce and, in a
// handshake, ciphertext.
type content struct {
	seen table[payloadID, fingerprint]
	old  bloom // fingerprints that gave way
	// suspects are fingerprints that the Bloom filter may know: a second look
	// at the input tells. In that one, only they are kept.
	suspects, only map[payloadID]bool
}

// payloadID is a nonce and its direction, as both sides count from 0, and in
// a handshake the hash of the ciphertext.
type payloadID struct {
	seq, ct  uint64
	sid      [wire.SIDSize]byte
	response bool
}

const maxSuspects = 1 << 16

type fingerprint struct {
	content          uint64 // hash of the whole payload
	frame            uint64
	mid              uint16
	srcPort, dstPort uint16
	src              [16]byte
	sa               wire.MAC
	time             int64
}

func (c *content) init(seed maphash.Seed) {
	c.seen = newTable[payloadID, fingerprint](fingerprints)
	c.seen.place = func(seed maphash.Seed, k payloadID) uint32 {
		number := k.seq
		k.seq >>= 3
		return near(seed, k, number)
	}
	c.seen.gone = func(k payloadID, _ *fingerprint) { c.old.add(maphash.Comparable(seed, k)) }
}

func (e *Engine) observeContent(f *Frame, l layout) Kind {
	k := e.payloadID(&l)
	if e.content.only != nil && !e.content.only[k] {
		return Fresh
	}
	p, fresh := e.content.seen.put(k)
	now := fingerprint{content: f.bodyHash, frame: f.id(), mid: f.CoAP.MID,
		srcPort: f.UDP.SrcPort, dstPort: f.UDP.DstPort, src: f.IP.Src, sa: f.SA, time: f.Time}
	if fresh {
		*p = now
		if l.kind == 1 {
			e.rate.handshake(f, &e.inc)
		}
		highest, far, above := e.sessions.see(f, &l)
		if !above {
			e.content.suspect(e.seed, k)
		}
		if far {
			e.regression(f, &l, highest)
		}
		return Fresh
	}
	was := *p
	if was.content != now.content {
		return e.sameNonce(f, &l, was, now, p)
	}
	e.rate.repeat(f, true, &e.inc)
	if was.src != now.src || was.srcPort != now.srcPort || f.Dot11.Present && was.sa != now.sa {
		e.datagram(f, was.frame, elsewhere(was, now))
		return Replay
	}
	if was.mid == now.mid { // its exchange was forgotten meanwhile
		return e.lateCopy(f, &l, was)
	}
	e.inc.add(f, finding{detector: "replay.ciphertext", severity: report.High, original: was.frame, sid: l.sidString(),
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary: "the same ciphertext came again under another message id",
		evidence: map[string]any{"delta_s": seconds(now.time - was.time), "first_message_id": was.mid, "nonce_seq": l.seq,
			"ruled_out": "a retransmission keeps its message id; a new message has a new nonce"}})
	return Replay
}

func elsewhere(was, now fingerprint) string {
	switch {
	case was.src != now.src:
		return "another IP address"
	case was.srcPort != now.srcPort:
		return "another port"
	}
	return "another MAC address"
}

// lateCopy: same endpoint, same message id, and so long after that the
// exchange is no longer known.
func (e *Engine) lateCopy(f *Frame, l *layout, was fingerprint) Kind {
	e.inc.add(f, finding{detector: "replay.timing", severity: report.High, original: was.frame, sid: l.sidString(),
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary:  "a CoAP message came again long after its exchange",
		evidence: map[string]any{"delta_s": seconds(f.Time - was.time), "ruled_out": "EXCHANGE_LIFETIME is 247 s"}})
	return Replay
}

// sameNonce: one nonce, another ciphertext. After 4.01 with Echo a sender
// repeats its handshake honestly, with a new key from a new transcript.
func (e *Engine) sameNonce(f *Frame, l *layout, was, now fingerprint, p *fingerprint) Kind {
	if l.kind == 1 && was.src == now.src && was.srcPort == now.srcPort && e.keys.echoSince(f, was.time) {
		*p = now
		return Fresh
	}
	e.inc.add(f, finding{detector: "nonce.reuse", severity: report.High, original: was.frame, sid: l.sidString(),
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary: "one nonce with two ciphertexts: the confidentiality of both is lost, or one is forged",
		evidence: map[string]any{"nonce_seq": l.seq, "delta_s": seconds(now.time - was.time),
			"ruled_out": "both sides count for themselves; no 4.01 with Echo asked for the handshake again"}})
	return Replay
}

// regression: a number far below the highest one of its session, that was
// not heard before.
func (e *Engine) regression(f *Frame, l *layout, highest uint64) {
	e.inc.add(f, finding{detector: "sequence.regression", severity: report.Medium, sid: l.sidString(),
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary: "a sequence number far below the highest one of its session",
		evidence: map[string]any{"sequence": l.seq, "highest": highest,
			"ruled_out": "reordering stays within 64"}})
}

func (e *Engine) payloadID(l *layout) payloadID {
	k := payloadID{seq: l.seq, sid: l.sid, response: l.kind&0x80 != 0}
	if len(l.ct) > 0 {
		k.ct = maphash.Bytes(e.seed, l.ct)
	}
	return k
}

func (c *content) suspect(seed maphash.Seed, k payloadID) {
	if len(c.suspects) >= maxSuspects || !c.old.has(maphash.Comparable(seed, k)) {
		return
	}
	if c.suspects == nil {
		c.suspects = map[payloadID]bool{}
	}
	c.suspects[k] = true
}
