// Command genvectors turns the serial test vectors (JSON, on stdin) into the
// initialisers of a C array, for the unit tests of the core.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type vector struct {
	Name   string
	Record string
	Type   uint8
	Seq    uint16
	Time   uint64
	Body   string
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "genvectors:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var all []vector
	if err := json.NewDecoder(in).Decode(&all); err != nil {
		return err
	}
	for _, v := range all {
		record, err := cBytes(v.Record)
		if err != nil {
			return fmt.Errorf("%s: record: %w", v.Name, err)
		}
		body, err := cBytes(v.Body)
		if err != nil {
			return fmt.Errorf("%s: body: %w", v.Name, err)
		}
		if _, err := fmt.Fprintf(out, "{%q, %s, %d, %d, %d, %d, %s, %d},\n",
			v.Name, record, len(v.Record)/2, v.Type, v.Seq, v.Time, body, len(v.Body)/2); err != nil {
			return err
		}
	}
	return nil
}

// cBytes writes hex as a C compound literal; an empty one has one byte that
// its length leaves out.
func cBytes(s string) (string, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", err
	}
	var w strings.Builder
	w.WriteString("(const uint8_t[]){")
	if len(b) == 0 {
		w.WriteString("0")
	}
	for i, x := range b {
		if i > 0 {
			w.WriteString(", ")
		}
		fmt.Fprintf(&w, "0x%02x", x)
	}
	w.WriteString("}")
	return w.String(), nil
}
