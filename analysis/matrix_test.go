package analysis_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pqiot/analysis"
	"pqiot/analysis/report"
	"pqiot/analysis/unseal"
	"pqiot/firmware/lab/air"
)

// score is what the analyzer made of a scenario, over several seeds.
type score struct {
	runs, found               int // runs, and those whose attack raised an alert
	offending, flagged, right int // hostile frames; alerted frames; of them, hostile ones
	loud                      int // runs with an alert at medium or above
	truth, counted            [4]int64
	worst                     string
	closed                    int64 // protected frames that stayed closed: a handshake was not heard
}

// seedsOf is how many seeds a cell of the matrix gets: PQIOT_SEEDS, else 2.
func seedsOf(t testing.TB) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("PQIOT_SEEDS")); err == nil && n > 0 {
		return n
	}
	return 2
}

func play(t testing.TB, s air.Scenario, seed uint64, wpa bool) ([]byte, []air.Truth) {
	t.Helper()
	w, err := s.Play(seed, wpa)
	if err != nil {
		t.Fatal(err)
	}
	heard, truth := w.Capture()
	capture, err := air.Pcapng(heard, time.Unix(1_750_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return capture, truth
}

// judge runs the analyzer over one play and adds to the score.
func (c *score) judge(t testing.TB, s air.Scenario, seed uint64, wpa, key bool) {
	t.Helper()
	capture, truth := play(t, s, seed, wpa)
	var opt analysis.Options
	if key {
		n, err := unseal.ParsePassphrase(air.SimSSID + ":" + air.SimPassphrase)
		if err != nil {
			t.Fatal(err)
		}
		opt.Networks = []unseal.Network{n}
	}
	r, err := analysis.Run(context.Background(), opt, analysis.Input{Name: s.Name, R: bytes.NewReader(capture)})
	if err != nil {
		t.Fatal(err)
	}
	c.runs++
	flagged := map[uint64]bool{}
	found := false
	for _, a := range r.Alerts {
		if a.Severity.Rank() < report.Medium.Rank() {
			continue
		}
		if !s.Attack {
			c.worst = fmt.Sprintf("seed %d: %s %s frame %d original %d: %v", seed, a.Detector, a.Severity, a.Frame, a.Original, a.Evidence)
		}
		for _, n := range a.Frames {
			flagged[n] = true
		}
	}
	for _, x := range truth {
		hostile := x.Label == air.Replayed || x.Label == air.Hostile
		if hostile {
			c.offending++
		}
		switch x.Label {
		case air.Retried:
			c.truth[0]++
		case air.Relayed:
			c.truth[1]++
		case air.Retransmission:
			c.truth[2]++
		case air.Replayed:
			c.truth[3]++
		}
		if flagged[x.Frame] {
			c.flagged++
			if hostile {
				c.right++
				found = true
			} else if s.Attack {
				c.worst = fmt.Sprintf("seed %d: frame %d is %s", seed, x.Frame, x.Label)
			}
		}
	}
	if found {
		c.found++
	}
	if len(flagged) > 0 {
		c.loud++
	}
	c.closed += r.Unsealed.Protected - r.Unsealed.Decrypted
	for i, n := range [...]int64{r.Repeats.WiFiRetry, r.Repeats.Relay, r.Repeats.CoAPRetransmission, r.Repeats.Replay} {
		c.counted[i] += n
	}
}

// TestMatrix plays every scenario with open air and WPA2, and holds what the
// analyzer promises: attacks are found where they can be seen, and nothing
// honest is called an attack.
func TestMatrix(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-20s %-8s %5s %6s %9s %9s %s\n", "scenario", "air", "runs", "found", "recall", "precision", "repeats (counted/true): retry relay retransmission replay")
	for _, s := range air.Scenarios() {
		for _, mode := range []string{"open", "key", "no key"} {
			if s.NeedsWPA && mode == "open" {
				continue
			}
			var c score
			for seed := range seedsOf(t) {
				c.judge(t, s, uint64(seed+1), mode != "open", mode == "key")
			}
			c.line(&table, s, mode)
			c.hold(t, s, mode)
		}
	}
	t.Log(table.String())
}

func share(part, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(part) / float64(of)
}

func (c *score) line(w *strings.Builder, s air.Scenario, mode string) {
	found, recall := "-", "-"
	if s.Attack {
		found, recall = strconv.Itoa(c.found), fmt.Sprintf("%.3f", share(c.right, c.offending))
	}
	fmt.Fprintf(w, "%-20s %-8s %5d %6s %9s %9.3f", s.Name, mode, c.runs, found, recall, share(c.right, c.flagged))
	for i := range c.truth {
		fmt.Fprintf(w, " %d/%d", c.counted[i], c.truth[i])
	}
	w.WriteByte('\n')
}

func (c *score) hold(t *testing.T, s air.Scenario, mode string) {
	t.Helper()
	visible := mode != "no key"
	switch {
	case !s.Attack:
		if c.loud > 0 {
			t.Errorf("%s, %s: %d of %d runs raised an alert at medium or above: %s", s.Name, mode, c.loud, c.runs, c.worst)
		}
	case visible:
		if share(c.found, c.runs) < 0.95 {
			t.Errorf("%s, %s: found in %d of %d runs", s.Name, mode, c.found, c.runs)
		}
	}
	if share(c.right, c.flagged) < 0.99 && s.Attack {
		t.Errorf("%s, %s: %d of %d flagged frames are hostile: %s", s.Name, mode, c.right, c.flagged, c.worst)
	}
	if visible && c.closed == 0 {
		for i, name := range []string{"Wi-Fi retries", "relays", "CoAP retransmissions"} {
			if d := c.counted[i] - c.truth[i]; max(d, -d)*100 > max(c.truth[i], 100) {
				t.Errorf("%s, %s: %d %s counted, %d in truth", s.Name, mode, c.counted[i], name, c.truth[i])
			}
		}
	}
}
