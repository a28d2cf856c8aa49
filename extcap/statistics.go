package extcap

import (
	"fmt"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// tally turns the board's counters, which run from its boot, into counts from
// the start of the capture. Frames count as received and accepted as they
// come; each status puts right what they cannot tell, so the counts are never
// below what was delivered.
type tally struct {
	based bool        // last is a status of the running boot
	last  wire.Status // the newest
	frame uint64      // frames that came since last

	received uint64 // up to last
	accepted uint64
	radio    uint64 // frames dropped by the radio
}

// status takes a status record in.
func (t *tally) status(s wire.Status) {
	if t.based {
		t.received += uint64(s.Heard - t.last.Heard)
		t.accepted += uint64(s.Passed - t.last.Passed)
		t.radio += uint64(s.RadioDropped - t.last.RadioDropped)
	} else {
		t.received += t.frame
		t.accepted += t.frame
	}
	t.based, t.last, t.frame = true, s, 0
}

// reboot notes that the board's counters start anew.
func (t *tally) reboot() {
	t.received += t.frame
	t.accepted += t.frame
	t.frame = 0
	if t.based {
		t.last = wire.Status{}
	}
}

// counters fills in what goes into a statistics block.
func (t *tally) counters(s decoder.Stats) counters {
	return counters{
		known:      t.based,
		received:   t.received + t.frame,
		accepted:   t.accepted + t.frame,
		boardDrops: s.BoardDropped + t.radio,
		lineDrops:  s.WireLost + s.Unexplained(),
	}
}

// rates measures from one second to the next for the status line.
type rates struct {
	at        time.Time
	delivered uint64
	bytes     int64
}

// line describes the time since the last call: frames a second, frames lost in
// all, load of the serial line in per cent of its rate, 8N1.
func (r *rates) line(now time.Time, delivered uint64, s decoder.Stats, baud int, ring uint16) string {
	sec := now.Sub(r.at).Seconds()
	frames, bytes := delivered-r.delivered, s.Bytes-r.bytes
	first := r.at.IsZero()
	*r = rates{now, delivered, s.Bytes}
	if first || sec <= 0 || baud <= 0 {
		return ""
	}
	text := fmt.Sprintf("%.0f frames/s, %d in all, %d lost, UART %.0f %%",
		float64(frames)/sec, delivered, s.Missing, 100*float64(bytes)/sec/(float64(baud)/10))
	if ring > 0 {
		text += fmt.Sprintf(", board's ring %d %%", (ring+5)/10)
	}
	return text
}
