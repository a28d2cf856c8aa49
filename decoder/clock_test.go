package decoder

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// airtime is a simulated line between a board and the host: what the clock
// sees, and what is true.
type airtime struct {
	rng     *rand.Rand
	drift   func(s float64) float64 // host seconds gained by a board second s
	every   time.Duration           // mean time between records; 0 = a status each second alone
	echo    time.Duration           // time echo each, 0 = none
	first   time.Duration           // backlog at the start
	stalls  bool                    // the reader sleeps now and then, up to 30 s
	length  time.Duration
	gained  float64
	arrived time.Duration // of the record before: the line keeps the order
	awake   time.Duration // the reader sleeps until then
}

var hostBoot = time.Unix(1_700_000_000, 0)

// host is the true host time of a board time, advanced in small steps.
func (a *airtime) host(board, step time.Duration) time.Duration {
	a.gained += a.drift(board.Seconds()) * step.Seconds()
	return board + time.Duration(a.gained*1e9)
}

// delay is what a record made at t takes: transfer, USB frames, scheduling.
func (a *airtime) delay(t time.Duration) time.Duration {
	at := t + 300*time.Microsecond + time.Duration(a.rng.ExpFloat64()*2e6)
	at = at.Truncate(time.Millisecond) + time.Millisecond
	if a.stalls && a.rng.Float64() < 0.001 {
		a.awake = max(a.awake, at+time.Duration(a.rng.Float64()*math.Pow(30, a.rng.Float64())*1e9))
	}
	a.arrived = max(a.arrived, at, a.awake)
	return a.arrived
}

type clockResult struct {
	worst, settled, bound time.Duration // error ever, in the last half; the bound at the end
	interval              float64       // largest error of a 10 s interval in the last half, relative
}

func (a *airtime) run(t *testing.T) (res clockResult) {
	var c Clock
	var last time.Time
	var mark, markTrue time.Duration
	var marked time.Time
	nextEcho, board := a.echo, time.Duration(0)
	a.awake = a.first
	for board < a.length {
		step := time.Second
		if a.every > 0 {
			step = min(time.Second, 20*time.Microsecond+time.Duration(a.rng.ExpFloat64()*float64(a.every)))
		}
		board += step
		us := uint64(board / time.Microsecond)
		truth := a.host(board.Truncate(time.Microsecond), step)
		came := hostBoot.Add(a.delay(truth))
		if a.echo > 0 && board > nextEcho {
			nextEcho += a.echo
			c.Echo(hostBoot.Add(truth-500*time.Microsecond-time.Duration(a.rng.ExpFloat64()*1e6)), came, us)
		} else {
			c.Observe(us, came)
		}
		got := c.Host(us)
		off := got.Sub(hostBoot.Add(truth)).Abs()
		if bound := c.Bound(); off > bound {
			t.Fatalf("at %v: off by %v, bound %v", board, off, bound)
		}
		if got.Before(last) {
			t.Fatalf("at %v: ran backwards by %v", board, last.Sub(got))
		}
		last = got
		res.worst, res.bound = max(res.worst, off), c.Bound()
		if board < a.length/2 {
			continue
		}
		res.settled = max(res.settled, off)
		if board-mark > 10*time.Second {
			if mark > 0 {
				want := float64(truth - markTrue)
				res.interval = max(res.interval, math.Abs(float64(got.Sub(marked))-want)/want)
			}
			mark, markTrue, marked = board, truth, got
		}
	}
	return res
}

func constant(ppm float64) func(float64) float64 {
	return func(float64) float64 { return ppm * 1e-6 }
}

