package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// recorded is a report made of recorded output.
func recorded(t *testing.T) report {
	t.Helper()
	all := parseGo(read(t, "gobench.txt"), 2)
	all = append(all, parseMatrix(read(t, "matrix.txt"))...)
	all = append(all, parseKEM(read(t, "kem.txt"), "firmware/kem")...)
	all = append(all, parseKEM(read(t, "native.txt"), "mlkem-native")...)
	rules, err := parseRules(goals)
	if err != nil {
		t.Fatal(err)
	}
	return report{
		Version: 1, Date: "2026-01-02T03:04:05Z", Commit: "v1",
		Machine:      host{CPU: "CPU", Cores: 2, MemoryMB: 4096, OS: "Debian", Kernel: "6", Go: "go1.25", Load: "0 0 0"},
		Measurements: rules.apply(merge(all)),
	}
}

// The table and the file, byte by byte, without and with figures before.
func TestGolden(t *testing.T) {
	r := recorded(t)
	var out bytes.Buffer
	r.table(&out, nil)
	golden(t, "first.golden", out.String())

	old := recorded(t)
	old.Commit = "v0"
	for i := range old.Measurements {
		m := &old.Measurements[i]
		m.Value, m.Low, m.High = m.Value*1.1, m.Low*1.1, m.High*1.1
	}
	old.Measurements = old.Measurements[1:]
	out.Reset()
	r.table(&out, &old)
	golden(t, "compared.golden", out.String())

	path := filepath.Join(t.TempDir(), "new", "bench.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "bench.json.golden", string(b))
	back, err := parseReport(b)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := json.Marshal(back); !bytes.Equal(a, must(json.Marshal(r))) {
		t.Errorf("read back: %s", a)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, name); got != want {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestParseGo(t *testing.T) {
	all := merge(parseGo(read(t, "gobench.txt"), 2))
	ack := find(all, "decoder/Reader/ack", "MB/s")
	if ack == nil || ack.Value != 519.2 || ack.Low != 419.2 || ack.High != 619.2 || ack.Samples != 3 {
		t.Errorf("median of three: %+v", ack)
	}
	if m := find(all, "decoder/Reader/ack/1e-4", "read-MB/s"); m == nil || m.Value != 580.5 {
		t.Errorf("a name that ends like a GOMAXPROCS: %+v", m)
	}
	if m := find(merge(parseGo("pkg: pqiot/x\nBenchmarkA/1e-1 5 1 ns/op\n", 1)), "x/A/1e-1", "ns/op"); m == nil {
		t.Error("with GOMAXPROCS=1 nothing stands behind the name")
	}
	for _, m := range all {
		if strings.Contains(m.Name, "NaN") || strings.Contains(m.Name, "Broken") {
			t.Errorf("taken for a measurement: %+v", m)
		}
	}
}

func TestRulesRefused(t *testing.T) {
	for _, line := range []string{"goal a b atmost 3", "goal a b most x", "goal a b most", "peer a b c d", "peer a b c d e f", "other", "goal [a b most 3"} {
		if _, err := parseRules("# fine\ngoal a b most 3\n" + line + "\n"); err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// A ratio above 1 means that we are better, whichever way the unit goes.
func TestRatio(t *testing.T) {
	for unit, want := range map[string]float64{"ns/op": 0.5, "packets/s": 2} {
		b := peerRule{label: "other", least: 1}.beside(measurement{Value: 10, Unit: unit}, measurement{Value: 5})
		if b.Ratio != want || b.Goal.Met != (want >= 1) {
			t.Errorf("10 beside 5 %s: %+v, want %v", unit, b, want)
		}
	}
}

func TestBefore(t *testing.T) {
	if _, err := (options{against: filepath.Join(t.TempDir(), "none")}).before(); err == nil {
		t.Error("a missing -against is no error")
	}
	for _, s := range []string{"", "{", `{"version":2}`} {
		if _, err := parseReport([]byte(s)); err == nil {
			t.Errorf("%q is no error", s)
		}
	}
}

// A run of one real benchmark ends up in the file; one that measures nothing is
// an error.
func TestRun(t *testing.T) {
	t.Chdir("../../..")
	out := filepath.Join(t.TempDir(), "bench.json")
	o := options{bench: "^BenchmarkParseFilter$", packages: "./extcap", count: 1, out: out}
	var table bytes.Buffer
	failed, err := o.run(t.Context(), &table, io.Discard)
	if failed || err != nil || !strings.Contains(table.String(), "extcap/ParseFilter") {
		t.Fatalf("%v %v\n%s", failed, err, table.String())
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := parseReport(b); err != nil || find(r.Measurements, "extcap/ParseFilter", "ns/op") == nil {
		t.Errorf("%s: %v", b, err)
	}
	o.bench = "^BenchmarkThatIsNot$"
	if _, err := o.run(t.Context(), io.Discard, io.Discard); err == nil {
		t.Error("nothing measured is no error")
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"gobench.txt", "matrix.txt", "kem.txt"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, s string) {
		all := append(append(parseGo(s, 2), parseMatrix(s)...), parseKEM(s, "x")...)
		if _, err := json.Marshal(merge(all)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSession(t *testing.T) {
	got := parseSession("ccm-seal-64 16834 368\ncode-sender 6751 0\nnot a figure\nhalf 1\n")
	want := []measurement{{Name: "firmware/session/ccm-seal-64", Value: 16834, Unit: "instructions"},
		{Name: "firmware/session/ccm-seal-64", Value: 368, Unit: "B-stack"},
		{Name: "firmware/session/sender", Value: 6751, Unit: "B-code"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
