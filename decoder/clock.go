package decoder

import (
	"math"
	"sync"
	"time"
)

// What Clock takes for granted. Bound is honest as long as it holds.
const (
	maxDrift   = 100e-6          // the two clocks' rates differ by less
	maxBacklog = 2 * time.Second // the first record waited less, on the board and in buffers
	// A record after silenceMin of silence on the line, no less at the board
	// than at the host, waited behind no other: it took less than freshDelay.
	// A line at 16 kB/s carries the longest record in silenceMin.
	silenceMin = 500 * time.Millisecond
	freshDelay = 20 * time.Millisecond
)

const (
	slewTime = 8 * time.Second  // a correction falls to 1/e in this time
	stepOver = 10 * time.Second // no slewing: the two times have nothing in common any more
	doubts   = 3                // impossible observations in a row that start the mapping anew
	maxSpan  = int64(1) << 51   // µs, 71 years: sums and differences in ns fit an int64
)

// Clock maps the board's microseconds to host time. The zero value is ready;
// methods may be called from any goroutine.
//
// A record's arrival says that the board's clock stood at its time not later
// than that; the smallest delay seen gives the mapping, and delays, however
// long, only fail to improve it. A time echo says not earlier than it was
// sent, too. Between observations both statements weaken by maxDrift. The
// mapping follows the line under the smallest delays of the last minutes and
// is corrected slowly, so that intervals stay those of the board.
//
// Without echoes nothing tells a constant delay from an offset. Then Bound
// rests on records that followed silence, which took at most 20 ms, and until
// there was one on the first, which waited at most 2 s.
type Clock struct {
	mu     sync.Mutex
	have   bool
	epoch  time.Time // host time that offsets count from
	board0 uint64    // board time that x counts from, µs

	// Offsets are host minus board time, ns; x is board time, ns.
	at     int64   // x that hi, lo and out are for, the latest observed
	hi, lo float64 // the true offset lies between
	out    float64 // the offset in use
	rate   float64 // of the offset: host seconds gained a board second
	env    envelope
	doubt  int // impossible observations in a row

	lastX, lastArrival int64 // of the record observed last, ns
	asked              int64 // highest x that Host was asked for
	told               time.Time
	floor              bool // told is valid for asked; after Reset for every board time
}

// Observe tells the clock that a record stamped board, in µs, arrived.
func (c *Clock) Observe(board uint64, arrived time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observe(board, arrived, time.Time{})
}

// Echo tells the clock that the board's time was board, in µs, at some moment
// between sent and arrived.
func (c *Clock) Echo(sent, arrived time.Time, board uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observe(board, arrived, sent)
}

// Host returns the host time of a board time in µs. It never runs backwards:
// while the board times asked for do not fall, the host times do not. The zero
// time means that nothing was observed yet.
func (c *Clock) Host(board uint64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.x(board)
	if !c.have || !ok {
		return c.told
	}
	t := c.epoch.Add(time.Duration(x) + time.Duration(c.out+c.rate*float64(x-c.at)))
	if c.floor && x < c.asked {
		if t.After(c.told) {
			t = c.told
		}
		return t
	}
	if t.Before(c.told) {
		t = c.told
	}
	c.asked, c.told, c.floor = x, t, true
	return t
}

// Bound is how far off Host may be, for the latest board time it was asked.
func (c *Clock) Bound() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.have {
		return math.MaxInt64
	}
	off, age := c.out, 0.0
	if c.floor {
		off = float64(c.told.Sub(c.epoch) - time.Duration(c.asked))
		age = math.Abs(float64(c.asked-c.at)) * maxDrift
	}
	bound := math.Ceil(max(c.hi-off, off-c.lo) + age)
	if bound >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(bound)
}

// Reset starts a new mapping, as after a restart of the board. Host does not
// run backwards over it, unless a wrong board time had sent it far ahead.
func (c *Clock) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have {
		if most := c.epoch.Add(time.Duration(c.lastArrival) + maxBacklog); c.told.After(most) {
			c.told = most
		}
	}
	c.have, c.floor, c.doubt, c.rate, c.env = false, false, 0, 0, envelope{}
}

// x is a board time in ns since board0; false if it is out of all range.
func (c *Clock) x(board uint64) (int64, bool) {
	d := int64(board - c.board0)
	return d * 1000, -maxSpan < d && d < maxSpan && (d < 0) == (board < c.board0)
}

// observe takes in an arrival, and an echo if sent is not zero.
func (c *Clock) observe(board uint64, arrived, sent time.Time) {
	if !c.have {
		c.have, c.epoch, c.board0 = true, arrived, board
		c.out, c.lastX, c.lastArrival = 0, 0, 0
		c.startOver(0, 0)
	}
	x, ok := c.x(board)
	since := int64(arrived.Sub(c.epoch))
	if !ok || since > maxSpan*1000 || since < -maxSpan*1000 {
		return
	}
	upper, late := float64(since-x), max(0, float64(c.at-x))*maxDrift
	if ahead := max(0, float64(x-c.at)) * maxDrift; upper+late < c.lo-ahead {
		if c.doubt++; c.doubt < doubts {
			return
		}
		c.startOver(x, upper)
	}
	c.doubt = 0
	c.advance(x)
	c.hi = min(c.hi, upper+late)
	if !sent.IsZero() && !sent.After(arrived) {
		c.lo = max(c.lo, float64(int64(sent.Sub(c.epoch))-x)-late)
	} else if c.afterSilence(x, since) {
		c.lo = max(c.lo, c.hi-float64(freshDelay))
	}
	c.lo = min(c.lo, c.hi)
	c.lastX, c.lastArrival = x, since
	if c.env.add(x, upper) {
		c.rate = c.env.rate
	}
}

// startOver takes one observation for all that is known. It comes after
// several that contradict the mapping, which one record with a wrong time may
// do, but not a row of them.
func (c *Clock) startOver(x int64, upper float64) {
	c.at, c.hi, c.lo, c.rate, c.env = x, upper, upper-float64(maxBacklog), 0, envelope{}
	if math.Abs(c.out-upper) > float64(stepOver) {
		c.out = upper
	}
}

// afterSilence reports whether nothing came for a while before a record, and
// nothing was made.
func (c *Clock) afterSilence(x, arrival int64) bool {
	made, came := x-c.lastX, arrival-c.lastArrival
	return came >= int64(silenceMin) && made >= came-int64(freshDelay)
}

// advance brings hi, lo and out to x, if that is later than at.
func (c *Clock) advance(x int64) {
	d := float64(x - c.at)
	if d <= 0 {
		return
	}
	c.at = x
	c.hi += d * maxDrift
	c.lo -= d * maxDrift
	target := min(max(c.env.offset(x, c.hi), c.lo), c.hi)
	c.out += d * c.rate
	fix := (target - c.out) * min(1, d/float64(slewTime))
	c.out += min(max(fix, -d/2), d/2) // half the speed at least, and not twice
}
