package detect

import (
	"math"

	"pqiot/analysis/report"
)

// rates is D5: a chart for each pair of devices and each kind of event,
// counted in bins (Lambert and Liu 2006: adaptive thresholds for counts).
type rates struct {
	keys   table[rateKey, chart]
	floods table[[16]byte, recent]
	pooled [3]moments // what charts that are warm have learned, per kind
}

type rateKey struct {
	src, dst [16]byte
	kind     uint8
}

const (
	rateRepeat = iota
	rateExchange
	rateHandshake
)

// chart follows one count.
type chart struct {
	moments
	bin     int64 // number of the current bin
	bins    int32 // learned from
	count   int32 // events in the current bin
	replays int32 // of them, those that nothing honest explains
	again   int32 // of them, from a source that had one in this bin already
	sources [4]uint64
	sum     float64 // CUSUM
	alarmAt int32   // count at which this bin alone is an alarm
}

type moments struct{ mean, variance float64 }

func (r *rates) init() {
	r.keys = newTable[rateKey, chart](rateKeys)
	r.floods = newTable[[16]byte, recent](gatewaysMax)
}

// recent is a gateway's last handshakes.
type recent struct {
	time, frame [floodHandshakes]int64
	n           int
}

// flood reports whether more handshakes came within a bin's width than any
// gateway can open, and the frames of those that are not reported yet.
func (r *recent) flood(f *Frame) (yes bool, earlier []uint64) {
	at := r.n % floodHandshakes
	full := r.n >= floodHandshakes && f.Time-r.time[at] < int64(binWidth)
	if full {
		for i := range r.frame {
			if n := r.frame[(at+i)%floodHandshakes]; n != 0 {
				earlier = append(earlier, uint64(n))
			}
		}
		r.frame = [floodHandshakes]int64{}
	} else {
		r.frame[at] = int64(f.id())
	}
	r.time[at] = f.Time
	r.n++
	return full, earlier
}

// repeat counts a copy; replay says that nothing honest explains it.
func (r *rates) repeat(f *Frame, replay bool, in *incidents) {
	c, k := r.count(f, in, rateKey{f.IP.Src, f.IP.Dst, rateRepeat})
	if replay {
		c.replays++
	}
	r.judge(f, in, k, c)
}

// exchange counts a request that was not heard before.
func (r *rates) exchange(f *Frame, in *incidents) {
	if f.CoAP.Code < 0x40 {
		c, k := r.count(f, in, rateKey{f.IP.Src, f.IP.Dst, rateExchange})
		r.judge(f, in, k, c)
	}
}

// handshake counts per gateway: a flood may come from many addresses.
func (r *rates) handshake(f *Frame, in *incidents) {
	c, k := r.count(f, in, rateKey{dst: f.IP.Dst, kind: rateHandshake})
	h := f.IP.Src[15] ^ f.IP.Src[14]*31 ^ f.SA[5]*17
	if c.sources[h>>6]>>(h&63)&1 == 1 {
		c.again++
	}
	c.sources[h>>6] |= 1 << (h & 63)
	last, _ := r.floods.put(f.IP.Dst)
	if flood, earlier := last.flood(f); flood {
		in.add(f, finding{detector: "flood.handshake", severity: report.Medium, source: "many", destination: ipString(&f.IP, k.dst),
			earlier: earlier, summary: "more handshakes in 10 s than a gateway can open",
			evidence: map[string]any{"count": c.count, "limit": floodHandshakes,
				"ruled_out": "a gateway opens 10 in a second and a burst of 10; senders that restart shake hands once each"}})
		return
	}
	r.judge(f, in, k, c)
}

// count adds an event, after ending the bins before its own.
func (r *rates) count(f *Frame, in *incidents, k rateKey) (*chart, rateKey) {
	c, fresh := r.keys.put(k)
	bin := f.Time / int64(binWidth)
	if fresh {
		c.bin, c.moments = bin, r.prior(k.kind)
		c.alarmAt = c.threshold()
	}
	if bin > c.bin {
		r.close(k.kind, c, bin)
	}
	c.count++
	return c, k
}

