package analysis_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pqiot/analysis"
	"pqiot/analysis/report"
	"pqiot/firmware/lab/air"
)

// ear is a sniffer that misses frames and has a clock of its own.
type ear struct {
	offset, jitter time.Duration
	drift          float64
	hears          func(i int, rng *rand.Rand) bool
	frames         []air.Heard
	truth          []int // index of the frame in what was on the air
}

func (e *ear) listen(heard []air.Heard, rng *rand.Rand) {
	for i, h := range heard {
		if !e.hears(i, rng) {
			continue
		}
		us := float64(h.Time)*(1+e.drift) + float64(e.offset.Microseconds())
		if e.jitter > 0 {
			us += rng.Float64() * float64(e.jitter.Microseconds())
		}
		h.Time = uint64(us)
		e.frames, e.truth = append(e.frames, h), append(e.truth, i)
	}
}

func (e *ear) input(t testing.TB, name string) analysis.Input {
	t.Helper()
	capture, err := air.Pcapng(e.frames, time.Unix(1_750_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return analysis.Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(capture)), nil }}
}

func share70(_ int, rng *rand.Rand) bool { return rng.Float64() < 0.7 }

// three are sniffers of which the first is the reference: one late by seconds
// and drifting, one early with a USB bus that holds frames back.
func three(heard []air.Heard, seed uint64, hears [3]func(int, *rand.Rand) bool) []*ear {
	rng := rand.New(rand.NewPCG(seed, 7))
	ears := []*ear{
		{hears: hears[0], offset: 10 * time.Second},
		{hears: hears[1], offset: 13700 * time.Millisecond, drift: 40e-6, jitter: time.Millisecond},
		{hears: hears[2], offset: 0, drift: -20e-6, jitter: 6 * time.Millisecond},
	}
	for _, e := range ears {
		e.listen(heard, rng)
	}
	return ears
}

// heardTwice counts the copies of management and data frames that another sniffer
// had too.
func heardTwice(ears []*ear, heard []air.Heard) (n int64) {
	copies := map[int]int64{}
	for _, e := range ears {
		for _, i := range e.truth {
			if control := heard[i].Data[0]>>2&3 == 1; !control {
				copies[i]++
			}
		}
	}
	for _, c := range copies {
		n += c - 1
	}
	return n
}

