// Command genvectors turns test vectors (JSON, on stdin) into the initialisers
// of a C array, for the unit tests of the core: genvectors serial, genvectors
// session.
package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "genvectors:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 1 && args[0] == "serial" {
		return serial(in, out)
	}
	if len(args) == 1 && args[0] == "session" {
		return session(in, out)
	}
	return errors.New("say serial or session")
}

type record struct {
	Name   string
	Record string
	Type   uint8
	Seq    uint16
	Time   uint64
	Body   string
}

func serial(in io.Reader, out io.Writer) error {
	var all []record
	if err := json.NewDecoder(in).Decode(&all); err != nil {
		return err
	}
	for _, v := range all {
		bytes, err := cBytes(v.Record)
		if err != nil {
			return fmt.Errorf("%s: record: %w", v.Name, err)
		}
		body, err := cBytes(v.Body)
		if err != nil {
			return fmt.Errorf("%s: body: %w", v.Name, err)
		}
		if _, err := fmt.Fprintf(out, "{%q, %s, %d, %d, %d, %d, %s, %d},\n",
			v.Name, bytes, len(v.Record)/2, v.Type, v.Seq, v.Time, body, len(v.Body)/2); err != nil {
			return err
		}
	}
	return nil
}

// session writes each vector with its fields by their names in the file, all of
// them byte strings but for id and kid, which are text.
func session(in io.Reader, out io.Writer) error {
	var all []map[string]string
	if err := json.NewDecoder(in).Decode(&all); err != nil {
		return err
	}
	fields := []string{"seed_dz", "m", "psk", "echo", "plaintext", "response_plaintext", "ek", "ct", "ss", "sid", "th", "prk",
		"ms", "salt", "kc", "kg", "iv", "N0", "aad0", "rec0", "aadr", "resp0", "rec1", "oscore_ms", "oscore_salt"}
	for _, v := range all {
		if v["suite"] != "ML-KEM-512" {
			return fmt.Errorf("vector %s: the C test knows ML-KEM-512 only, not %s", v["id"], v["suite"])
		}
		fmt.Fprintf(out, "{.id = %q, .kid = %q", v["id"], v["kid"])
		for _, f := range fields {
			bytes, err := cBytes(v[f])
			if err != nil || v[f] == "" {
				return fmt.Errorf("vector %s: %s: %q: %w", v["id"], f, v[f], err)
			}
			fmt.Fprintf(out, ",\n .%s = {%s, %d}", f, bytes, len(v[f])/2)
		}
		if _, err := fmt.Fprintln(out, "},"); err != nil {
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
