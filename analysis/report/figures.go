package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Measures of the figures, in units of their view boxes.
const (
	figureWidth  = 960
	plotLeft     = 64
	plotRight    = figureWidth - 30
	plotWidth    = plotRight - plotLeft
	timeTop      = 10
	timeHeight   = 180
	laneTop      = timeTop + timeHeight + 34
	laneHeight   = 20
	laneRows     = 4
	markWidth    = 14
	maxColumns   = 256
	leastVisible = 2.0 // height of a replay's bar that would be too small to see
)

// stack is the order of the kinds from the axis up: the rare and grave ones
// at the bottom, where their heights can be compared.
var stack = [NumKinds]Kind{KindReplay, KindRetransmission, KindRetry, KindRelay, KindDuplicate, KindFresh}

var kindClass = [NumKinds]string{"fresh", "replay", "retransmission", "retry", "relay", "duplicate"}

// series is one kind's bars as one path.
type series struct {
	Name, Class, Path string
	N                 int64
}

type tick struct {
	At   string
	Text string
}

type column struct{ X, W, Says string }

// timeFigure is frames over time, and the incidents.
type timeFigure struct {
	Series  []series
	Columns []column
	XTicks  []tick
	YTicks  []tick
	Lanes   []lane
	Height  int
	Bottom  int
	Width   string // of a bar, in words
}

type lane struct {
	Y     int
	Name  string
	Marks []incidentMark
}

type incidentMark struct {
	ID          int
	X, W        string
	Class, Mark string
	Says        string
	Y           int
	from, to    float64
}

func f1(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// bar as a part of a path.
func bar(b *strings.Builder, x, y, w, h float64) {
	fmt.Fprintf(b, "M%.1f %.1fh%.1fv%.1fh%.1fz", x, y, w, h, -w)
}

func newTimeFigure(r *Report, list []card) *timeFigure {
	t := &r.Plots.Timeline
	cols, width, start := t.columns(*r.First, *r.Last)
	most := int64(1)
	for _, c := range cols {
		most = max(most, sum(c[:]))
	}
	top := niceCeil(float64(most))
	f := &timeFigure{Bottom: timeTop + timeHeight, Width: shortDuration(width)}
	f.bars(cols, width, top)
	span := width * time.Duration(len(cols))
	if span/width != time.Duration(len(cols)) || span < 0 { // a hostile clock: all of time
		span = math.MaxInt64
	}
	f.XTicks = timeTicks(span)
	for _, v := range []float64{0, top / 2, top} {
		if v == math.Trunc(v) {
			f.YTicks = append(f.YTicks, tick{f1(float64(f.Bottom) - v/top*timeHeight), grouped(int64(v))})
		}
	}
	f.lanes(start, span, list)
	return f
}

func sum(c []int64) (n int64) {
	for _, k := range c {
		n += k
	}
	return n
}

// columns are the buckets from the first frame to the last, joined until they
// are few enough to draw; start is where they begin, ns since 1970.
func (t *Timeline) columns(first, last time.Time) (out [][NumKinds]int64, width time.Duration, start int64) {
	from, to := t.bucket(first), t.bucket(last)
	n := max(to-from, 0) + 1
	join := (n + maxColumns - 1) / maxColumns
	out = make([][NumKinds]int64, (n+join-1)/join)
	for i := range n {
		for k, v := range t.Buckets[from+i] {
			out[i/join][k] += v
		}
	}
	return out, t.Width() * time.Duration(join), t.Start() + int64(from)<<t.shift
}

// bucket of a time, or the nearest one.
func (t *Timeline) bucket(at time.Time) int {
	u := uint64(at.UnixNano()) ^ bias
	if u < t.start {
		return 0
	}
	return int(min((u-t.start)>>t.shift, TimeBuckets-1))
}

func (f *timeFigure) bars(cols [][NumKinds]int64, width time.Duration, top float64) {
	var paths [NumKinds]strings.Builder
	var total [NumKinds]int64
	step := float64(plotWidth) / float64(len(cols))
	gap := min(1, step*0.15)
	for i, c := range cols {
		x, y := plotLeft+float64(i)*step, float64(timeTop+timeHeight)
		for _, k := range stack {
			if c[k] == 0 {
				continue
			}
			h := float64(c[k]) / top * timeHeight
			if k == KindReplay {
				h = max(h, leastVisible)
			}
			h = min(h, y-timeTop)
			y -= h
			bar(&paths[k], x, y, step-gap, h)
			total[k] += c[k]
		}
		if sum(c[:]) > 0 {
			f.Columns = append(f.Columns, column{f1(x), f1(step), says(c, width*time.Duration(i))})
		}
	}
	for _, k := range stack {
		if total[k] > 0 {
			f.Series = append(f.Series, series{k.String(), kindClass[k], paths[k].String(), total[k]})
		}
	}
}

func says(c [NumKinds]int64, at time.Duration) string {
	parts := []string{"+" + shortDuration(at)}
	for _, k := range stack {
		if c[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", k, c[k]))
		}
	}
	return strings.Join(parts, "\n")
}

func (f *timeFigure) lanes(start int64, span time.Duration, list []card) {
	at := func(t time.Time) float64 {
		share := (float64(t.UnixNano()) - float64(start)) / float64(max(span, 1))
		return plotLeft + min(1, max(0, share))*plotWidth
	}
	by := map[Severity][]incidentMark{}
	for _, c := range list {
		from, to := at(c.A.Time), at(c.A.Time)
		if last, ok := c.A.Evidence["last_time"].(time.Time); ok {
			to = at(last)
		}
		by[c.A.Severity] = append(by[c.A.Severity], incidentMark{ID: c.ID, X: f1(from), W: f1(max(to-from, 0)), Class: string(c.A.Severity),
			Mark: c.Mark, Says: fmt.Sprintf("%s, frame %d: %s", c.A.Detector, c.A.Frame, c.A.Summary), from: from, to: max(from, to)})
	}
	y := laneTop
	for _, s := range []Severity{High, Medium, Low, Info} {
		if len(by[s]) == 0 {
			continue
		}
		l := lane{y + laneHeight/2, string(s), by[s]}
		f.Lanes = append(f.Lanes, l)
		y += laneHeight * l.spread()
	}
	f.Height = y + 4
}

// spread puts marks that would cover each other into rows of their own, and
// returns how many there are. Beyond laneRows they do cover each other.
func (l *lane) spread() int {
	var ends [laneRows]float64
	rows := 1
	for i := range l.Marks {
		m, row := &l.Marks[i], 0
		for row < laneRows-1 && ends[row] > m.from-markWidth {
			row++
		}
		ends[row], rows = max(ends[row], m.to), max(rows, row+1)
		m.Y = l.Y + row*laneHeight
	}
	return rows
}

// niceCeil is the next round number.
func niceCeil(x float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 1.6, 2, 2.4, 3, 4, 5, 6, 8} {
		if m*p >= x {
			return m * p
		}
	}
	return 10 * p
}

