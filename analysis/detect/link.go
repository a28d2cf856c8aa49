package detect

import (
	"hash/maphash"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// 802.11 types and subtypes that the detectors name.
const (
	typeMgmt    = 0
	typeControl = 1
	typeData    = 2

	subAssocReq    = 0
	subReassocReq  = 2
	subReassocResp = 3
	subAuth        = 11
	subNull        = 4 // bit of data subtypes without a body
)

// linkRetry is D1: per transmitter, receiver and traffic id, a ring of what
// was sent last.
type linkRetry struct {
	flows table[flowKey, ring]
}

type flowKey struct {
	ta, ra wire.MAC
	tid    uint8
}

type ring struct {
	seq   [ringSize]uint16
	hash  [ringSize]uint64
	time  [ringSize]int64  // ns
	tsf   [ringSize]int64  // ns, by the sniffer's own radio; time where it gave none
	by    [ringSize]uint32 // sniffer
	frame [ringSize]uint64
	n     int                 // entries ever made
	has   [ringSize * 2]uint8 // entries by the last bits of their number: most need not be searched
}

// verdict is what D1 says of a frame.
type verdict struct {
	kind     Kind
	original uint64
	delta    time.Duration
	unmarked bool // a retry without the retry bit
}

func (l *linkRetry) init() { l.flows = newTable[flowKey, ring](flowsMax) }

// observe judges a management or data frame. Frames that nobody acknowledges
// by name (beacons, probes) are left alone.
func (l *linkRetry) observe(seed maphash.Seed, f *Frame) verdict {
	h := &f.Dot11
	if h.Type == typeMgmt && h.RA[0]&1 != 0 {
		return verdict{}
	}
	if h.Type == typeMgmt {
		switch h.Subtype {
		case subAssocReq, subReassocReq, subReassocResp, 1, subAuth:
			l.forget(h.TA, h.RA)
		}
	}
	r, _ := l.flows.put(flowKey{h.TA, h.RA, h.TID})
	seq := h.Seq<<4 | uint16(h.Frag)
	hash := maphash.Bytes(seed, h.Body)
	by := uint32(f.File)<<16 | uint32(f.Iface)&0xFFFF
	now, tsf := f.Time, f.Time
	if f.Radio.HasTSFT {
		tsf = int64(f.Radio.TSFT * 1000)
	}
	var v verdict
	newest := r.n - 1
	for i := newest; r.has[bucket(seq)] > 0 && i >= 0 && i > newest-ringSize; i-- {
		at := i % ringSize
		if r.seq[at] != seq || r.hash[at] != hash {
			continue
		}
		// What two sniffers heard may stand in the wrong order.
		delta, other := tsf-r.tsf[at], r.by[at] != by
		if other {
			delta = now - r.time[at]
		}
		v = judgeRepeat(h, delta, i == newest || other)
		v.original = r.frame[at]
		if v.kind != Replay && v.kind != Fresh {
			r.time[at], r.tsf[at], r.by[at] = now, tsf, by // retries of retries count from the last one
		}
		return v
	}
	at := r.n % ringSize
	if r.n >= ringSize {
		r.has[bucket(r.seq[at])]--
	}
	r.has[bucket(seq)]++
	r.seq[at], r.hash[at], r.frame[at] = seq, hash, f.id()
	r.time[at], r.tsf[at], r.by[at] = now, tsf, by
	r.n++
	return v
}

// bucket of a sequence number with its fragment.
func bucket(seq uint16) uint16 { return seq >> 4 % (ringSize * 2) }

// judgeRepeat: same sequence number, fragment and body.
func judgeRepeat(h *packet.Dot11, delta int64, newest bool) verdict {
	d := time.Duration(delta)
	if d < 0 { // the clock of the radio began anew
		d = -d
	}
	v := verdict{delta: d}
	switch {
	case d < sameUnder || d < duplicateUnder && h.Flags&packet.Retry == 0:
		v.kind = Duplicate
	case h.Flags&packet.Retry != 0 && d < retryWithin:
		v.kind = WiFiRetry
	case h.Type == typeData && h.Subtype&subNull != 0:
		// A null frame's sequence number means little (IEEE 802.11-2020
		// §10.3.2.14): only the retry bit makes it a repeat.
	case h.Flags&packet.Retry == 0 && d < unmarkedWithin && newest:
		v.kind, v.unmarked = WiFiRetry, true
	case h.Type == typeData:
		v.kind = Replay
	}
	return v
}

// forget clears what was heard between two stations: an association starts
// the counters anew.
func (l *linkRetry) forget(a, b wire.MAC) {
	for tid := uint8(0); tid <= packet.TIDNonQoS; tid++ {
		for _, k := range [2]flowKey{{a, b, tid}, {b, a, tid}} {
			if r := l.flows.get(k); r != nil {
				*r = ring{}
			}
		}
	}
}

func (e *Engine) linkReplay(f *Frame, v verdict) {
	h := &f.Dot11
	e.inc.add(f, finding{
		detector: "replay.frame", severity: report.Medium, original: v.original,
		source: h.TA.String(), destination: h.RA.String(),
		summary: "an 802.11 frame was sent again, with the same sequence number and body, too late for a retry",
		evidence: map[string]any{"sequence": h.Seq, "fragment": h.Frag, "retry": h.Is(packet.Retry), "delta_s": v.delta.Seconds(),
			"ruled_out": "a retry comes within 1 s with the retry bit, or within 20 ms before anything newer"},
	})
}