func TestClockOverAnHour(t *testing.T) {
	warming := func(s float64) float64 { return (40 - 15*math.Exp(-s/900)) * 1e-6 }
	for _, c := range []struct {
		name     string
		a        airtime
		settled  time.Duration // error in the last half hour
		bound    time.Duration // at the end
		interval float64
	}{
		{"40 ppm, busy", airtime{drift: constant(40), every: 40 * time.Millisecond}, 600 * time.Microsecond, 3 * time.Second, 2e-5},
		{"-40 ppm, busy", airtime{drift: constant(-40), every: 40 * time.Millisecond}, 600 * time.Microsecond, 3 * time.Second, 2e-5},
		{"no drift, busy", airtime{drift: constant(0), every: 40 * time.Millisecond}, 600 * time.Microsecond, 3 * time.Second, 2e-5},
		{"warming up", airtime{drift: warming, every: 40 * time.Millisecond}, 600 * time.Microsecond, 3 * time.Second, 2e-5},
		{"backlog at the start", airtime{drift: constant(40), every: 40 * time.Millisecond, first: 1500 * time.Millisecond}, 600 * time.Microsecond, 3 * time.Second, 2e-5},
		{"stalls", airtime{drift: constant(40), every: 40 * time.Millisecond, stalls: true}, 600 * time.Microsecond, 3 * time.Second, 3e-5},
		{"idle channel", airtime{drift: constant(40)}, 4 * time.Millisecond, 25 * time.Millisecond, 6e-5},
		{"idle channel, stalls", airtime{drift: constant(-40), stalls: true}, 4 * time.Millisecond, 40 * time.Millisecond, 6e-5},
		{"echo", airtime{drift: constant(40), every: 40 * time.Millisecond, echo: 10 * time.Second}, 600 * time.Microsecond, 6 * time.Millisecond, 2e-5},
		{"echo, stalls, backlog", airtime{drift: constant(-40), every: 40 * time.Millisecond, echo: 10 * time.Second,
			stalls: true, first: 1500 * time.Millisecond}, 600 * time.Microsecond, 10 * time.Millisecond, 3e-5},
		{"100 ppm, echo", airtime{drift: constant(100), every: 40 * time.Millisecond, echo: 10 * time.Second}, 600 * time.Microsecond, 6 * time.Millisecond, 2e-5},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.a.rng, c.a.length = rand.New(rand.NewPCG(1, 2)), time.Hour
			got := c.a.run(t)
			t.Logf("worst %v, settled %v, bound %v, interval %.1f ppm", got.worst, got.settled, got.bound, got.interval*1e6)
			if got.settled > c.settled || got.bound > c.bound || got.interval > c.interval {
				t.Errorf("settled %v, bound %v, interval %.1f ppm; want at most %v, %v, %.1f ppm",
					got.settled, got.bound, got.interval*1e6, c.settled, c.bound, c.interval*1e6)
			}
		})
	}
}

// TestClockOvertaken: records that the board stamps as they are made overtake
// frames that waited in its ring.
func TestClockOvertaken(t *testing.T) {
	const ring = 3 * time.Second
	rng := rand.New(rand.NewPCG(1, 2))
	truth := func(board time.Duration) time.Time { return hostBoot.Add(board + board*40/1e6) }
	var c Clock
	var last time.Time
	for board := ring; board < 10*time.Minute; board += 10 * time.Millisecond {
		came := truth(board).Add(time.Millisecond + time.Duration(rng.ExpFloat64()*1e6))
		if board%time.Second == 0 {
			c.Observe(uint64(board/time.Microsecond), came)
		}
		frame := board - ring
		c.Observe(uint64(frame/time.Microsecond), came)
		got := c.Host(uint64(frame / time.Microsecond))
		off := got.Sub(truth(frame)).Abs()
		if off > c.Bound() || board > time.Minute && off > 3*time.Millisecond {
			t.Fatalf("at %v: off by %v, bound %v", board, off, c.Bound())
		}
		if got.Before(last) {
			t.Fatalf("at %v: ran backwards", board)
		}
		last = got
	}
}

