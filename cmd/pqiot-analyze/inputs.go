package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pqiot/analysis"
)

// find gives the captures that the arguments name. total is their size in bytes,
// 0 where one is a stream.
func find(args []string, stdin io.Reader) (inputs []analysis.Input, total int64, err error) {
	f := finder{stdin: stdin, sized: true}
	for _, name := range args {
		if err := f.add(name); err != nil {
			return nil, 0, err
		}
	}
	if !f.sized {
		f.total = 0
	}
	return f.inputs, f.total, nil
}

type finder struct {
	stdin  io.Reader
	inputs []analysis.Input
	total  int64
	sized  bool
}

func (f *finder) add(name string) error {
	if name == "-" {
		f.inputs = append(f.inputs, analysis.Input{Name: "-", R: f.stdin})
		f.sized = false
		return nil
	}
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return err
	case st.IsDir():
		return f.folder(name)
	case st.Mode().IsRegular():
		return f.file(name, st.Size())
	}
	file, err := os.Open(name) // a FIFO: it stays open until the end
	if err != nil {
		return err
	}
	f.inputs = append(f.inputs, analysis.Input{Name: name, R: file})
	f.sized = false
	return nil
}

func (f *finder) file(name string, size int64) error {
	open := func() (io.ReadCloser, error) { return os.Open(name) }
	file, err := open()
	if err != nil {
		return err
	}
	f.inputs = append(f.inputs, analysis.Input{Name: name, Open: open})
	f.total += size
	return file.Close()
}

// folder takes every capture in the folder and those below, in the order of
// their names.
func (f *finder) folder(name string) error {
	before := len(f.inputs)
	err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !isCapture(path) {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return f.file(path, st.Size())
	})
	if err == nil && len(f.inputs) == before {
		err = fmt.Errorf("%s: no capture in this folder (.pcap, .pcapng, .cap, each also .gz)", name)
	}
	return err
}

func isCapture(path string) bool {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz")) {
	case ".pcap", ".pcapng", ".cap":
		return true
	}
	return false
}
