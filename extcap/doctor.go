package extcap

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// State is the outcome of a check.
type State string

// Outcomes of a check.
const (
	OK   State = "ok"
	Warn State = "warn" // works, or will as soon as something is done
	Fail State = "fail" // does not work
)

// A Check is one thing that doctor looked at.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	What  string `json:"what"`           // what was found
	Mend  string `json:"mend,omitempty"` // what to do about it
}

// A Doctor finds out why capturing does not work on this computer. It opens
// no port unless Talk is set.
type Doctor struct {
	Installer
	Ports    func() ([]Port, error)
	LookPath func(name string) (string, error)
	Run      func(ctx context.Context, name string, args ...string) ([]byte, error) // both outputs
	Sys      string                                                                 // /sys
	Proc     string                                                                 // /proc
	Writable func(path string) error                                                // whether this user may read and write it
	Runnable func(path string) error                                                // whether this user may run it
	Talk     func(ctx context.Context) Check                                        // asks a board who it is; nil: not wanted
}

// Examine makes every check, in the order of the way from Wireshark to the
// board.
func (d Doctor) Examine(ctx context.Context) []Check {
	checks := d.wireshark(ctx)
	checks = append(checks, d.companions()...)
	checks = append(checks, d.boards()...)
	if d.GOOS == "linux" {
		checks = append(checks, d.udev(), d.modemManager(), d.brltty())
	}
	if d.Talk != nil {
		checks = append(checks, d.Talk(ctx))
	}
	return checks
}

// Failed counts the checks that failed.
func Failed(checks []Check) (n int) {
	for _, c := range checks {
		if c.State == Fail {
			n++
		}
	}
	return n
}

// WriteChecks writes a line for each check, and one below for how to mend it.
func WriteChecks(w io.Writer, checks []Check) error {
	for _, c := range checks {
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", c.State, c.Name, c.What); err != nil {
			return err
		}
		if c.Mend != "" {
			if _, err := fmt.Fprintf(w, "      → %s\n", c.Mend); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteChecksJSON writes one object with every check.
func WriteChecksJSON(w io.Writer, checks []Check) error {
	return json.NewEncoder(w).Encode(struct {
		Version int     `json:"version"`
		Checks  []Check `json:"checks"`
		Failed  int     `json:"failed"`
	}{1, checks, Failed(checks)})
}
