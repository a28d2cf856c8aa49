// Package pqiot_test holds the rule of the house: who may import whom.
package pqiot_test

import (
	"os/exec"
	"strings"
	"testing"
)

// allowed says which of our own packages a package may import. The longest
// prefix that matches counts; cmd may import any. Tests may also import what
// makes material for them.
var allowed = map[string][]string{
	"wire":            {"wire"},
	"firmware/flash":  {"wire", "firmware/flash"},
	"analysis/packet": {"wire", "analysis/packet"},
	"decoder":         {"decoder", "wire"},
	"extcap":          {"extcap", "decoder", "wire"},
	"peer/session":    {"peer/session", "wire"},
	"peer":            {"peer", "wire"},
	"analysis":        {"analysis", "wire"},
	"analysis/unseal": {"analysis", "wire", "peer/session"},
	"firmware":        {"firmware", "decoder", "wire", "peer/session"},
	"firmware/lab":    {"firmware/lab", "decoder", "wire", "peer/session"},
	"firmware/test":   {"firmware", "decoder", "wire", "peer"},
	"dissector":       {"dissector", "wire"},
	"cmd":             {""},
}

// forTests is what every package's tests may import.
var forTests = []string{"wire/vectors", "firmware/lab/air", "firmware/lab/sample", "peer/badnet"}

func TestImports(t *testing.T) {
	check(t, `{{.ImportPath}} {{join .Imports ","}}`, nil)
	check(t, `{{.ImportPath}} {{join .TestImports ","}},{{join .XTestImports ","}}`, forTests)
}

func check(t *testing.T, format string, also []string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", format, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		pkg, ours := strings.CutPrefix(pkg, "pqiot/")
		if !ours {
			continue // the module's root holds this test only
		}
		may, ok := allowed[longestPrefix(pkg)]
		if !ok {
			t.Errorf("%s stands in no row of the import table: add one", pkg)
		}
		for imp := range strings.SplitSeq(imports, ",") {
			if imp, ours := strings.CutPrefix(imp, "pqiot/"); ours && !under(imp, may) && !under(imp, also) {
				t.Errorf("%s imports %s, and may import only %v", pkg, imp, may)
			}
		}
	}
}

func longestPrefix(pkg string) string {
	best := ""
	for p := range allowed {
		if under(pkg, []string{p}) && len(p) > len(best) {
			best = p
		}
	}
	return best
}

// under reports whether pkg is one of the folders or lies in one.
func under(pkg string, folders []string) bool {
	for _, f := range folders {
		if f == "" || pkg == f || strings.HasPrefix(pkg, f+"/") {
			return true
		}
	}
	return false
}
