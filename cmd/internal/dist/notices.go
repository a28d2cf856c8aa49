package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// linked prints what a package's module is: path, version, folder.
const linked = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"

// notices gathers the licences of all modules that are linked into the
// programs for any platform, and of Go itself. A module without one is an
// error.
func notices() ([]byte, error) {
	programs, err := commands()
	if err != nil {
		return nil, err
	}
	var modules []string
	for _, p := range platforms() {
		c := exec.Command("go", append([]string{"list", "-deps", "-f", linked}, programs...)...)
		c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.goos, "GOARCH="+p.goarch)
		c.Stderr = os.Stderr
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		modules = append(modules, strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })...)
	}
	slices.Sort(modules)
	var b bytes.Buffer
	b.WriteString("The programs of pqiot contain the following works, under these licences.\n")
	if err := notice(&b, "Go "+strings.TrimPrefix(runtime.Version(), "go"), goroot()); err != nil {
		return nil, err
	}
	for _, m := range slices.Compact(modules) {
		part := strings.Split(m, "\t")
		if err := notice(&b, part[0]+" "+part[1], part[2]); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func goroot() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// notice appends every licence file of a folder.
func notice(b *bytes.Buffer, name, dir string) error {
	found := false
	for _, pattern := range []string{"LICEN[SC]E*", "UNLICENSE", "COPYING*", "NOTICE*", "PATENTS", "LICENSES/*"} {
		list, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range list {
			if st, err := os.Stat(path); err == nil && st.IsDir() {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "\n==== %s: %s\n\n%s\n", name, filepath.Base(path), bytes.TrimSpace(text))
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s", name, dir)
	}
	return nil
}