// judge raises an alarm where the bin alone, or the sum over bins, is out of
// what the chart knows. From there on every event is an offending one.
func (r *rates) judge(f *Frame, in *incidents, k rateKey, c *chart) {
	if c.bins < warmUpBins || c.count < c.alarmAt && c.sum <= cusumAlarm {
		return
	}
	names := [...]string{"rate.repetition", "rate.exchange", "rate.handshake"}
	what := [...]string{"repeats", "exchanges", "handshakes"}
	source := "many"
	if k.kind != rateHandshake {
		source = ipString(&f.IP, k.src)
	}
	in.add(f, finding{detector: names[k.kind], severity: k.severity(c), source: source, destination: ipString(&f.IP, k.dst),
		summary: "more " + what[k.kind] + " in 10 s than ever before between these two",
		evidence: map[string]any{"count": c.count, "mu": c.mean, "v": c.variance, "z": c.score(float64(c.count)), "s": c.sum,
			"unexplained": c.replays, "ruled_out": "the count lies outside a negative binomial with the learned mean and variance"}})
}

// severity: a rate alone is a hint. Medium takes repeats that nothing honest
// explains, or handshakes again and again from the same source: after a power
// cut every sender shakes hands once.
func (k rateKey) severity(c *chart) report.Severity {
	if k.kind == rateRepeat && c.replays > 0 || k.kind == rateHandshake && c.again*4 > c.count {
		return report.Medium
	}
	return report.Low
}

// prior is what a new key begins with.
func (r *rates) prior(kind uint8) moments {
	if p := r.pooled[kind]; p.mean > 0 {
		return p
	}
	return moments{priorMean, priorMean * 2}
}

// close ends the bins before the given one; those in which nothing came count
// too.
func (r *rates) close(kind uint8, c *chart, bin int64) {
	r.learn(kind, c, float64(c.count))
	for range min(bin-c.bin-1, quietBins) {
		r.learn(kind, c, 0)
	}
	c.bin, c.count, c.replays, c.again, c.sources = bin, 0, 0, 0, [4]uint64{}
	c.alarmAt = c.threshold()
}

// learn scores a bin and lets mean and variance follow.
func (r *rates) learn(kind uint8, c *chart, x float64) {
	z := c.score(x)
	if c.bins >= warmUpBins {
		c.sum = max(0, c.sum+z-cusumSlack)
	}
	if c.bins < warmUpBins || z <= learnBelow {
		// A young chart learns fast, or it would take its own start for a shift.
		lambda := max(ewmaLambda, 1/float64(c.bins+2))
		d := x - c.mean
		c.mean += lambda * d
		c.variance = (1 - lambda) * (c.variance + lambda*d*d)
	}
	c.bins++
	if c.bins >= warmUpBins {
		p := &r.pooled[kind]
		if p.mean == 0 {
			*p = c.moments
		}
		p.mean += 0.01 * (c.mean - p.mean)
		p.variance += 0.01 * (c.variance - p.variance)
	}
}

// score is the normal score of a count: the mid-P tail of a negative binomial
// with the chart's mean and variance.
func (m moments) score(x float64) float64 {
	mu, v, size, p := m.shape()
	if mu > normalAbove {
		return min(scoreHigh, max(scoreLow, (x-mu)/math.Sqrt(v)))
	}
	pmf := math.Exp(size * math.Log(p))
	below := 0.0
	for k := 0.0; k < x; k++ {
		below += pmf
		pmf *= (k + size) / (k + 1) * (1 - p)
		if below > 1-1e-12 {
			break
		}
	}
	tail := max(0, 1-below) - pmf/2
	return min(scoreHigh, max(scoreLow, quantile(1-tail)))
}

// quantile is the inverse of the normal distribution function.
func quantile(p float64) float64 {
	switch {
	case p <= 0:
		return scoreLow
	case p >= 1:
		return scoreHigh
	}
	return math.Sqrt2 * math.Erfinv(2*p-1)
}

// threshold is the least count whose score alone is an alarm. The sums of
// score go on from one count to the next here.
func (c *chart) threshold() int32 {
	mu, v, size, p := c.shape()
	if mu > normalAbove {
		return int32(min(1<<30, max(1, math.Floor(mu+scoreAlarm*math.Sqrt(v))+1)))
	}
	below, pmf := 0.0, math.Exp(size*math.Log(p))
	for x := 1; x < countMost; x++ {
		below += pmf
		pmf *= (float64(x-1) + size) / float64(x) * (1 - p)
		if tail := max(0, 1-below) - pmf/2; tail < tailAlarm && quantile(1-tail) > scoreAlarm {
			return int32(x)
		}
	}
	return countMost
}

// shape gives the mean and variance that a chart is judged by, and size and
// probability of success of their negative binomial.
func (m moments) shape() (mu, v, size, p float64) {
	mu = max(m.mean, 1e-3)
	v = max(m.variance, overdispersed*mu)
	return mu, v, mu * mu / (v - mu), mu / v
}