// tickSteps are distances between ticks that people count in.
var tickSteps = []time.Duration{time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 365 * 24 * time.Hour}

func timeTicks(span time.Duration) []tick {
	step := tickSteps[len(tickSteps)-1]
	for _, s := range tickSteps {
		if span/s <= 8 {
			step = s
			break
		}
	}
	for span/step > 12 { // a hostile clock: centuries
		step *= 2
	}
	var out []tick
	for at := time.Duration(0); at <= span && at >= 0; at += step {
		out = append(out, tick{f1(plotLeft + float64(at)/float64(max(span, 1))*plotWidth), shortDuration(at)})
	}
	return out
}

// shortDuration leaves out what is zero.
func shortDuration(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d < time.Second:
		return strconv.FormatFloat(float64(d)/1e6, 'f', -1, 64) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'g', 4, 64) + " s"
	case d < time.Hour:
		return trimZero(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return trimZero(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	}
	return trimZero(int64(d/(24*time.Hour)), "d", int64(d%(24*time.Hour)/time.Hour), "h")
}

func trimZero(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

// activityFigure is exchanges and repeats per device.
type activityFigure struct {
	Rows []activityRow
	More int
}

type activityRow struct {
	MAC, Role string
	Activity
	Segs []segment
	Exch string // width of the bar of exchanges
}

type segment struct{ X, W, Class, Says string }

const activityWidth = 200

func newActivityFigure(r *Report) *activityFigure {
	roles := map[string]string{}
	for _, d := range r.Devices {
		roles[d.MAC] = words(d.Role)
	}
	p := r.Plots
	f := &activityFigure{More: max(0, len(p.Devices)-pageDevices)}
	list := append([]Activity(nil), p.Devices[:min(len(p.Devices), pageDevices)]...)
	others := p.Others
	for _, a := range p.Devices[len(list):] {
		for k, n := range a.Frames {
			others.Frames[k] += n
		}
		others.Exchanges += a.Exchanges
	}
	if others.Total() > 0 {
		others.MAC = "all others"
		list = append(list, others)
	}
	most := int64(1)
	for _, a := range list {
		most = max(most, a.Exchanges, a.Total()-a.Frames[KindFresh])
	}
	for _, a := range list {
		row := activityRow{MAC: a.MAC, Role: roles[a.MAC], Activity: a, Exch: f1(float64(a.Exchanges) / float64(most) * activityWidth)}
		x := 0.0
		for _, k := range stack[:NumKinds-1] {
			if n := a.Frames[k]; n > 0 {
				w := max(1, float64(n)/float64(most)*activityWidth)
				row.Segs = append(row.Segs, segment{f1(x), f1(w), kindClass[k], fmt.Sprintf("%s: %d", k, n)})
				x += w
			}
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}
