package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// parseGo reads the output of go test -bench: lines
//
//	pkg: pqiot/decoder
//	BenchmarkReader/ack-2  1000  61.5 ns/op  619.2 MB/s  0 B/op  0 allocs/op
//
// procs is the GOMAXPROCS of that run, which stands behind each name if it is
// not 1. Lines of another form are something else's.
func parseGo(out string, procs int) (all []measurement) {
	pkg := ""
	for line := range strings.Lines(out) {
		if p, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = strings.TrimPrefix(strings.TrimSpace(p), "pqiot/")
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		if _, err := strconv.ParseUint(f[1], 10, 64); err != nil {
			continue
		}
		name := pkg + "/" + strings.TrimPrefix(f[0], "Benchmark")
		if procs > 1 {
			name = strings.TrimSuffix(name, fmt.Sprintf("-%d", procs))
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, ok := number(f[i]); ok {
				all = append(all, measurement{Name: name, Value: v, Unit: f[i+1]})
			}
		}
	}
	return all
}

// parseMatrix reads the table of the analyzer's matrix: after a line with the
// headings, scenario, air, runs, runs in which the attack was found, recall,
// precision. A "-" is a figure that does not exist, as recall without attack.
func parseMatrix(out string) (all []measurement) {
	inside := false
	for line := range strings.Lines(out) {
		f := strings.Fields(strings.Replace(line, "no key", "no-key", 1))
		if len(f) > 2 && f[0] == "scenario" && f[1] == "air" {
			inside = true
			continue
		}
		if len(f) < 6 {
			inside = false
		}
		if !inside {
			continue
		}
		name := "analysis/matrix/" + f[0] + "/" + f[1]
		for i, unit := range []string{"recall", "precision"} {
			// Where nothing is hostile, precision says nothing either.
			if v, ok := number(f[4+i]); ok && f[3] != "-" {
				all = append(all, measurement{Name: name, Value: v, Unit: unit})
			}
		}
	}
	return all
}

// parseKEM reads the figures of ML-KEM on the emulator: set, what, instructions
// and stack; of "code", bytes; of "spread", the least and the most.
func parseKEM(out, name string) (all []measurement) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 4 {
			continue
		}
		a, ok1 := number(f[2])
		b, ok2 := number(f[3])
		if !ok1 || !ok2 {
			continue
		}
		what := name + "/" + f[0] + "/" + f[1]
		switch f[1] {
		case "code":
			all = append(all, measurement{Name: what, Value: a, Unit: "B-code"})
		case "spread":
			all = append(all, measurement{Name: what, Value: b - a, Unit: "instructions"})
		default:
			all = append(all, measurement{Name: what, Value: a, Unit: "instructions"}, measurement{Name: what, Value: b, Unit: "B-stack"})
		}
	}
	return all
}

// parseSession reads the session's figures: a step, instructions, bytes of stack;
// of code its size alone.
func parseSession(out string) (all []measurement) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		a, ok1 := number(f[1])
		b, ok2 := number(f[2])
		if !ok1 || !ok2 {
			continue
		}
		if what, isCode := strings.CutPrefix(f[0], "code-"); isCode {
			all = append(all, measurement{Name: "firmware/session/" + what, Value: a, Unit: "B-code"})
			continue
		}
		what := "firmware/session/" + f[0]
		all = append(all, measurement{Name: what, Value: a, Unit: "instructions"}, measurement{Name: what, Value: b, Unit: "B-stack"})
	}
	return all
}

// number is a finite one.
func number(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// merge makes one measurement of those with the same name and unit: the median.
// They come out by name, in the order of their units.
func merge(all []measurement) (merged []measurement) {
	type key struct{ name, unit string }
	values := map[key][]float64{}
	var order []key
	for _, m := range all {
		k := key{m.Name, m.Unit}
		if values[k] == nil {
			order = append(order, k)
		}
		values[k] = append(values[k], m.Value)
	}
	slices.SortStableFunc(order, func(a, b key) int { return strings.Compare(a.name, b.name) })
	for _, k := range order {
		v := values[k]
		slices.Sort(v)
		m := measurement{Name: k.name, Unit: k.unit, Samples: len(v), Value: v[(len(v)-1)/2]/2 + v[len(v)/2]/2}
		if len(v) > 1 {
			m.Low, m.High = v[0], v[len(v)-1]
		}
		merged = append(merged, m)
	}
	return merged
}
