package sender_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"pqiot/firmware/test/internal/rig"
)

// TestRV32 runs on the emulator what also runs on this computer: vector A in
// every value, CoAP, and the sender against forged and broken answers.
func TestRV32(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unit/session_test", "unit/coap_test", "sender/sender_attack_test"} {
		t.Run(name, func(t *testing.T) {
			out, err := rig.Emulate(t, build(t, "rv32/"+name+".elf"), ".")
			if err != nil {
				t.Error(err)
			}
			if !regexp.MustCompile(`(?m): [1-9][0-9]+ checks, 0 failed$`).MatchString(out) {
				t.Errorf("%s", out)
			}
			t.Logf("%s", out)
		})
	}
}

// slack is what a figure may exceed session_counts.txt by, in per cent: counts
// are exact for one compiler and one mbedTLS, and a new package of either
// should not stop the work.
const slack = 2

// TestCounts compares the figures of the emulator with session_counts.txt
// (make -f session.mk session-counts renews it).
func TestCounts(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv("MBEDTLS_DIR"); dir != "" {
		t.Skipf("session_counts.txt is not of the mbedTLS in %s", dir)
	}
	got := rig.Figures(t, build(t, "figures"))
	want := rig.Figures(t, filepath.Join(rig.Firmware, "port/rv32/session_counts.txt"))
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d figures, session_counts.txt has %d", len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("%s: not measured", name)
		}
		rig.AtMost(t, name+", instructions (code: bytes)", g.First, w.First*(100+slack)/100)
		rig.AtMost(t, name+", stack (code: static memory)", g.Second, w.Second*(100+slack)/100)
	}
}
