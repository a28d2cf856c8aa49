package bl602

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestSources: each file of the core is in the list of some image, and each in
// a list is there. Who adds a file need not have the SDK to learn of it.
func TestSources(t *testing.T) {
	var listed []string
	text := read(t, port+"CMakeLists.txt")
	for _, m := range regexp.MustCompile(`(?s)set\(core_\w+ (.*?)\)`).FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Fields(m[1]) {
			if !strings.HasPrefix(name, "$") {
				listed = append(listed, "pq_"+name+".c")
			}
		}
	}
	paths, err := filepath.Glob("../../core/*.c")
	if err != nil || len(paths) == 0 || len(listed) == 0 {
		t.Fatalf("%d files, %d listed (%v)", len(paths), len(listed), err)
	}
	var there []string
	for _, path := range paths {
		there = append(there, filepath.Base(path))
		if !slices.Contains(listed, filepath.Base(path)) {
			t.Errorf("port/bl602/CMakeLists.txt has no image with core/%s", filepath.Base(path))
		}
	}
	for _, name := range listed {
		if !slices.Contains(there, name) {
			t.Errorf("port/bl602/CMakeLists.txt lists core/%s, which is not there", name)
		}
	}
}
