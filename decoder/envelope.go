package decoder

import "time"

const (
	windowTime = 8 * time.Second  // the smallest delay of each window counts
	windows    = 32               // four minutes
	minSpan    = 60 * time.Second // before, jitter would pass for drift
)

// point is an offset in ns at board time x in ns.
type point struct {
	x   int64
	off float64
}

// envelope is the line under the smallest delays of the last minutes: the
// edge of their lower convex hull below the middle of the time covered, which
// of all lines under the points lies closest to them on the whole.
type envelope struct {
	points [windows]point // a ring; the latest is still open
	n      int            // points so far, the open one included
	opened int64          // x at which the open one's window began
	base   point
	rate   float64 // ns per ns
	known  bool
}

// add takes in an observation and reports whether the line was drawn anew.
func (e *envelope) add(x int64, off float64) bool {
	if x < e.opened {
		return false // out of order
	}
	if e.n > 0 && x-e.opened < int64(windowTime) {
		if p := &e.points[(e.n-1)%windows]; off < p.off {
			*p = point{x, off}
		}
		return false
	}
	if e.n > 0 {
		e.draw()
	}
	e.points[e.n%windows] = point{x, off}
	e.n++
	e.opened = x
	return e.known
}

// offset is the line at x, or other before there is one.
func (e *envelope) offset(x int64, other float64) float64 {
	if !e.known {
		return other
	}
	return e.base.off + float64(x-e.base.x)*e.rate
}

// draw finds the line under all points.
func (e *envelope) draw() {
	var hull [windows]point
	n, first := 0, max(0, e.n-windows)
	for i := first; i < e.n; i++ {
		p := e.points[i%windows]
		for n > 1 && above(hull[n-2], hull[n-1], p) {
			n--
		}
		hull[n] = p
		n++
	}
	from, to := hull[0], hull[n-1]
	if to.x-from.x < int64(minSpan) {
		return
	}
	middle := from.x + (to.x-from.x)/2
	i := 1
	for hull[i].x < middle {
		i++
	}
	a, b := hull[i-1], hull[i]
	e.base, e.known = b, true
	e.rate = min(max((b.off-a.off)/float64(b.x-a.x), -maxDrift), maxDrift)
}

// above reports whether q lies on or above the line from p to r.
func above(p, q, r point) bool {
	return (q.off-p.off)*float64(r.x-p.x) >= (r.off-p.off)*float64(q.x-p.x)
}
