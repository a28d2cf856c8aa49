package decoder

import (
	"time"

	"pqiot/wire"
)

const (
	history   = 64         // records; how far back a repeated or late one is known
	slack     = 100_000    // µs; records made side by side may carry times out of order
	overtaken = 60_000_000 // µs; a frame may wait in the board's ring while others pass it
	minPeriod = 10         // µs; no board makes records faster on average
	freshBoot = 5_000_000  // µs; no sequence wraps so early
	bootShift = 2 * time.Second
)

// mark is the place of one record in the board's own order. Frames are stamped
// when they are heard and numbered when they leave the ring; all else is
// stamped and numbered as it is made. So times rise among frames, and from
// anything to a record that is no frame, but not from that to a frame.
type mark struct {
	time  uint64 // µs
	seq   uint16
	frame bool
	timed bool // time counts from the boot
}

// before reports whether p's time lets m come after it.
func (p mark) before(m mark) bool {
	dt := int64(m.time - p.time)
	switch {
	case !p.timed || !m.timed:
		return true
	case m.frame && !p.frame:
		return dt >= -overtaken
	}
	return dt >= -slack
}

// tracker follows sequence, time and status counters over one stream.
type tracker struct {
	started bool
	last    mark
	heard   mark          // the last timed frame of this boot
	made    mark          // the last other record of this boot
	past    [history]mark // the last records, a ring
	n       uint          // records of this boot

	resumed bool      // the next record is the first of a new stream
	seen    time.Time // when the old stream's last byte came

	based   bool // status is a base to count from
	status  wire.Status
	frames  uint64 // frame records since status
	missing uint64 // records missing since status
	onWire  int64  // records lost on the wire so far; skew may push it under 0
}

type verdict uint8

const (
	next verdict = iota // goes on, perhaps after a gap
	late                // repeated, or overtaken by others
	boot                // the board counts anew
)

// judge says how m stands to the records before it.
func (t *tracker) judge(m mark) verdict {
	ahead := m.seq - t.last.seq
	forward := t.heard.before(m) && t.made.before(m)
	if ahead-1 < 1<<15 && forward {
		return next
	}
	gap := int64(ahead)
	if gap == 0 {
		gap = 1 << 16
	}
	since := max(t.heard.time, t.made.time)
	if m.frame && t.heard.timed {
		since = t.heard.time
	}
	if forward && m.timed && int64(m.time-since) >= gap*minPeriod {
		return next // so long a silence that the sequence may have come round
	}
	if back := -ahead; back < history {
		if v := t.recall(m); v != next {
			return v
		}
	}
	if !m.timed {
		return next
	}
	return boot
}

// recall looks m up among the last records: late if it is one of them, or
// fits behind the one before it; boot if its sequence stood for another time;
// next if nothing is known.
func (t *tracker) recall(m mark) verdict {
	for i := range min(t.n, history) {
		p := t.past[(t.n-1-i)%history]
		switch d := m.seq - p.seq; {
		case d == 0 && (p.time == m.time || !m.timed || !p.timed):
			return late
		case d == 0:
			return boot
		case d < history: // the nearest one before it
			if p.before(m) && m.before(t.last) {
				return late
			}
			return next
		}
	}
	return next
}

// account sets what rec says of the records before it, and counts. whole is
// false for a record without a body to look into, which is not returned.
func (r *Reader) account(rec *Record, whole bool) {
	lost, v := r.track.step(rec, whole)
	rec.Lost, rec.Boot, rec.Late = lost, v == boot, v == late
	if whole && rec.Type == wire.TypeFrame {
		r.frames.Add(1)
		if v == next && lost == 0 && !rec.Rescued && !r.owing {
			return // nearly all
		}
	}
	r.changed = true
	if rec.Boot {
		r.stats.Reboots++
	}
	if whole && rec.Type == wire.TypeStatus && !rec.Late && !rec.Rescued {
		more, dropped := r.track.settle(rec.Status)
		rec.Lost += more
		r.stats.BoardDropped += uint64(dropped)
		r.stats.WireLost = uint64(max(0, r.track.onWire))
	}
	r.stats.Missing += uint64(rec.Lost)
	r.pass(rec, whole)
}

