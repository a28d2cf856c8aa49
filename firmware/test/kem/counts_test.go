package kem_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/firmware/test/internal/rig"
)

// slack is what a figure may exceed counts.txt by, in per cent: counts are exact
// for one compiler, and a new package of it should not stop the work.
const slack = 1

// TestCounts compares instructions, stack and code size on the RV32 emulator
// with port/rv32/counts.txt (make -f kem.mk kem-counts renews it), and holds
// ML-KEM-512 to the project's goals.
func TestCounts(t *testing.T) {
	got := rig.Figures(t, build(t, "figures"))
	want := rig.Figures(t, filepath.Join(rig.Firmware, "port/rv32/counts.txt"))
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d figures, counts.txt has %d", len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		switch {
		case !ok:
			t.Errorf("%s: not measured", name)
		case strings.HasSuffix(name, " spread"):
			if g.First != g.Second {
				t.Errorf("%s: pq_kem_decaps takes %d to %d instructions", name, g.First, g.Second)
			}
		default:
			rig.AtMost(t, name+", instructions (code: bytes)", g.First, w.First*(100+slack)/100)
			rig.AtMost(t, name+", stack", g.Second, w.Second*(100+slack)/100)
		}
	}
	rig.AtMost(t, "goal for encaps-512", got["512 encaps"].First, 520_000)
	rig.AtMost(t, "goal for decaps-512", got["512 decaps"].First, 660_000)
	for _, op := range []string{"512 keypair", "512 encaps", "512 decaps"} {
		rig.AtMost(t, "goal for the stack of "+op, got[op].Second, 2600)
	}
	rig.AtMost(t, "goal for the code of ML-KEM-512", got["512 code"].First, 16*1024)
}

// TestSpreadCatchesLeaks: the count over 80 ciphertexts tells each leaky mutant.
func TestSpreadCatchesLeaks(t *testing.T) {
	for _, m := range compareLeaks() {
		t.Run(m.name, func(t *testing.T) {
			dir := mutate(t, m)
			out := filepath.Join(dir, "build")
			figs := filepath.Join(out, "figures")
			cmd := exec.Command("make", "-s", "-C", rig.Firmware, "-f", "kem.mk", "KEM_CORE="+dir, "KEM_BUILD="+out, "KEM_SETS=512", figs)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if s := rig.Figures(t, figs)["512 spread"]; s.First == s.Second {
				t.Errorf("not caught: %d instructions each time", s.First)
			}
		})
	}
}
