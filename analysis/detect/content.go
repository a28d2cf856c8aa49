package detect

import (
	"hash/maphash"

	"pqiot/analysis/report"
	"pqiot/wire"
)

// content is D3: fingerprints of session payloads, by nonce and, in a
// handshake, ciphertext.
type content struct {
	seen table[[2]uint64, fingerprint]
	old  bloom // fingerprints that gave way
	// suspects are fingerprints that the Bloom filter may know: a second look
	// at the input tells. In that one, only they are kept.
	suspects, only map[[2]uint64]bool
}

const maxSuspects = 1 << 16

type fingerprint struct {
	content          uint64 // hash of encrypted data and tag
	frame            uint64
	file             int32
	mid              uint16
	srcPort, dstPort uint16
	src              [16]byte
	sa               wire.MAC
	time             int64
}

func (c *content) init() {
	c.seen = newTable[[2]uint64, fingerprint](fingerprints)
	c.seen.gone = func(k [2]uint64, _ *fingerprint) { c.old.add(k) }
}

func (e *Engine) observeContent(f *Frame, l layout) Kind {
	k := e.fingerprintOf(&l)
	if e.content.only != nil && !e.content.only[k] {
		return Fresh
	}
	p, fresh := e.content.seen.put(k)
	now := fingerprint{content: maphash.Bytes(e.seed, l.content), frame: f.id(), file: int32(f.File), mid: f.CoAP.MID,
		srcPort: f.UDP.SrcPort, dstPort: f.UDP.DstPort, src: f.IP.Src, sa: f.SA, time: f.Time}
	if fresh {
		*p = now
		e.content.suspect(k)
		if l.kind == 1 {
			e.rate.handshake(f, &e.inc)
		}
		highest, far := e.sessions.see(f, &l)
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

// fingerprintOf: direction and kind apart, as both sides count from 0.
func (e *Engine) fingerprintOf(l *layout) [2]uint64 {
	var h maphash.Hash
	h.SetSeed(e.seed)
	h.WriteByte(l.kind & 0x80)
	h.Write(l.nonce)
	a := h.Sum64()
	h.Write(l.ct)
	h.WriteByte(1)
	return [2]uint64{a, h.Sum64()}
}

func (c *content) suspect(k [2]uint64) {
	if !c.old.has(k) || len(c.suspects) >= maxSuspects {
		return
	}
	if c.suspects == nil {
		c.suspects = map[[2]uint64]bool{}
	}
	c.suspects[k] = true
}
