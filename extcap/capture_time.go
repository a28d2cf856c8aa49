package extcap

import (
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

const (
	tsfAhead  = time.Second     // a mapped time may be so far after the arrival
	tsfBehind = 5 * time.Second // or before it, or the TSF has jumped
)

// liveTime gives the records of a live board a time. Frames may be stamped by
// the radio's TSF, which counts from another moment than the board's clock
// and so is mapped by itself. It may jump, too: then its mapping starts anew.
type liveTime struct {
	board *decoder.Clock
	tsf   *decoder.Clock
}

func (t *liveTime) stamp(rec *decoder.Record) time.Time {
	at := t.board.Stamp(rec)
	if !byTSF(rec) {
		return at
	}
	if rec.Boot {
		t.tsf = new(decoder.Clock)
	}
	if at, ok := t.stampTSF(rec); ok {
		return at
	}
	t.tsf = new(decoder.Clock)
	at, _ = t.stampTSF(rec)
	return at
}

func (t *liveTime) stampTSF(rec *decoder.Record) (at time.Time, ok bool) {
	if !rec.Late && !rec.Rescued {
		t.tsf.Observe(rec.Time, rec.Arrived)
	}
	if at = t.tsf.Host(rec.Time); at.IsZero() {
		return rec.Arrived, true
	}
	late := rec.Arrived.Sub(at)
	return at, -tsfAhead < late && late < tsfBehind
}

func byTSF(rec *decoder.Record) bool {
	return rec.Type == wire.TypeFrame && rec.Frame.Flags&wire.FrameTSF != 0
}

// recordedTime gives the records of a recorded stream a time. Nothing says when
// it was recorded, so its first record is now, and intervals are those of the
// board's clock or the radio's.
type recordedTime struct {
	newest     time.Time // of all records so far
	board, tsf span
}

// span maps times from its first one on.
type span struct {
	begun bool
	start time.Time
	base  uint64 // µs, at start
}

func (t *recordedTime) stamp(rec *decoder.Record) time.Time {
	if rec.Boot {
		t.board, t.tsf = span{}, span{}
	}
	s := &t.board
	if byTSF(rec) {
		s = &t.tsf
	}
	if !s.begun {
		*s = span{true, t.newest, rec.Time}
	}
	at := s.start.Add(time.Duration(int64(rec.Time-s.base)) * time.Microsecond)
	if at.After(t.newest) {
		t.newest = at
	}
	return at
}
