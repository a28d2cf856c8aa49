package extcap

import (
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// recordedTime gives the records of a recorded stream a time: nothing says
// when it was recorded, so its first record is now, and intervals are the
// board's.
type recordedTime struct {
	start  time.Time // of the running boot
	base   uint64    // µs, board time at start
	based  bool
	newest time.Time
}

// stamp is what decoder.Clock's Stamp is for a live board.
func (t *recordedTime) stamp(rec *decoder.Record) time.Time {
	if rec.Type == wire.TypeFrame && rec.Frame.Flags&wire.FrameTSF != 0 {
		return t.latest()
	}
	if rec.Boot {
		t.start, t.based = t.latest(), false
	}
	if !t.based {
		t.based, t.base = true, rec.Time
	}
	at := t.start.Add(time.Duration(int64(rec.Time-t.base)) * time.Microsecond)
	if at.After(t.newest) {
		t.newest = at
	}
	return at
}

func (t *recordedTime) latest() time.Time {
	if t.newest.IsZero() {
		return t.start
	}
	return t.newest
}
