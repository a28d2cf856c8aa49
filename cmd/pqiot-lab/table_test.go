//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pqiot/analysis"
	"pqiot/analysis/report"
	"pqiot/analysis/unseal"
	"pqiot/firmware/lab"
	"pqiot/firmware/lab/air"
)

const network = "home:correct horse"

// analyse runs the analyzer over a recording.
func analyse(t testing.TB, r recording, wpa string) *report.Report {
	t.Helper()
	f, err := os.Open(r.capture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var opt analysis.Options
	if wpa != "" {
		n, err := unseal.ParsePassphrase(wpa)
		if err != nil {
			t.Fatal(err)
		}
		opt.Networks = []unseal.Network{n}
	}
	rep, err := analysis.Run(context.Background(), opt, analysis.Input{Name: "lab", R: f})
	if err != nil {
		t.Fatal(err)
	}
	if f := rep.Files[0]; f.Truncated || f.Damage != "" {
		t.Errorf("the analyzer finds the capture damaged: %+v", f)
	}
	return rep
}

// score compares the truth with the report: alerts at medium or above.
type score struct {
	hostile, flagged, right int      // frames
	loud                    []string // incidents
	wrong                   []string // of them, those with no hostile frame
}

func judge(r recording, rep *report.Report) (s score) {
	flagged := map[uint64]bool{}
	hostile := func(n uint64) bool {
		l := r.truth[n-1].Label
		return l == air.Replayed || l == air.Hostile
	}
	for _, a := range rep.Alerts {
		if a.Severity.Rank() < report.Medium.Rank() {
			continue
		}
		name := fmt.Sprintf("%s (%s): %s", a.Detector, a.Severity, a.Summary)
		s.loud = append(s.loud, name)
		if !slices.ContainsFunc(a.Frames, hostile) {
			s.wrong = append(s.wrong, name)
		}
		for _, n := range a.Frames {
			flagged[n] = true
		}
	}
	s.flagged = len(flagged)
	for _, x := range r.truth {
		if hostile(x.Frame) {
			s.hostile++
			if flagged[x.Frame] {
				s.right++
			}
		}
	}
	return s
}

// TestTable plays every scenario with the boards' firmware, open and with
// WPA2, and holds the analyzer's report against the truth: recall and
// precision in one table. Thresholds are the analyzer's own.
func TestTable(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "\n%-17s %-5s %8s %8s %7s %9s\n", "scenario", "air", "hostile", "flagged", "recall", "precision")
	for _, s := range lab.Scenarios() {
		for _, wpa := range []string{"", network} {
			if s.NeedsWPA && wpa == "" {
				continue
			}
			args, mode := []string{"--seed", "3"}, "open"
			if wpa != "" {
				args, mode = append(args, "--wpa", wpa), "WPA2"
			}
			r := play(t, s.Name, args...)
			got := judge(r, analyse(t, r, wpa))
			fmt.Fprintf(&table, "%-17s %-5s %8d %8d %7s %9s\n", s.Name, mode, got.hostile, got.flagged,
				share(got.right, got.hostile), share(got.right, got.flagged))
			hold(t, s, mode, got)
		}
	}
	t.Log(table.String())
}

func share(part, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(part)/float64(of))
}

// hold: attacks are found and little else is flagged; honest scenarios are
// silent.
func hold(t *testing.T, s lab.Scenario, mode string, got score) {
	t.Helper()
	switch {
	case !s.Attack && len(got.loud) > 0:
		t.Errorf("%s, %s: nobody is hostile, but %q", s.Name, mode, got.loud)
	case s.Attack && got.hostile == 0:
		t.Errorf("%s, %s: the attack did not happen", s.Name, mode)
	case s.Attack && got.right == 0:
		t.Errorf("%s, %s: not found; alerts: %q", s.Name, mode, got.loud)
	case len(got.wrong) > 0:
		t.Errorf("%s, %s: incidents without a hostile frame: %q", s.Name, mode, got.wrong)
	case got.right*100 < got.flagged*95:
		t.Errorf("%s, %s: %d of %d flagged frames are hostile", s.Name, mode, got.right, got.flagged)
	}
}

// TestNoisyHalfHour is the short form of a day of noise: nothing is lost, and
// nobody is accused.
func TestNoisyHalfHour(t *testing.T) {
	for _, wpa := range []string{"", network} {
		args := []string{"--seconds", "1800", "--seed", "24"}
		if wpa != "" {
			args = append(args, "--wpa", wpa)
		}
		r := play(t, "noisy", args...)
		rep := analyse(t, r, wpa)
		if got := judge(r, rep); len(got.loud) > 0 {
			t.Errorf("wpa %q: %q", wpa, got.loud)
		}
		agree(t, r, rep)
		if !strings.Contains(r.said, "1800.0 s") {
			t.Error(r.said)
		}
		t.Log(r.said)
	}
}

// agree: the honest repeats that the analyzer counts are those of the truth,
// within one in a hundred.
func agree(t *testing.T, r recording, rep *report.Report) {
	t.Helper()
	if rep.Unsealed.Protected > rep.Unsealed.Decrypted {
		return // the monitor missed a handshake: nobody can count these
	}
	truth := map[air.Label]int64{}
	for _, x := range r.truth {
		truth[x.Label]++
	}
	for label, got := range map[air.Label]int64{air.Retried: rep.Repeats.WiFiRetry, air.Relayed: rep.Repeats.Relay,
		air.Retransmission: rep.Repeats.CoAPRetransmission} {
		if d := got - truth[label]; truth[label] == 0 || max(d, -d)*100 > max(truth[label], 100) {
			t.Errorf("%s: the analyzer counts %d, in truth there are %d", label, got, truth[label])
		}
	}
}
