// Command gen writes sample.pcapng and sample.keylog. The session in them is
// vector A of wire/testdata/vectors/session-v1.json, so every byte is the same
// on every run; with -check nothing is written and a stale file is an error.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pqiot/firmware/lab/air"
)

func main() {
	check := flag.Bool("check", false, "change nothing; exit 1 if a file is stale")
	dir := flag.String("dir", ".", "folder of the two files")
	vectors := flag.String("vectors", "../../../wire/testdata/vectors/session-v1.json", "session vectors")
	flag.Parse()
	if err := run(*dir, *vectors, *check); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dir, vectors string, check bool) error {
	v, err := loadVector(vectors)
	if err != nil {
		return err
	}
	heard, err := script(v)
	if err != nil {
		return err
	}
	capture, err := air.Pcapng(heard, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		return err
	}
	if err := put(filepath.Join(dir, "sample.pcapng"), capture, check); err != nil {
		return err
	}
	return put(filepath.Join(dir, "sample.keylog"), v.keyLog(), check)
}

func put(path string, data []byte, check bool) error {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is stale: run make generate", path)
	}
	return os.WriteFile(path, data, 0o644)
}
