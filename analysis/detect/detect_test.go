package detect

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/firmware/lab/air"
)

func TestSchedule(t *testing.T) {
	at := func(s ...float64) (ns []int64) {
		for _, x := range s {
			ns = append(ns, int64(x*1e9))
		}
		return ns
	}
	for _, c := range []struct {
		name  string
		times []int64
		late  bool
		want  bool
	}{
		{"T = 2", at(0, 2, 6, 14, 30), false, true},
		{"T = 3", at(0, 3, 9, 21, 45), false, true},
		{"T = 2.5, a queue in between", at(0, 2.9, 7.5, 17.6, 37.3), false, true},
		{"one copy was not heard", at(0, 7.5, 17.5), false, true},
		{"at once", at(0, 0.3), false, false},
		{"between two windows", at(0, 4.5), false, false},
		{"the same, and the first may be unheard", at(0, 4.5), true, true},
		{"linear, every 2.5 s", at(0, 2.5, 5, 7.5), false, false},
		{"T changes", at(0, 2, 8.9, 14.2), false, false},
		{"too late", at(0, 60), true, false},
		{"a sixth transmission", at(0, 2, 6, 14, 30, 62), false, false},
	} {
		if got := onSchedule(c.times, c.late); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestTableForgetsTheOldest(t *testing.T) {
	x := newTable[int, int](3)
	var gone []int
	x.gone = func(k int, _ *int) { gone = append(gone, k) }
	for i := range 3 {
		v, fresh := x.put(i)
		*v = i * 10
		if !fresh {
			t.Errorf("%d was there before", i)
		}
	}
	x.get(0)
	x.put(3)
	if len(gone) != 1 || gone[0] != 1 || x.get(1) != nil || *x.get(0) != 0 || x.evicted != 1 {
		t.Errorf("gone %v, evicted %d", gone, x.evicted)
	}
	for i := range 10000 {
		x.put(i)
	}
	n, taken := 0, 0
	x.each(func(int, *int) { n++ })
	for _, s := range x.slots {
		if s.at != 0 {
			taken++
		}
	}
	if n != 3 || taken != 3 {
		t.Errorf("%d entries, %d slots taken", n, taken)
	}
}

// TestTableAgainstMap: what the table holds is what went in and was not told
// to be gone.
func TestTableAgainstMap(t *testing.T) {
	const bound = 1000
	x := newTable[uint64, uint64](bound)
	want := map[uint64]uint64{}
	x.gone = func(k uint64, v *uint64) {
		if w, ok := want[k]; !ok || w != *v {
			t.Fatalf("key %d gave way with %d, want %d, %v", k, *v, w, ok)
		}
		delete(want, k)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range uint64(200_000) {
		k := r.Uint64N(3 * bound)
		w, ok := want[k]
		if v := x.get(k); (v != nil) != ok || ok && *v != w {
			t.Fatalf("step %d: key %d: got %v, want %d, %v", i, k, v, w, ok)
		}
		if i%3 == 0 {
			v, fresh := x.put(k)
			if fresh == ok {
				t.Fatalf("step %d: key %d: fresh %v, but %v before", i, k, fresh, ok)
			}
			*v, want[k] = i, i
		}
	}
	if len(want) != bound || x.evicted == 0 {
		t.Errorf("%d keys left, %d evicted", len(want), x.evicted)
	}
}

// BenchmarkTable is a table at its bound: each key is new, and another one
// gives way.
func BenchmarkTable(b *testing.B) {
	x := newTable[[3]uint64, [8]uint64](1 << 17)
	for i := uint64(0); b.Loop(); i++ {
		v, _ := x.put([3]uint64{i})
		v[0] = i
	}
}

// TestBloom: what went in is there, and of what did not, few hit by chance
// even when the filter is full.
func TestBloom(t *testing.T) {
	var b bloom
	r := rand.New(rand.NewPCG(3, 4))
	for i := range bloomFill {
		h := r.Uint64()
		if b.add(h); i%64 == 0 && !b.has(h) {
			t.Fatalf("%#x went in and is not there", h)
		}
	}
	hits := 0
	for range 1_000_000 {
		if b.has(r.Uint64()) {
			hits++
		}
	}
	if hits > 2000 {
		t.Errorf("%d of a million hit by chance", hits)
	}
	t.Logf("%d of a million hit by chance", hits)
	before := b
	b.add(r.Uint64())
	if b.used != 1 || &b.gen[1][0] != &before.gen[0][0] {
		t.Error("a full generation does not give way")
	}
	first := r.Uint64()
	b.add(first)
	b.used = bloomFill
	if b.add(r.Uint64()); !b.has(first) {
		t.Error("the old generation is not asked")
	}
}

// TestThreshold: it is the least count whose score is an alarm.
func TestThreshold(t *testing.T) {
	for _, mean := range []float64{0, 0.01, 0.3, 1, 7.5, 40, 250, 499, 501, 3000} {
		for _, over := range []float64{1, 1.05, 2, 10} {
			c := chart{moments: moments{mean, mean * over}}
			at := float64(c.threshold())
			if below, above := c.score(at-1), c.score(at); at > 1 && below > scoreAlarm || above <= scoreAlarm {
				t.Errorf("mean %v, variance %v: %v scores %v and one less %v", mean, mean*over, at, above, below)
			}
		}
	}
}

func TestSequence(t *testing.T) {
	var s sequence
	for i, c := range []struct {
		n   uint64
		far bool
	}{{0, false}, {1, false}, {5, false}, {3, false}, {300, false}, {240, false}, {230, true}, {1<<40 - 1, false}, {301, false}, {302, false}, {200, true}} {
		if far := s.next(c.n); far != c.far {
			t.Errorf("step %d, number %d: far = %v", i, c.n, far)
		}
	}
	if s.highest != 302 {
		t.Errorf("a forged number moved the highest to %d", s.highest)
	}
	s.next(5000)
	s.next(5001)
	if s.highest != 5001 {
		t.Errorf("two numbers far ahead, one behind the other, are a fact: highest %d", s.highest)
	}
}

func TestScore(t *testing.T) {
	m := moments{mean: 4, variance: 6}
	if z := m.score(4); z < -0.5 || z > 0.5 {
		t.Errorf("the mean scores %.2f", z)
	}
	last := scoreLow
	for x := range 60 {
		z := m.score(float64(x))
		if z < last-1e-9 || z < scoreLow || z > scoreHigh {
			t.Fatalf("%d scores %.3f after %.3f", x, z, last)
		}
		last = z
	}
	if last != scoreHigh {
		t.Errorf("60 where 4 are usual scores %.2f", last)
	}
	for _, mean := range []float64{0, 1e-9, 400, 499, 501, 1e6} {
		c := chart{moments: moments{mean, mean}}
		if n := float64(c.threshold()); n <= mean || c.score(n) <= scoreAlarm || n > 1 && c.score(n-1) > scoreAlarm {
			t.Errorf("mean %g: threshold %g scores %.2f, one less %.2f", mean, n, c.score(n), c.score(n-1))
		}
	}
}

// frames plays a scenario and gives its decoded frames.
func frames(t testing.TB, name string) []Frame {
	t.Helper()
	for _, s := range air.Scenarios() {
		if s.Name != name {
			continue
		}
		w, err := s.Play(1, false)
		if err != nil {
			t.Fatal(err)
		}
		heard, _ := w.Capture()
		capture, err := air.Pcapng(heard, time.Unix(1_750_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		return decoded(t, capture)
	}
	t.Fatalf("no scenario %s", name)
	return nil
}

func decoded(t testing.TB, capture []byte) (out []Frame) {
	t.Helper()
	src, err := packet.Open(bytes.NewReader(capture))
	if err != nil {
		t.Fatal(err)
	}
	d := packet.NewDecoder()
	var raw packet.Raw
	for src.Next(&raw) == nil {
		raw.Data = bytes.Clone(raw.Data)
		p := new(packet.Packet)
		d.Decode(&raw, p)
		out = append(out, Frame{Packet: p})
	}
	return out
}

func alertsOf(e *Engine, detector string) (n int64) {
	var r report.Report
	e.Fill(&r)
	for _, a := range r.Alerts {
		if a.Detector == detector {
			n += a.Count
		}
	}
	return n
}

// A payload whose fingerprint gave way is met again: the filter suspects it,
// and a second look at the input confirms it.
func TestForgottenPayloadsAreConfirmed(t *testing.T) {
	fs := frames(t, "replay-ciphertext")
	run := func(e *Engine) {
		for i := range fs {
			e.Observe(&fs[i])
		}
	}
	whole := New(nil)
	run(whole)
	want := alertsOf(whole, "replay.ciphertext")
	if want == 0 || whole.Confirm() != nil {
		t.Fatalf("%d alerts with all the memory, confirm %v", want, whole.Confirm())
	}
	small := New(nil)
	small.content.seen.bound = 2
	run(small)
	first := alertsOf(small, "replay.ciphertext")
	if first >= want {
		t.Fatalf("%d alerts with room for 2 fingerprints, %d with all", first, want)
	}
	c := small.Confirm()
	if c == nil {
		t.Fatal("nothing is suspected")
	}
	run(c)
	small.Merge(c)
	if got := alertsOf(small, "replay.ciphertext"); got < want {
		t.Errorf("%d alerts after the second look, want %d", got, want)
	}
}

func FuzzEngine(f *testing.F) {
	for i, x := range frames(f, "replay-burst") {
		if i > 40 {
			break
		}
		var b []byte
		b = append(append(b, x.Dot11.Header...), x.Dot11.Body...)
		f.Add(b, b, int64(1))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, step int64) {
		e := New(func(report.Alert) {})
		d := packet.NewDecoder()
		now := int64(0)
		for i := range 8 {
			data := a
			if i%2 == 1 {
				data = b
			}
			now += step
			var p packet.Packet
			d.Decode(&packet.Raw{Data: data, Orig: len(data), Link: packet.LinkDot11, Time: now, Frame: uint64(i + 1)}, &p)
			e.Observe(&Frame{Packet: &p, Key: uint32(i % 3)})
		}
		var r report.Report
		e.Fill(&r)
		for _, x := range r.Alerts {
			if x.Count < 1 || x.Frame == 0 || len(x.Frames) == 0 {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// Without the key a rekey that was not heard looks like low numbers, until the
// new count passes the old one.
func TestPacketNumbersPass(t *testing.T) {
	for _, c := range []struct {
		name string
		max  uint64
		lows []uint64
		pn   uint64
		want bool
	}{
		{"the new count is next", 1000, []uint64{900, 960}, 1001, true},
		{"a steady climb past the old count", 36875, []uint64{20, 800, 1600, 35700, 36511}, 37322, true},
		{"the old count goes on at once", 36875, []uint64{20, 40, 60}, 36876, false},
		{"the low ones do not rise", 36875, []uint64{800, 20, 30000}, 36876, false},
		{"one low, far away", 1000, []uint64{5}, 1001, false},
		{"one low, and a leap over both", 1000, []uint64{400}, 1700, true},
	} {
		s := pnState{max: c.max}
		for _, n := range c.lows {
			s.pending = append(s.pending, pnLow{packet: packet.Packet{Dot11: packet.Dot11{PN: n}}})
		}
		if got := s.passed(c.pn); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
