package detect

import (
	"hash/maphash"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// packetNumbers is D2: CCMP numbers every frame under a temporal key, and a
// number may rise only.
type packetNumbers struct {
	flows table[pnKey, pnState]
}

// pnKey: group and pairwise numbers interleave from one sender, priorities
// overtake each other, and another temporal key begins at 1.
type pnKey struct {
	ta, ra     wire.MAC
	keyID, tid uint8
	key        uint32
}

type pnState struct {
	max     uint64
	pn      [pnWindow]uint64
	hash    [pnWindow]uint64
	frame   [pnWindow]uint64
	started bool
	pending []pnLow // without the key: low numbers that a rekey may explain
}

// pnLow is a frame whose number is too low, kept until the old count goes on.
type pnLow struct {
	packet packet.Packet // without what aliases the capture
	file   int
}

func (d *packetNumbers) init() { d.flows = newTable[pnKey, pnState](flowsMax) }

// observe reports whether the frame is a replay.
func (d *packetNumbers) observe(e *Engine, f *Frame, v verdict) bool {
	h := &f.Dot11
	if h.Type == typeMgmt {
		d.restart(f)
		return false
	}
	if !h.HasPN || f.TKIP || len(h.Body) < 16 || h.Body[2] != 0 || v.kind == WiFiRetry {
		return false // byte 2 is 0 in CCMP and part of the number in TKIP
	}
	k := pnKey{h.TA, h.RA, h.KeyID, h.TID, f.Key}
	if h.RA[0]&1 != 0 {
		k.ra = wire.MAC{1}
	}
	s, _ := d.flows.put(k)
	hash := maphash.Bytes(e.seed, h.Body)
	at := h.PN % pnWindow
	switch {
	case !s.started || h.PN > s.max:
		d.confirm(e, f, s)
		s.started, s.max = true, h.PN
	case s.max-h.PN >= pnWindow:
		return d.low(e, f, s, hash)
	case s.pn[at] == h.PN && s.frame[at] != 0:
		return d.again(e, f, s, hash, at)
	}
	s.pn[at], s.hash[at], s.frame[at] = h.PN, hash, f.id()
	return false
}

// again: a number that was used before.
func (d *packetNumbers) again(e *Engine, f *Frame, s *pnState, hash uint64, at uint64) bool {
	x := finding{detector: "replay.pn", severity: strength(f, report.High), original: s.frame[at],
		summary:  "a frame came again under a packet number that was used before",
		evidence: map[string]any{"pn": f.Dot11.PN, "highest_pn": s.max, "ruled_out": "no retry bit and no retry's timing; the key did not change"}}
	if s.hash[at] != hash {
		if f.Key == 0 {
			return d.low(e, f, s, hash) // perhaps another key
		}
		x.detector, x.severity = "pn.reuse", report.High
		x.summary = "one packet number and key with two ciphertexts: the key stream was used twice"
	}
	d.report(e, f, x)
	return true
}

// low: a number below the window. With the key it is a regression. Without,
// a rekey that was not heard looks the same, until the old count goes on.
func (d *packetNumbers) low(e *Engine, f *Frame, s *pnState, hash uint64) bool {
	if f.Key != 0 {
		d.report(e, f, finding{detector: "pn.regression", severity: report.High,
			summary:  "a packet number far below the highest one under the same key",
			evidence: map[string]any{"pn": f.Dot11.PN, "highest_pn": s.max, "ruled_out": "reordering stays within 64; the key did not change"}})
		return true
	}
	s.pending = append(s.pending, pnLow{keep(f.Packet), f.File})
	if len(s.pending) > pnPending { // the old count does not go on: a rekey
		*s = pnState{started: true, max: f.Dot11.PN}
		at := f.Dot11.PN % pnWindow
		s.pn[at], s.hash[at], s.frame[at] = f.Dot11.PN, hash, f.id()
	}
	return false
}

// confirm: the old count goes on, so what was low was no rekey.
func (d *packetNumbers) confirm(e *Engine, f *Frame, s *pnState) {
	if len(s.pending) == 0 {
		return
	}
	if s.passed(f.Dot11.PN) || f.Dot11.PN-s.max > 1<<20 {
		s.pending = nil // a new count that has passed the old one, or none that goes on
		return
	}
	for _, low := range s.pending {
		d.report(e, &Frame{Packet: &low.packet, File: low.file}, finding{detector: "pn.regression", severity: report.Medium,
			summary:  "a packet number far below the highest one, and then the old count went on",
			evidence: map[string]any{"pn": low.packet.Dot11.PN, "highest_pn": s.max, "ruled_out": "a rekey would not go on with the old count"}})
		e.repeats.Replay++
	}
	s.pending = nil
}

// passed reports whether a number above the highest rather ends the climb of the
// low ones than goes on from the highest: they rose all the time, in steps like
// the last. Of a single low one the step is not known; then the number must lie
// much closer to the highest to count as its successor.
func (s *pnState) passed(pn uint64) bool {
	low := func(i int) uint64 { return s.pending[i].packet.Dot11.PN }
	last := low(len(s.pending) - 1)
	step, over := pn-last, pn-s.max
	if step <= pnWindow {
		return true
	}
	if len(s.pending) == 1 {
		return step < pnCloser*over
	}
	widest := uint64(0)
	for i := 1; i < len(s.pending); i++ {
		if low(i) <= low(i-1) {
			return false
		}
		widest = max(widest, low(i)-low(i-1))
	}
	return step <= pnWiden*widest
}

func (d *packetNumbers) report(e *Engine, f *Frame, x finding) {
	x.source, x.destination = f.Dot11.TA.String(), f.Dot11.RA.String()
	e.inc.add(f, x)
}

// keep copies what does not alias the capture.
func keep(p *packet.Packet) packet.Packet {
	q := *p
	q.Dot11.Header, q.Dot11.Body, q.Net, q.UDP.Payload = nil, nil, nil, nil
	q.CoAP = packet.CoAP{}
	q.Layer = min(q.Layer, packet.LayerLink)
	return q
}

// strength: without the key no more than medium can be known.
func strength(f *Frame, s report.Severity) report.Severity {
	if f.Key == 0 {
		return report.Medium
	}
	return s
}

// restart: authentication and association bring new keys. What is known by
// key needs no reset.
func (d *packetNumbers) restart(f *Frame) {
	switch f.Dot11.Subtype {
	case subAuth, subAssocReq, subReassocReq, 1, subReassocResp:
		d.forget(f.Dot11.TA, f.Dot11.RA)
	}
}

// forget clears what was counted between two stations without a key.
func (d *packetNumbers) forget(a, b wire.MAC) {
	for keyID := uint8(0); keyID < 4; keyID++ {
		for tid := uint8(0); tid <= 16; tid++ {
			for _, k := range [2]pnKey{{a, b, keyID, tid, 0}, {b, a, keyID, tid, 0}} {
				if s := d.flows.get(k); s != nil {
					*s = pnState{}
				}
			}
		}
	}
}
