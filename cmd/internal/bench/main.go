// Command bench runs everything that this project measures and prints one table:
// value, goal, the same from a peer, and the change since the figures that were
// committed last. "make bench" calls it.
//
//	sources.go    go test -bench, the analyzer's matrix, ML-KEM on the emulator
//	parse.go      their output → measurements
//	rules.go      goals and peers, from goals.txt
//	table.go      the table
//	report.go     bench.json
//
// # bench.json
//
// One object: "version" 1, "date" (RFC 3339), "commit" (git describe), "machine"
// (what the figures hold for: "cpu", "cores", "memory_mb", "os", "kernel", "go",
// "load", the last as it was before the start), and "measurements". Each of these
// has "name" (package/benchmark/case), "value" and "unit"; "samples", and "low" and
// "high" of them where there were several, value being their median; "goal" with "at"
// ("most" or "least") and "value", "met"; "peers", each with "name", "value" and
// "ratio": how many times better than the peer we are. Later versions add fields.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// committed is where the figures are kept that a run is compared with.
const committed = ".ci/bench.json"

// options of a run.
type options struct {
	bench, packages string
	count           int
	matrix, kem     bool
	out, against    string
}

func main() {
	var o options
	flag.StringVar(&o.bench, "bench", ".", "benchmarks to run, a `REGEXP` as of go test")
	flag.StringVar(&o.packages, "packages", "./...", "`PACKAGES` whose benchmarks run, blanks between them; empty: none")
	flag.IntVar(&o.count, "count", 1, "run each benchmark `N` times; the median counts")
	flag.BoolVar(&o.matrix, "matrix", true, "the analyzer against every scenario")
	flag.BoolVar(&o.kem, "kem", true, "ML-KEM on the emulator")
	flag.StringVar(&o.out, "o", committed, "write the figures to `FILE`")
	flag.StringVar(&o.against, "against", "", "compare with `FILE`; else with the last commit's "+committed)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := o.run(ctx, os.Stdout, os.Stderr)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case failed:
		os.Exit(1)
	}
}

// run measures, writes and prints. What could be measured is kept, even if a
// part failed.
func (o options) run(ctx context.Context, stdout, stderr io.Writer) (failed bool, err error) {
	rules, err := parseRules(goals)
	if err != nil {
		return false, err
	}
	old, err := o.before()
	if err != nil {
		return false, err
	}
	r := report{Version: 1, Date: time.Now().UTC().Format(time.RFC3339), Commit: describe(), Machine: machine()}
	all, failures := o.measure(ctx, stderr)
	if len(all) == 0 {
		return false, fmt.Errorf("nothing was measured: %w", failures)
	}
	r.Measurements = rules.apply(merge(all))
	if err := r.write(o.out); err != nil {
		return false, err
	}
	r.table(stdout, old)
	fmt.Fprintf(stdout, "\nThe figures are in %s.\n", o.out)
	if failures != nil {
		fmt.Fprintf(stderr, "bench: %v\n", failures)
	}
	return failures != nil, nil
}
