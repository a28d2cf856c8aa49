package main

import (
	"errors"
	"fmt"
	"os"

	"pqiot/analysis/report"
)

// htmlFile is the page that --html writes. It takes its name only when it is
// whole: until then it lies beside, under a name of its own.
type htmlFile struct {
	name string
	f    *os.File
}

// newHTMLFile makes the file, so that a place that cannot be written is known
// before the work. nil where no page is asked for.
func newHTMLFile(name string, inputs []string) (*htmlFile, error) {
	if name == "" {
		return nil, nil
	}
	if old, err := os.Stat(name); err == nil {
		if !old.Mode().IsRegular() {
			return nil, fmt.Errorf("--html %s: it is not a regular file", name)
		}
		for _, in := range inputs {
			if st, err := os.Stat(in); err == nil && os.SameFile(old, st) {
				return nil, fmt.Errorf("--html %s: it is the capture to be read", name)
			}
		}
	}
	f, err := os.OpenFile(fmt.Sprintf("%s.%d.part", name, os.Getpid()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, fmt.Errorf("--html: %w", err)
	}
	return &htmlFile{name, f}, nil
}

// write puts the report in its place.
func (h *htmlFile) write(r *report.Report) error {
	if h == nil {
		return nil
	}
	err := errors.Join(report.WriteHTML(h.f, r), h.f.Close())
	if err == nil {
		err = os.Rename(h.f.Name(), h.name)
	}
	if err != nil {
		return fmt.Errorf("--html %s: %w", h.name, err)
	}
	h.f = nil
	return nil
}

// drop removes what was not finished.
func (h *htmlFile) drop() {
	if h != nil && h.f != nil {
		_ = h.f.Close() // nobody will read it
		_ = os.Remove(h.f.Name())
	}
}
