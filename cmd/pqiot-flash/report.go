package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

// report is the object that --json prints.
type report struct {
	Version int           `json:"version"`
	Command string        `json:"command"`
	OK      bool          `json:"ok"`
	DryRun  bool          `json:"dry_run,omitempty"`
	Error   string        `json:"error,omitempty"`
	Boards  []boardResult `json:"boards,omitempty"`
	Files   []inspected   `json:"files,omitempty"`
}

// boardResult is what became of one board.
type boardResult struct {
	Role     string  `json:"role,omitempty"`
	Port     string  `json:"port,omitempty"`
	OK       bool    `json:"ok"`
	Error    string  `json:"error,omitempty"`
	FirstBad string  `json:"first_difference,omitempty"` // flash address, 0x…
	Seconds  float64 `json:"seconds,omitempty"`

	MAC        string        `json:"mac,omitempty"`
	ROMVersion uint32        `json:"rom_version,omitempty"`
	Sign       uint8         `json:"sign,omitempty"`
	Encrypt    uint8         `json:"encrypt,omitempty"`
	FlashID    string        `json:"flash_id,omitempty"`
	FlashBytes uint32        `json:"flash_bytes,omitempty"`
	Files      []fileResult  `json:"files,omitempty"`
	Partitions []partition   `json:"partitions,omitempty"`
	Erased     []flash.Range `json:"erased,omitempty"`
	Written    int           `json:"written_bytes"`
	Unchanged  int           `json:"unchanged_bytes"`

	err error
}

// fileResult is one file on a board.
type fileResult struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Length   int    `json:"length"`
	SHA256   string `json:"sha256"`
	Verified bool   `json:"verified"`
}

// partition is one line of a board's partition table.
type partition struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Length  uint32 `json:"length"`
	text    string
}

// inspected is one file's report.
type inspected struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	image.Report
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func hexAddr(a uint32) string { return fmt.Sprintf("0x%06x", a) }

// fail notes why a board is not as it should be.
func (r *boardResult) fail(err error) {
	r.OK, r.err, r.Error = err == nil, err, ""
	if err == nil {
		return
	}
	r.Error = err.Error()
	var m *flash.MismatchError
	if errors.As(err, &m) {
		r.FirstBad = hexAddr(m.Addr)
	}
}

// describe fills in what a board says about itself.
func (r *boardResult) describe(b *flash.Board) {
	if info, ok := b.Boot(); ok {
		r.MAC, r.ROMVersion, r.Sign, r.Encrypt = macString(info.MAC), info.Version, info.Sign, info.Encrypt
	}
	r.FlashID, r.FlashBytes = fmt.Sprintf("%x", b.Flash().ID), b.Flash().Size()
}

func macString(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// name is the role and port, or the port.
func (r *boardResult) name() string {
	if r.Role == "" {
		return r.Port
	}
	return r.Role + " → " + r.Port
}

// printBoards writes the table of results.
func (a *app) printBoards() error {
	if a.opt.json {
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "BOARD\tRESULT\tFILES\tERASED\tWRITTEN\tUNCHANGED\tTIME")
	for _, r := range a.report.Boards {
		result := "verified"
		if !r.OK {
			result = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d sectors\t%d bytes\t%d bytes\t%.1f s\n", r.name(), result, len(r.Files), r.sectors(), r.Written, r.Unchanged, r.Seconds)
	}
	return w.Flush()
}

func (r *boardResult) sectors() (n uint32) {
	for _, e := range r.Erased {
		n += e.Length / flash.SectorSize
	}
	return n
}

// seconds since t, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