// pass carries Lost and Boot of a record that is not returned over to the one
// that is.
func (r *Reader) pass(rec *Record, whole bool) {
	rec.Boot = rec.Boot || r.owedBoot
	rec.Lost = uint32(min(uint64(rec.Lost)+uint64(r.owedLost), 1<<32-1))
	if !whole {
		r.owing, r.owedLost, r.owedBoot = true, rec.Lost, rec.Boot
		return
	}
	r.owing, r.owedLost, r.owedBoot = false, 0, false
	if rec.Type != wire.TypeFrame {
		r.stats.Records++
	}
	if rec.Late {
		r.stats.Late++
	}
	if rec.Rescued {
		r.stats.Rescued++
	}
}

// step moves on to rec and returns how many records are missing before it.
func (t *tracker) step(rec *Record, whole bool) (lost uint32, v verdict) {
	m := mark{rec.Time, rec.Seq, rec.Type == wire.TypeFrame, !whole || rec.hasTime()}
	if t.started {
		v = t.judge(m)
		if t.resumed {
			v = t.rejoin(rec, m, v)
		}
		if v == next && t.based && whole && rec.Type == wire.TypeStatus && int32(rec.Status.Heard-t.status.Heard) < 0 {
			v = boot
		}
		if rec.Rescued && (v != next || m.seq-t.last.seq > 1<<12) {
			v = late // too weak a witness for a restart
		}
		switch v {
		case late:
			return 0, late
		case next:
			lost = uint32(m.seq - t.last.seq - 1)
			lost &= 1<<16 - 1
		case boot:
			lost = t.restart(m)
		}
	} else {
		t.started, t.based = true, m.seq == 0 && m.timed && m.time < freshBoot
	}
	t.resumed = false
	t.last, t.past[t.n%history] = m, m
	t.n++
	t.missing += uint64(lost)
	if !m.frame {
		t.made = m
	} else if t.frames++; m.timed {
		t.heard = m
	}
	return lost, v
}

// rejoin judges the first record of a resumed stream: a board that booted at
// another moment than the one known before has restarted.
func (t *tracker) rejoin(rec *Record, m mark, v verdict) verdict {
	if v == late {
		return boot
	}
	host := rec.Arrived.Sub(t.seen)
	board := time.Duration(m.time-max(t.heard.time, t.made.time)) * time.Microsecond
	if m.timed && (host-board).Abs() > bootShift+host/1000 {
		return boot
	}
	return v
}

// restart forgets the boot before and returns how many records of the new one
// came before m, as far as the host was listening.
func (t *tracker) restart(m mark) (lost uint32) {
	if !t.resumed {
		lost = uint32(m.seq) // a board counts from 0
	}
	t.heard, t.made, t.n, t.frames, t.missing = mark{}, mark{}, 0, 0, 0
	t.based, t.status = !t.resumed, wire.Status{}
	t.onWire = max(0, t.onWire)
	return lost
}

// settle compares the board's counters with those at the status before. It
// returns whole turns of the sequence that went missing unseen, and the
// frames that the board dropped.
func (t *tracker) settle(s wire.Status) (more, dropped uint32) {
	if t.based {
		made := int64(s.Passed - t.status.Passed)
		if hidden := made - int64(t.frames+t.missing); hidden > 1<<15 {
			more = uint32(min((hidden+1<<15)>>16, 1<<16-1)) << 16
		}
		dropped = s.RingDropped - t.status.RingDropped
		t.onWire += int64(t.missing) + int64(more) - int64(dropped)
	}
	t.based, t.status, t.frames, t.missing = true, s, 0, 0
	return more, dropped
}
