// Package rig builds C programs for tests and runs them on the RV32 emulator.
package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Firmware is the folder of the C sources, seen from a package in firmware/test.
const Firmware = "../.."

// emulatorLimit ends an emulator that hangs; a run takes seconds.
const emulatorLimit = 5 * time.Minute

// Make has a makefile of Firmware make a file, named as the makefile names it,
// and returns its path. Other packages build there too: a lock keeps them apart.
func Make(t testing.TB, makefile, file string) string {
	t.Helper()
	if err := os.MkdirAll(Firmware+"/../build", 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("flock", Firmware+"/../build/lock", "make", "-s", "-C", Firmware, "-f", makefile, file).CombinedOutput()
	if err != nil {
		t.Fatalf("make %s: %v\n%s", file, err, out)
	}
	path, err := filepath.Abs(filepath.Join(Firmware, file))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// NoteSources looks at every file that a build reads, for go test's cache, which
// knows of those only that the test itself has looked at.
func NoteSources(t testing.TB, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(Firmware, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			if _, err := os.Stat(f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Emulate runs elf in a folder and returns what it printed. args are words for
// elf, by semihosting.
func Emulate(t testing.TB, elf, dir string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), emulatorLimit)
	defer cancel()
	semihosting := "enable=on,target=native"
	for _, a := range args {
		semihosting += ",arg=" + a
	}
	cmd := exec.CommandContext(ctx, "qemu-system-riscv32", "-M", "virt", "-cpu", "rv32", "-bios", "none", "-nographic",
		"-monitor", "none", "-serial", "none", "-semihosting-config", semihosting, "-kernel", elf)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("qemu: %w", err)
	}
	return string(out), err
}

// Ask runs elf with a file to read and one to write, and returns what it wrote.
func Ask(t testing.TB, elf string, requests io.Reader) []byte {
	t.Helper()
	dir := t.TempDir()
	in, err := os.Create(filepath.Join(dir, "in"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(in, requests); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := Emulate(t, elf, dir, "in", "out"); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	answers, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// A Figure is what was measured of one thing: most often instructions and bytes
// of stack.
type Figure struct{ First, Second int }

// Figures reads a file of lines NAME FIRST SECOND; a name may be of several words.
func Figures(t testing.TB, path string) map[string]Figure {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]Figure{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		words := strings.Fields(s.Text())
		n := len(words) - 2
		if n < 1 {
			t.Fatalf("%s: %q: no name and two figures", path, s.Text())
		}
		first, err1 := strconv.Atoi(words[n])
		second, err2 := strconv.Atoi(words[n+1])
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %q: no name and two figures", path, s.Text())
		}
		all[strings.Join(words[:n], " ")] = Figure{first, second}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// AtMost holds a figure against its limit.
func AtMost(t testing.TB, name string, got, most int) {
	t.Helper()
	if got > most {
		t.Errorf("%s: %d, at most %d allowed", name, got, most)
	}
}
