// Package kem_test puts vectors and random inputs to the C core's ML-KEM and
// SHA-3, built for the host (with sanitizers) and for the RV32 emulator.
package kem_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pqiot/firmware/test/internal/rig"
)

// A request is one line for c/harness.c and the line that must come back. name
// tells the reader of a failure where it comes from.
type request struct{ name, line, want string }

// A target runs harness.c: lines in, the same number of lines out.
type target struct {
	name string
	ask  func(t *testing.T, lines io.Reader) io.Reader
}

// targets builds harness.c for the host and for the emulator and, where the
// user has a checkout of mlkem-native, for the host over that.
func targets(t *testing.T) []target {
	t.Helper()
	all := []target{hostTarget(t, "host", "host/harness"), rv32Target(t)}
	if os.Getenv("MLKEM_NATIVE_DIR") != "" {
		all = append(all, hostTarget(t, "mlkem-native", "host/harness-native"))
	}
	return all
}

func hostTarget(t *testing.T, name, file string) target {
	t.Helper()
	exe := build(t, file)
	return target{name, func(t *testing.T, lines io.Reader) io.Reader { return pipe(t, exe, lines) }}
}

func rv32Target(t *testing.T) target {
	t.Helper()
	elf := build(t, "rv32/harness.elf")
	return target{"rv32", func(t *testing.T, lines io.Reader) io.Reader { return bytes.NewReader(rig.Ask(t, elf, lines)) }}
}

// build makes a file of kem.mk's build folder and returns its path.
func build(t *testing.T, name string) string {
	t.Helper()
	noteSources(t)
	return rig.Make(t, "kem.mk", "../build/kem/"+name)
}

func noteSources(t *testing.T) {
	t.Helper()
	rig.NoteSources(t, "kem.mk", "core/*.[ch]", "port/rv32/*", "port/mlkem_native/*", "test/kem/c/*")
}

// pipe starts exe, feeds it lines while the caller reads its answers, and fails
// the test when it ends badly.
func pipe(t *testing.T, exe string, lines io.Reader) io.Reader {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Stdin = lines
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", exe, err, &stderr)
		}
	})
	return out
}

// check puts the requests to every target, and compares.
func check(t *testing.T, targets []target, requests []request) {
	t.Helper()
	var lines strings.Builder
	for _, r := range requests {
		lines.WriteString(r.line + "\n")
	}
	for _, target := range targets {
		t.Run(target.name, func(t *testing.T) {
			answers := newScanner(target.ask(t, strings.NewReader(lines.String())))
			for _, r := range requests {
				compare(t, answers, r)
			}
		})
	}
}

// compare reads one answer.
func compare(t *testing.T, answers *bufio.Scanner, r request) {
	t.Helper()
	if !answers.Scan() {
		t.Fatalf("%s: no answer: %v", r.name, answers.Err())
	}
	if got := answers.Text(); got != r.want {
		t.Errorf("%s: %s\n got %s\nwant %s", r.name, short(r.line), short(got), short(r.want))
	}
}

func newScanner(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<16)
	return s
}

// short keeps the start of each field.
func short(line string) string {
	fields := strings.Fields(line)
	for i, f := range fields {
		if len(f) > 40 {
			fields[i] = fmt.Sprintf("%s…(%d)", f[:40], len(f)/2)
		}
	}
	return strings.Join(fields, " ")
}

// orDash writes no bytes as the harness wants them.
func orDash(hex string) string {
	if hex == "" {
		return "-"
	}
	return strings.ToLower(hex)
}
