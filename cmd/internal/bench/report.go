package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// report is bench.json; the package comment says what its fields mean.
type report struct {
	Version      int           `json:"version"`
	Date         string        `json:"date"`
	Commit       string        `json:"commit"`
	Machine      host          `json:"machine"`
	Measurements []measurement `json:"measurements"`
}

type host struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryMB int64  `json:"memory_mb"`
	OS       string `json:"os"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Load     string `json:"load"` // of the last 1, 5 and 15 minutes
}

type measurement struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Samples int     `json:"samples"`
	Low     float64 `json:"low,omitempty"`
	High    float64 `json:"high,omitempty"`
	Goal    *goal   `json:"goal,omitempty"`
	Peers   []peer  `json:"peers,omitempty"`
}

type goal struct {
	At    string  `json:"at"` // most or least
	Value float64 `json:"value"`
	Met   bool    `json:"met"`
}

func (g goal) holds(v float64) bool {
	if g.At == "most" {
		return v <= g.Value
	}
	return v >= g.Value
}

type peer struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Ratio float64 `json:"ratio"` // above 1: we are better
	Goal  *goal   `json:"goal,omitempty"`
}

// write replaces the file in one step. A line holds a measurement, so that a
// diff of two files can be read.
func (r report) write(path string) error {
	var b bytes.Buffer
	lines := make([][]byte, len(r.Measurements))
	for i, m := range r.Measurements {
		line, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		lines[i] = append([]byte("\n"), line...)
	}
	machine, err := json.Marshal(r.Machine)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "{\"version\":%d,\"date\":%q,\"commit\":%q,\n\"machine\":%s,\n\"measurements\":[%s\n]}\n",
		r.Version, r.Date, r.Commit, machine, bytes.Join(lines, []byte(",")))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", b.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// before reads the figures to compare with; nil if there are none yet.
func (o options) before() (*report, error) {
	b, err := os.ReadFile(o.against)
	if o.against == "" {
		b, err = exec.Command("git", "show", "HEAD:"+committed).Output()
		if err != nil {
			return nil, nil // not committed yet, or no repository
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("-against: %w", err)
	} else if err != nil {
		return nil, err
	}
	return parseReport(b)
}

func parseReport(b []byte) (*report, error) {
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("the figures to compare with: %w", err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("the figures to compare with have version %d, 1 is known", r.Version)
	}
	return &r, nil
}

func describe() string {
	out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// machine says what the figures hold for. What a system does not tell stays
// empty.
func machine() host {
	m := host{Cores: runtime.NumCPU(), OS: runtime.GOOS, Go: runtime.Version()}
	m.CPU = valueOf("/proc/cpuinfo", "model name\t:")
	if name := strings.Trim(valueOf("/etc/os-release", "PRETTY_NAME="), `"`); name != "" {
		m.OS = name
	}
	if kb, err := strconv.ParseInt(strings.TrimSuffix(valueOf("/proc/meminfo", "MemTotal:"), " kB"), 10, 64); err == nil {
		m.MemoryMB = kb / 1024
	}
	m.Kernel = strings.TrimSpace(valueOf("/proc/sys/kernel/osrelease", ""))
	if f := strings.Fields(valueOf("/proc/loadavg", "")); len(f) >= 3 {
		m.Load = strings.Join(f[:3], " ")
	}
	return m
}

// valueOf is the rest of the first line of a file that begins with key.
func valueOf(path, key string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return ""
}