func TestClockReset(t *testing.T) {
	var c Clock
	if got := c.Host(5); !got.IsZero() || c.Bound() != math.MaxInt64 {
		t.Errorf("nothing observed: %v, %v", got, c.Bound())
	}
	c.Observe(60e6, hostBoot.Add(time.Minute))
	before := c.Host(60e6)
	c.Reset()
	if got := c.Host(60e6); !got.Equal(before) {
		t.Errorf("between boots: %v, want %v", got, before)
	}
	c.Observe(1000, hostBoot.Add(70*time.Second))
	if got := c.Host(2000); got.Sub(hostBoot) != 70*time.Second+time.Millisecond {
		t.Errorf("second boot: %v", got.Sub(hostBoot))
	}
	c.Reset()
	c.Observe(1000, hostBoot.Add(69*time.Second)) // the host's clock was wrong
	if got := c.Host(1000); got.Sub(hostBoot) != 70*time.Second+time.Millisecond {
		t.Errorf("ran backwards to %v", got.Sub(hostBoot))
	}
}

// TestClockImpossible: one record with a wrong time changes nothing; if all
// say the same, the board's clock was set.
func TestClockImpossible(t *testing.T) {
	var c Clock
	at := func(s float64) time.Time { return hostBoot.Add(time.Duration(s * 1e9)) }
	for s := range 10 {
		c.Observe(uint64(s)*1e6, at(float64(s)))
	}
	bound := c.Bound()
	c.Observe(5000e6, at(10))
	c.Observe(1<<63, at(10))
	if off := c.Host(10e6).Sub(at(10)).Abs(); off > time.Millisecond || c.Bound() > bound+time.Millisecond {
		t.Errorf("off by %v, bound %v, before %v", off, c.Bound(), bound)
	}
	for s := 11; s < 20; s++ {
		c.Observe(uint64(s+5000)*1e6, at(float64(s)))
	}
	if off := c.Host(5020e6).Sub(at(20)).Abs(); off > time.Millisecond {
		t.Errorf("after the clock was set: off by %v", off)
	}
}

// TestClockEcho: an echo bounds what arrivals cannot, and one that was sent
// after it came back is none.
func TestClockEcho(t *testing.T) {
	var c Clock
	ms := time.Millisecond
	c.Observe(1e6, hostBoot.Add(1050*ms))
	c.Echo(hostBoot.Add(9*time.Second), hostBoot.Add(1060*ms), 1_010_000)
	if c.Bound() < time.Second {
		t.Errorf("bound %v without an echo", c.Bound())
	}
	c.Echo(hostBoot.Add(1999*ms), hostBoot.Add(2004*ms), 2e6)
	c.Host(2e6)
	if bound := c.Bound(); bound > 60*ms {
		t.Errorf("bound %v after an echo of 5 ms", bound)
	}
	for s := range uint64(60) {
		c.Observe((3+s)*1e6, hostBoot.Add(time.Duration(3+s)*time.Second+80*ms)) // a constant delay
	}
	if got := c.Host(60e6).Sub(hostBoot.Add(time.Minute)).Abs(); got > c.Bound() || c.Bound() > 20*ms {
		t.Errorf("off by %v, bound %v", got, c.Bound())
	}
}

// TestClockSilence: a record after silence vouches for a small delay, unless
// it was made long before it came.
func TestClockSilence(t *testing.T) {
	for _, c := range []struct {
		name       string
		made, came time.Duration // after a first record
		sure       bool
	}{
		{"silence on the board", time.Second, time.Second + time.Millisecond, true},
		{"the host slept", 10 * time.Millisecond, time.Second, false},
		{"no silence", 100 * time.Millisecond, 100 * time.Millisecond, false},
		{"backlog drained", time.Second, 400 * time.Millisecond, false},
	} {
		var clock Clock
		clock.Observe(1e6, hostBoot)
		clock.Observe(uint64(1e6+c.made.Microseconds()), hostBoot.Add(c.came))
		if bound := clock.Bound(); (bound < 50*time.Millisecond) != c.sure {
			t.Errorf("%s: bound %v", c.name, bound)
		}
	}
}
