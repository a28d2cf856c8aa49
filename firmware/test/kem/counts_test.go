package kem_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// slack is what a figure may exceed counts.txt by, in per cent: counts are exact
// for one compiler, and a new package of it should not stop the work.
const slack = 1

// A figure is a line of counts.txt: for most, instructions and bytes of stack.
type figure struct{ first, second int }

// TestCounts compares instructions, stack and code size on the RV32 emulator
// with port/rv32/counts.txt (make -f kem.mk kem-counts renews it), and holds
// ML-KEM-512 to the project's goals.
func TestCounts(t *testing.T) {
	got := figures(t, build(t, "figures"))
	want := figures(t, filepath.Join(firmware, "port/rv32/counts.txt"))
	if len(got) != len(want) || len(got) == 0 {
		t.Errorf("%d figures, counts.txt has %d", len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		switch {
		case !ok:
			t.Errorf("%s: not measured", name)
		case strings.HasSuffix(name, " spread"):
			if g.first != g.second {
				t.Errorf("%s: pq_kem_decaps takes %d to %d instructions", name, g.first, g.second)
			}
		default:
			limit(t, name+", instructions (code: bytes)", g.first, w.first*(100+slack)/100)
			limit(t, name+", stack", g.second, w.second*(100+slack)/100)
		}
	}
	limit(t, "goal for encaps-512", got["512 encaps"].first, 520_000)
	limit(t, "goal for decaps-512", got["512 decaps"].first, 660_000)
	for _, op := range []string{"512 keypair", "512 encaps", "512 decaps"} {
		limit(t, "goal for the stack of "+op, got[op].second, 2600)
	}
	limit(t, "goal for the code of ML-KEM-512", got["512 code"].first, 16*1024)
}

func limit(t *testing.T, name string, got, most int) {
	t.Helper()
	if got > most {
		t.Errorf("%s: %d, at most %d allowed", name, got, most)
	}
}

// figures reads a file of lines SET NAME FIRST SECOND.
func figures(t *testing.T, path string) map[string]figure {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make(map[string]figure)
	for s := bufio.NewScanner(f); s.Scan(); {
		var set, name string
		var fig figure
		if _, err := fmt.Sscan(s.Text(), &set, &name, &fig.first, &fig.second); err != nil {
			t.Fatalf("%s: %q: %v", path, s.Text(), err)
		}
		all[set+" "+name] = fig
	}
	return all
}

// TestSpreadCatchesLeaks: the count over 80 ciphertexts tells each leaky mutant.
func TestSpreadCatchesLeaks(t *testing.T) {
	for _, m := range compareLeaks() {
		t.Run(m.name, func(t *testing.T) {
			dir := mutate(t, m)
			out := filepath.Join(dir, "build")
			figs := filepath.Join(out, "figures")
			cmd := exec.Command("make", "-s", "-C", firmware, "-f", "kem.mk", "KEM_CORE="+dir, "KEM_BUILD="+out, "KEM_SETS=512", figs)
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if s := figures(t, figs)["512 spread"]; s.first == s.second {
				t.Errorf("not caught: %d instructions each time", s.first)
			}
		})
	}
}
