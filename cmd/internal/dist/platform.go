package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// platform is what the programs are built for.
type platform struct {
	goos, goarch string
	deb, triplet string // Debian's names; empty: no package
}

// name is that in the archives' names.
func (p platform) name() string { return p.goos + "-" + p.goarch }

// platforms lists all of them. arm means ARMv6 with hard float, which is what
// every Raspberry Pi has; Debian's armhf would allow ARMv7.
func platforms() []platform {
	return []platform{
		{"linux", "amd64", "amd64", "x86_64-linux-gnu"},
		{"linux", "arm64", "arm64", "aarch64-linux-gnu"},
		{"linux", "arm", "armhf", "arm-linux-gnueabihf"},
		{"windows", "amd64", "", ""},
		{"darwin", "amd64", "", ""},
		{"darwin", "arm64", "", ""},
	}
}

// binary is a program that was built.
type binary struct {
	name string // in its folder, with .exe where that is needed
	path string
}

// build compiles every program of ours for p, static and without a path of this
// machine in it, and adds the simulated boards if they are for p.
func (r *release) build(p platform) ([]binary, error) {
	dir := filepath.Join(r.work, p.name())
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	programs, err := commands()
	if err != nil {
		return nil, err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=" + r.version, "-o", dir + string(filepath.Separator)}
	c := exec.Command("go", append(args, programs...)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.goos, "GOARCH="+p.goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOARM=6")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	bins, err := binaries(dir)
	if here := runtime.GOOS + "-" + runtime.GOARCH; err != nil || p.goos != "linux" || p.name() != here {
		return bins, err
	}
	boards, err := binaries(r.boards)
	return append(bins, boards...), err
}

// commands lists the packages of the programs.
func commands() ([]string, error) {
	list, err := filepath.Glob("cmd/pqiot-*")
	if err != nil || len(list) == 0 {
		return nil, fmt.Errorf("no commands in ./cmd: run this from the project's folder (%v)", err)
	}
	for i, c := range list {
		list[i] = "./" + filepath.ToSlash(c)
	}
	return list, nil
}

// binaries lists the programs in a folder; one that is not there has none.
func binaries(dir string) (all []binary, err error) {
	list, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	for _, e := range list {
		all = append(all, binary{e.Name(), filepath.Join(dir, e.Name())})
	}
	return all, err
}

// libcNeeded is the newest version of glibc that any of the programs asks for,
// such as 2.34; empty if all are static. A program that needs another library
// is an error: it would run on the system that it was built on, and on few more.
func libcNeeded(bins []binary) (string, error) {
	newest := ""
	for _, b := range bins {
		f, err := elf.Open(b.path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", b.path, err)
		}
		defer f.Close()
		libraries, err := f.ImportedLibraries()
		if err != nil || len(libraries) == 0 {
			continue // static
		}
		for _, l := range libraries {
			if l != "libc.so.6" && !strings.HasPrefix(l, "ld-linux") {
				return "", fmt.Errorf("%s needs %s: link it statically", b.path, l)
			}
		}
		symbols, err := f.ImportedSymbols()
		if err != nil {
			return "", fmt.Errorf("%s: %w", b.path, err)
		}
		for _, s := range symbols {
			if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && (newest == "" || slices.Compare(numbers(v), numbers(newest)) > 0) {
				newest = v
			}
		}
	}
	return newest, nil
}

// numbers splits a version at its dots.
func numbers(version string) (n []int) {
	for part := range strings.SplitSeq(version, ".") {
		i, _ := strconv.Atoi(part) // what is no number counts as 0
		n = append(n, i)
	}
	return n
}
