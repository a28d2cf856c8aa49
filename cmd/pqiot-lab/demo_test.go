//go:build linux

package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDemo holds that make demo prints what its transcript says, to the letter:
// a run depends on its seed alone.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	lab, err := exec.LookPath("pqiot-lab")
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"dissector": filepath.Join(top, "dissector"), "bin": filepath.Dir(lab)} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(top, "cmd/pqiot-lab/demo.sh"))
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s%s", err, got, stderr.String())
	}
	const golden = "testdata/demo.txt"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("make demo prints other than %s (go test -update writes it anew):\n%s", golden, difference(string(got), string(want)))
	}
	page, err := os.ReadFile(filepath.Join(dir, "demo/burst.html"))
	if err != nil || !bytes.Contains(page, []byte("replay.datagram")) {
		t.Errorf("demo/burst.html: %v, or no incident in it", err)
	}
}

// difference shows the first line that differs.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one ends before the other"
}

// TestReadmeTranscript holds that README.md shows lines of that transcript, in
// their order.
func TestReadmeTranscript(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile("testdata/demo.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, ok := strings.Cut(string(readme), "$ make demo\n")
	if !ok {
		t.Fatal("README.md shows no make demo")
	}
	shown, _, _ = strings.Cut(shown, "```")
	rest := string(demo)
	for line := range strings.Lines(shown) {
		if line == "…\n" {
			continue
		}
		_, after, ok := strings.Cut(rest, line)
		if !ok {
			t.Fatalf("make demo does not print, or not in this order: %s", line)
		}
		rest = after
	}
}
