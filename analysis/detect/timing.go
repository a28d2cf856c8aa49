package detect

import (
	"slices"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
)

// judgeTiming is D4: whether copy n (from 1) of a message comes when RFC 7252
// has it due. It returns what is wrong, "" where nothing is.
func (e *Engine) judgeTiming(f *Frame, m *message, n int) string {
	age := time.Duration(f.Time - m.since)
	switch {
	case age > exchangeLifetime:
		return "after EXCHANGE_LIFETIME (247 s)"
	case f.CoAP.Type == packet.NON:
		if age > nonRepeatLow {
			return "a NON is not repeated after 45 s"
		}
		return ""
	case f.CoAP.Code >= 0x40 && f.CoAP.Type == packet.ACK:
		if q := e.request(f); q != nil && (m.sent <= q.sent || q.bad > 0) {
			return "" // the cached answer to a copy of the request, which a replayer may have sent
		}
	}
	if l, ok := parseLayout(&f.CoAP, f.CoAP.Payload); ok && e.sessions.left(f, &l) {
		return "after its sender went on to later records"
	}
	if n > maxRetransmit {
		return "more than MAX_RETRANSMIT (4) copies"
	}
	if !onSchedule(m.times[:n+1], !m.answered) {
		return "off the schedule of RFC 7252 §4.2"
	}
	return ""
}

// request finds the request that a response answers.
func (e *Engine) request(f *Frame) *message {
	return e.exchange.t.get(messageKey{f.IP.Dst, f.IP.Src, f.UDP.DstPort, f.UDP.SrcPort, f.CoAP.MID, false})
}

// onSchedule: a message is sent at 0, T, 3T, 7T and 15T, with one T between 2
// and 3 s. Which of these the heard ones are is not known, only their order;
// unless late is allowed, the first heard is the first sent.
func onSchedule(times []int64, lateStart bool) bool {
	starts := 1
	if lateStart {
		starts = maxRetransmit
	}
	for first := range starts {
		if fits(times, first, 1, first, ackTimeout*(1-slackShare), ackTimeoutMost*(1+slackShare)) {
			return true
		}
	}
	return false
}

// fits tries the slots behind the last one for the next heard time, and keeps
// the range of T that all so far allow.
func fits(times []int64, first, next, slot int, low, high float64) bool {
	if next == len(times) {
		return true
	}
	delta := seconds(times[next] - times[0])
	slack := max(slackLeast, slackShare*delta)
	for k := slot + 1; k <= maxRetransmit; k++ {
		units := float64(int(1)<<k - int(1)<<first)
		lo, hi := max(low, (delta-slack)/units), min(high, (delta+slack)/units)
		if lo <= hi && fits(times, first, next+1, k, lo, hi) {
			return true
		}
	}
	return false
}

// timingAlert reports a copy that no retransmission explains. Copies on the
// schedule pass as retransmissions even after the answer was heard, as the
// answer may have been lost behind the monitor. Where the message goes on to be
// replayed the replayer is the likelier cause, and they join the incident.
func (e *Engine) timingAlert(f *Frame, m *message, why string) {
	m.bad++
	age := time.Duration(f.Time - m.since)
	sev := report.High
	switch {
	case f.CoAP.Type == packet.NON && age <= nonRepeatMedium:
		sev = report.Low
	case !m.layout && m.bad < foreignCopies:
		sev = report.Low
	case !m.layout || f.CoAP.Type == packet.NON:
		sev = report.Medium
	}
	l, ok := parseLayout(&f.CoAP, f.CoAP.Payload)
	sid := ""
	if ok {
		sid = l.sidString()
	}
	earlier := slices.Clone(m.excused[:m.excuses])
	m.excuses = 0
	e.repeats.CoAPRetransmission -= int64(len(earlier))
	e.repeats.Replay += int64(len(earlier))
	e.inc.add(f, finding{detector: "replay.timing", severity: sev, original: m.first, sid: sid, earlier: earlier,
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary: "a CoAP message came again " + why,
		evidence: map[string]any{"delta_s": age.Seconds(), "copy": m.sent, "answered": m.answered,
			"nearest_window_s": nearestWindow(age.Seconds()),
			"ruled_out":        "retransmissions come (2^k − 1)·[2, 3] s after the first, k = 1…4"}})
}

// nearestWindow is the due time closest to a copy's.
func nearestWindow(delta float64) [2]float64 {
	var best [2]float64
	distance := -1.0
	for k := 1; k <= maxRetransmit; k++ {
		units := float64(int(1)<<k - 1)
		w := [2]float64{units * ackTimeout, units * ackTimeoutMost}
		d := max(w[0]-delta, delta-w[1], 0)
		if distance < 0 || d < distance {
			best, distance = w, d
		}
	}
	return best
}
