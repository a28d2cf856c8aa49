// Package peercli is what the two peers' commands share: exit status, output
// for people and for programs, and the key log.
package peercli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Exit status of every command.
const (
	ExitDone  = 0 // done, and nothing wrong found
	ExitNo    = 1 // done, and the answer is "no"
	ExitUsage = 2 // usage, or unusable input
)

// no is an error that means "no" and not "cannot".
type no struct{ error }

func (n no) Unwrap() error { return n.error }

// No marks an error as one for ExitNo; all others are for ExitUsage.
func No(err error) error { return no{err} }

// Run runs a command and returns its exit status. An error is one line on
// stderr, with the command's name before it.
func Run(cmd *cobra.Command, version string) int {
	cmd.Version = version
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	cmd.CompletionOptions.HiddenDefaultCmd = true
	err := cmd.Execute()
	var isNo no
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &isNo):
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", cmd.Name(), err)
		return ExitNo
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", cmd.Name(), err)
	return ExitUsage
}

// Printer writes what happens: lines for people, or one JSON object a line.
type Printer struct {
	Out, Err io.Writer
	Name     string // of the program, before each line on Err
	JSON     bool
}

// Fields are an event's members, in JSON's names.
type Fields map[string]any

// Event writes an event to Out in JSON; for people, result goes to Out, or, if
// it is empty, note to Err. A failed write to Out comes back: output that got
// lost must not look like success.
func (p *Printer) Event(now time.Time, event string, f Fields, result, note string) error {
	if p.JSON {
		f["event"], f["time"] = event, now.Format(time.RFC3339Nano)
		line, err := json.Marshal(f)
		if err == nil {
			_, err = p.Out.Write(append(line, '\n'))
		}
		return err
	}
	if result == "" {
		p.Note(note)
		return nil
	}
	_, err := fmt.Fprintf(p.Out, "%s %s\n", now.Format(time.RFC3339), result)
	return err
}

// Note writes a line to Err.
func (p *Printer) Note(text string) { fmt.Fprintf(p.Err, "%s: %s\n", p.Name, text) }

// Text adds a message's text to an event, and its bytes in hex where they are
// not UTF-8.
func (f Fields) Text(name string, data []byte) {
	f[name] = string(data)
	if !utf8.Valid(data) {
		f[name+"_hex"] = fmt.Sprintf("%x", data)
	}
}

// Quote shows a message on a terminal: whatever could move the cursor is
// escaped.
func Quote(data []byte) string { return strconv.Quote(string(data)) }

// OpenKeyLog opens the key log for appending, mode 0600, and warns. An empty
// path gives nil.
func OpenKeyLog(p *Printer, path string) (*os.File, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key log: %w", err)
	}
	p.Note("warning: the keys of every session go to " + path + "; whoever reads it reads the messages")
	return f, nil
}
