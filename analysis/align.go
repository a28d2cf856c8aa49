package analysis

import (
	"context"
	"hash/maphash"
	"math"
	"runtime"
	"slices"
	"sort"
	"sync"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
)

// Several sniffers stamp the same frame with clocks of their own. Frames that
// two of them heard tell how far the clocks are apart, all along the captures,
// so that drift is followed too.
const (
	marksTotal  = 1 << 20 // frames remembered to compare files, over all files
	marksLeast  = 1 << 9  // of one file
	pairsLeast  = 8       // frames in common that make two captures the same air
	medianOf    = 15      // neighbours that smooth the jitter of stamps
	knotsMost   = 1 << 12 // of one clock
	knotSpread  = 5e6     // ns that a pair may lie off its neighbours' median
	agreeLeast  = 0.5     // share of pairs that must not
	noTime      = math.MinInt64
	typeControl = 1 // of Dot11.Type

)

// mark is a frame by its content, and when one file has it.
type mark struct {
	hash uint64
	time int64
}

// clock corrects the times of a file: off[i] is added at at[i], and what lies
// between is interpolated. The zero clock leaves time as it is.
type clock struct{ at, off []int64 }

func (c *clock) correct(t int64) int64 {
	if len(c.at) == 0 {
		return t
	}
	i, _ := slices.BinarySearch(c.at, t)
	switch {
	case i == 0:
		return t + c.off[0]
	case i == len(c.at):
		return t + c.off[i-1]
	}
	span, part := float64(c.at[i]-c.at[i-1]), float64(t-c.at[i-1])
	return t + c.off[i-1] + int64(part/span*float64(c.off[i]-c.off[i-1]))
}

// survey is what a first look at a file brings.
type survey struct {
	begins int64 // noTime: it holds no packet
	marks  []mark
}

// align finds the clocks of files that are to be joined. Streams that cannot
// be read twice keep their own.
func align(ctx context.Context, inputs []Input, readers []*reader) {
	if len(inputs) < 2 {
		return
	}
	surveys := surveyAll(ctx, inputs)
	if ctx.Err() != nil {
		return
	}
	clocks := make([]*report.Clock, len(inputs))
	a := aligner{surveys: surveys, clocks: make([]clock, len(inputs)), told: clocks}
	a.run()
	for i, r := range readers {
		r.clock, r.told = a.clocks[i], clocks[i]
		if r.begins = noTime; surveys[i].begins != noTime {
			r.begins = r.clock.correct(surveys[i].begins)
		}
	}
}

func surveyAll(ctx context.Context, inputs []Input) []survey {
	out := make([]survey, len(inputs))
	room := max(marksTotal/len(inputs), marksLeast)
	seed := maphash.MakeSeed()
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				out[i] = look(ctx, inputs[i], seed, room)
			}
		})
	}
	for i := range inputs {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

// look reads a file once for its marks: of all frames that are the same for
// everybody who hears them, those whose hash ends in enough zeros.
func look(ctx context.Context, in Input, seed maphash.Seed, room int) survey {
	s := survey{begins: noTime}
	if in.Open == nil {
		return s
	}
	f, err := in.Open()
	if err != nil {
		return s // its reader will say so
	}
	defer f.Close()
	src, err := packet.Open(f)
	if err != nil {
		return s
	}
	defer src.Close()
	dec := packet.NewDecoder()
	var raw packet.Raw
	var p packet.Packet
	mask := uint64(0)
	for n := 0; src.Next(&raw) == nil && (n&0xFFF != 0 || ctx.Err() == nil); n++ {
		if s.begins == noTime {
			s.begins = raw.Time
		}
		dec.Decode(&raw, &p)
		h, ok := sameForAll(seed, &p)
		if !ok || h&mask != 0 {
			continue
		}
		s.marks = append(s.marks, mark{h, raw.Time})
		if len(s.marks) == room {
			mask = mask<<1 | 1
			s.marks = slices.DeleteFunc(s.marks, func(m mark) bool { return m.hash&mask != 0 })
		}
	}
	s.marks = onlyOnce(s.marks)
	return s
}

// sameForAll is the hash of a frame that every sniffer hears alike. Control
// frames are too alike among themselves to tell one from another.
func sameForAll(seed maphash.Seed, p *packet.Packet) (uint64, bool) {
	h := &p.Dot11
	if !h.Present || h.Type == typeControl || p.Len < p.Orig {
		return 0, false
	}
	return maphash.Bytes(seed, h.Header)*31 ^ maphash.Bytes(seed, h.Body), true
}

// onlyOnce leaves the marks whose frame the file has once: a repeat says
// nothing about clocks.
func onlyOnce(marks []mark) []mark {
	slices.SortFunc(marks, func(a, b mark) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	})
	out := marks[:0]
	for i := 0; i < len(marks); {
		k := i + 1
		for k < len(marks) && marks[k].hash == marks[i].hash {
			k++
		}
		if k == i+1 {
			out = append(out, marks[i])
		}
		i = k
	}
	return out
}

