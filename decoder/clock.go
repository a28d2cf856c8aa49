package decoder

import (
	"sync"
	"time"
)

// Clock maps the board's microseconds to host time. The zero value is ready.
type Clock struct {
	mu   sync.Mutex
	have bool
	off  time.Time // host time of board time 0
	last time.Time
}

// Observe tells the clock that a record stamped board arrived at the host.
func (c *Clock) Observe(board uint64, arrived time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := arrived.Add(-time.Duration(board) * time.Microsecond)
	if !c.have || off.Before(c.off) {
		c.have, c.off = true, off
	}
}

// Echo tells the clock that the board's time was board at some moment between
// sent and arrived.
func (c *Clock) Echo(sent, arrived time.Time, board uint64) { c.Observe(board, arrived) }

// Host returns the host time of a board time. It never runs backwards.
func (c *Clock) Host(board uint64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.off.Add(time.Duration(board) * time.Microsecond)
	if t.Before(c.last) {
		t = c.last
	}
	c.last = t
	return t
}

// Bound is how far off Host may be.
func (c *Clock) Bound() time.Duration { return 2 * time.Second }

// Reset starts a new mapping, as after a restart of the board.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.have = false
}
