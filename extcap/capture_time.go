package extcap

import (
	"time"

	"pqiot/decoder"
)

// timeline maps a board's time, µs since its boot, to the computer's.
type timeline interface {
	observe(board uint64, arrived time.Time)
	host(board uint64) time.Time
	restart() // the board counts from zero again
}

// boardTime is the time line of a live board.
type boardTime struct{ clock *decoder.Clock }

func (t *boardTime) observe(board uint64, arrived time.Time) { t.clock.Observe(board, arrived) }
func (t *boardTime) host(board uint64) time.Time             { return t.clock.Host(board) }
func (t *boardTime) restart()                                { t.clock.Reset() }

// recordedTime is the time line of a recorded stream, which says nothing of
// when it was recorded: its first record is now, and intervals are the board's.
type recordedTime struct {
	start  time.Time // of the running boot
	base   uint64    // µs, board time at start
	based  bool
	newest time.Time
}

func (t *recordedTime) observe(board uint64, _ time.Time) {
	if !t.based {
		t.based, t.base = true, board
	}
}

func (t *recordedTime) host(board uint64) time.Time {
	at := t.start.Add(time.Duration(int64(board-t.base)) * time.Microsecond)
	if at.After(t.newest) {
		t.newest = at
	}
	return at
}

func (t *recordedTime) restart() {
	if !t.newest.IsZero() {
		t.start = t.newest
	}
	t.based = false
}