// aligner goes from file to file over the frames that they share.
type aligner struct {
	surveys []survey
	clocks  []clock
	told    []*report.Clock
}

// run takes the first file of each group of captures of the same air as its
// reference, and the others from the one that shares most with those known.
func (a *aligner) run() {
	shared := a.shared()
	known := make([]bool, len(a.surveys))
	tried := map[[2]int]bool{}
	for range a.surveys {
		child, parent, most := -1, -1, pairsLeast-1
		for k, n := range shared {
			for _, p := range [2][2]int{{k[0], k[1]}, {k[1], k[0]}} {
				if known[p[0]] && !known[p[1]] && !tried[p] && (n > most || n == most && less(p, parent, child)) {
					parent, child, most = p[0], p[1], n
				}
			}
		}
		if child >= 0 {
			tried[[2]int{parent, child}] = true
			known[child] = a.follow(parent, child)
			if known[child] {
				continue
			}
		}
		if i := slices.Index(known, false); i >= 0 && child < 0 {
			known[i] = true // nothing ties it to those before: its clock stands
		}
	}
}

func less(p [2]int, parent, child int) bool {
	return p[1] < child || p[1] == child && p[0] < parent
}

// shared counts the frames that two files have in common.
func (a *aligner) shared() map[[2]int]int {
	type at struct {
		hash uint64
		file int
	}
	var all []at
	for i := range a.surveys {
		for _, m := range a.surveys[i].marks {
			all = append(all, at{m.hash, i})
		}
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].hash < all[j].hash || all[i].hash == all[j].hash && all[i].file < all[j].file
	})
	out := map[[2]int]int{}
	for i := range all {
		for k := i + 1; k < len(all) && all[k].hash == all[i].hash; k++ {
			out[[2]int{all[i].file, all[k].file}]++
		}
	}
	return out
}

// follow sets the child's clock by the parent's. It fails where the frames in
// common do not agree on one.
func (a *aligner) follow(parent, child int) bool {
	var pairs []mark // hash is not used from here on; time is the child's
	var off []int64
	p, c := a.surveys[parent].marks, a.surveys[child].marks
	for i, k := 0, 0; i < len(p) && k < len(c); {
		switch {
		case p[i].hash < c[k].hash:
			i++
		case p[i].hash > c[k].hash:
			k++
		default:
			pairs = append(pairs, mark{uint64(len(off)), c[k].time})
			off = append(off, a.clocks[parent].correct(p[i].time)-c[k].time)
			i, k = i+1, k+1
		}
	}
	slices.SortFunc(pairs, func(x, y mark) int {
		if x.time < y.time {
			return -1
		}
		return 1
	})
	sorted := make([]int64, len(pairs))
	for i, x := range pairs {
		sorted[i] = off[x.hash]
	}
	smooth, agree := medians(sorted)
	if agree < pairsLeast || float64(agree) < agreeLeast*float64(len(pairs)) {
		return false
	}
	step := (len(pairs) + knotsMost - 1) / knotsMost
	for i := 0; i < len(pairs); i += step {
		if k := len(a.clocks[child].at); k > 0 && a.clocks[child].at[k-1] == pairs[i].time {
			continue
		}
		a.clocks[child].at = append(a.clocks[child].at, pairs[i].time)
		a.clocks[child].off = append(a.clocks[child].off, smooth[i])
	}
	a.told[child] = &report.Clock{Reference: parent, Offset: float64(smooth[0]) / 1e9,
		Drift: float64(smooth[len(smooth)-1]-smooth[0]) / 1e9, Frames: agree}
	return true
}

// medians smooths a series by the median of each value's neighbours, and counts
// the values that lie close to theirs. Those far off are frames that one side
// has from a replay.
func medians(x []int64) (out []int64, close int) {
	out = make([]int64, len(x))
	for i := range x {
		from := min(max(i-medianOf/2, 0), max(len(x)-medianOf, 0))
		near := slices.Sorted(slices.Values(x[from:min(from+medianOf, len(x))]))
		out[i] = near[len(near)/2]
		if d := x[i] - out[i]; max(d, -d) < knotSpread {
			close++
		}
	}
	return out, close
}
