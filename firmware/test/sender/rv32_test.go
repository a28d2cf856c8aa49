package sender_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// emulatorLimit ends an emulator that hangs; a run takes a second.
const emulatorLimit = 5 * time.Minute

// TestRV32 runs on the emulator what also runs on this computer: vector A in
// every value, CoAP, and the sender against forged and broken answers.
func TestRV32(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unit/session_test", "unit/coap_test", "sender/sender_attack_test"} {
		t.Run(name, func(t *testing.T) {
			out := emulate(t, build(t, "rv32/"+name+".elf"))
			if !regexp.MustCompile(`(?m): [1-9][0-9]+ checks, 0 failed$`).MatchString(out) {
				t.Errorf("%s", out)
			}
			t.Logf("%s", out)
		})
	}
}

func emulate(t *testing.T, elf string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), emulatorLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, "qemu-system-riscv32", "-M", "virt", "-cpu", "rv32", "-bios", "none", "-nographic",
		"-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", elf).CombinedOutput()
	if err != nil {
		t.Errorf("qemu: %v", err)
	}
	return string(out)
}

// slack is what a figure may exceed session_counts.txt by, in per cent: counts
// are exact for one compiler and one mbedTLS, and a new package of either
// should not stop the work.
const slack = 2

// A figure is a line of session_counts.txt: instructions and bytes of stack,
// for code-… bytes of code and of static memory.
type figure struct{ first, second int }

// TestCounts compares the figures of the emulator with session_counts.txt
// (make -f session.mk session-counts renews it).
func TestCounts(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("MBEDTLS_DIR"); dir != "" {
		t.Skipf("session_counts.txt is not of the mbedTLS in %s", dir)
	}
	got := figures(t, build(t, "figures"))
	want := figures(t, filepath.Join(firmware, "port/rv32/session_counts.txt"))
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d figures, session_counts.txt has %d", len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("%s: not measured", name)
		}
		limit(t, name+", instructions (code: bytes)", g.first, w.first*(100+slack)/100)
		limit(t, name+", stack (code: static memory)", g.second, w.second*(100+slack)/100)
	}
}

func limit(t *testing.T, name string, got, most int) {
	t.Helper()
	if got > most {
		t.Errorf("%s: %d, at most %d allowed", name, got, most)
	}
}

// figures reads a file of lines NAME FIRST SECOND.
func figures(t *testing.T, path string) map[string]figure {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]figure{}
	for s := bufio.NewScanner(f); s.Scan(); {
		var name string
		var fig figure
		if _, err := fmt.Sscan(s.Text(), &name, &fig.first, &fig.second); err != nil {
			t.Fatalf("%s: %q: %v", path, s.Text(), err)
		}
		all[name] = fig
	}
	return all
}