func joined(t testing.TB, ears []*ear) *report.Report {
	t.Helper()
	var in []analysis.Input
	for i, e := range ears {
		in = append(in, e.input(t, fmt.Sprintf("sniffer%d", i)))
	}
	r, err := analysis.Run(context.Background(), analysis.Options{}, in...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is honest stays so when three sniffers heard it, each some of it; what is
// not is found in any one's share.
func TestSeveralSniffers(t *testing.T) {
	for _, s := range air.Scenarios() {
		if s.NeedsWPA || s.Name == "clock-steps" { // the sniffers' clocks are the test's
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			offending, right := 0, 0
			for seed := range uint64(seedsOf(t)) {
				w, err := s.Play(seed+1, false)
				if err != nil {
					t.Fatal(err)
				}
				heard, truth := w.Capture()
				ears := three(heard, seed, [3]func(int, *rand.Rand) bool{share70, share70, share70})
				r := joined(t, ears)
				if c := r.Files[1].Clock; c == nil || c.Offset > -3.69 || c.Offset < -3.71 {
					t.Fatalf("clock of the second: %+v", c)
				}
				if c := r.Files[2].Clock; c == nil || c.Offset > 10.01 || c.Offset < 9.98 {
					t.Fatalf("clock of the third: %+v", c)
				}
				// A second retry is bit for bit the first: heard by another within
				// 20 ms it counts as the first one's copy.
				if want := heardTwice(ears, heard); r.HeardTwice < want*99/100 || r.HeardTwice > want*102/100 {
					t.Errorf("seed %d: %d frames heard twice, want %d", seed+1, r.HeardTwice, want)
				}
				hostile, sent := map[int]bool{}, map[int]bool{}
				for _, e := range ears {
					for _, i := range e.truth {
						if root := evil(truth, i); root >= 0 {
							hostile[i], sent[root] = true, true
						}
					}
				}
				offending += len(sent)
				for _, a := range r.Alerts {
					if a.Severity.Rank() < report.Medium.Rank() {
						continue
					}
					for _, n := range a.Frames {
						i := ears[a.File].truth[n-1]
						if !hostile[i] {
							t.Errorf("seed %d: %s: frame %d of file %d is %s; original %d of %d: %v", seed+1, a.Detector, n, a.File, truth[i].Label, a.Original, a.OriginalFile, a.Evidence)
						}
					}
					right += int(a.Count)
				}
			}
			if s.Attack && share(right, offending) < 0.8 {
				t.Errorf("%d of %d hostile frames of which anybody heard a copy were found", right, offending)
			}
		})
	}
}

// One sniffer heard the original, another the replay.
func TestReplayThatOnlyAnotherSnifferHeard(t *testing.T) {
	s := scenario(t, "replay-relay")
	w, err := s.Play(1, false)
	if err != nil {
		t.Fatal(err)
	}
	heard, truth := w.Capture()
	evil := func(i int) bool { return evil(truth, i) >= 0 }
	original := func(i int) bool {
		for _, x := range truth {
			if x.Label == air.Replayed && (x.Original == uint64(i+1) || x.Original == truth[i].Original && !evil(i)) {
				return true
			}
		}
		return false
	}
	ears := three(heard, 1, [3]func(int, *rand.Rand) bool{
		func(i int, _ *rand.Rand) bool { return !evil(i) },
		func(i int, _ *rand.Rand) bool { return !original(i) },
		func(i int, rng *rand.Rand) bool { return !evil(i) && !original(i) && rng.Float64() < 0.2 },
	})
	alone := func(i int) *report.Report { return joined(t, ears[i:i+1]) }
	loud := func(r *report.Report) (n int64, a report.Alert) {
		for _, x := range r.Alerts {
			if x.Severity.Rank() >= report.Medium.Rank() && x.Detector == "replay.datagram" {
				n, a = n+x.Count, x
			}
		}
		return n, a
	}
	if n, _ := loud(alone(0)); n != 0 {
		t.Fatalf("the first alone raises %d", n)
	}
	before, _ := loud(alone(1))
	n, a := loud(joined(t, ears))
	if n <= before || a.File != 1 || a.OriginalFile != 0 || a.Original == 0 {
		t.Errorf("together %d frames, the second alone %d: %+v", n, before, a)
	}
}

// evil is the hostile frame that this one is, relays or retries; -1 if none.
func evil(truth []air.Truth, i int) int {
	for {
		switch truth[i].Label {
		case air.Replayed, air.Hostile:
			return i
		case air.Relayed, air.Retried:
			if truth[i].Original == 0 {
				return -1
			}
			i = int(truth[i].Original) - 1
		default:
			return -1
		}
	}
}

func scenario(t testing.TB, name string) air.Scenario {
	t.Helper()
	for _, s := range air.Scenarios() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no scenario %s", name)
	return air.Scenario{}
}

// Captures of different places share no frame: their clocks stay as they are.
func TestCapturesOfDifferentPlaces(t *testing.T) {
	var ears []*ear
	for seed := range uint64(2) {
		w, err := scenario(t, "quiet").Play(seed+1, false)
		if err != nil {
			t.Fatal(err)
		}
		heard, _ := w.Capture()
		e := &ear{hears: func(i int, _ *rand.Rand) bool { return heard[i].Data[0] == air.FCQoSData }, offset: time.Duration(seed) * time.Hour}
		e.listen(heard, rand.New(rand.NewPCG(1, 1)))
		ears = append(ears, e)
	}
	r := joined(t, ears)
	for _, a := range r.Alerts {
		if strings.HasPrefix(a.Detector, "replay") {
			t.Errorf("%+v", a)
		}
	}
	if r.Files[1].Clock != nil || r.HeardTwice != 0 {
		t.Errorf("clock %+v, %d heard twice", r.Files[1].Clock, r.HeardTwice)
	}
}
