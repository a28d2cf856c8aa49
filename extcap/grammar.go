package extcap

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// sentence writes one sentence of the extcap grammar: a word, then name and
// value in braces. Pairs without a value are left out.
func sentence(word string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(word + " ")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString("{" + pairs[i] + "=" + clean(pairs[i+1]) + "}")
		}
	}
	return b.String() + "\n"
}

// clean makes s fit into braces: Wireshark ends a value at a brace, reads
// UTF-8 only, and line by line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '{':
			return '('
		case r == '}':
			return ')'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// writeInterfaces answers --extcap-interfaces: the interfaces and the
// controls of their toolbar.
func writeInterfaces(w io.Writer, build string, ports []Port, v Version) error {
	var b strings.Builder
	b.WriteString(sentence("extcap", "version", build, "display", "PineCone 802.11 sniffer"))
	b.WriteString(sentence("interface", "value", ifacePrefix, "display", "PineCone 802.11 sniffer (serial port)"))
	for _, p := range ports {
		if p.Board() {
			b.WriteString(sentence("interface", "value", ifacePrefix+"-"+p.Name,
				"display", "PineCone 802.11 sniffer on "+p.describe()))
		}
	}
	b.WriteString(sentence("interface", "value", ifaceSimName, "display", "PineCone 802.11 sniffer, simulated"))
	for _, s := range ToolbarSentences(v) {
		b.WriteString(strings.TrimRight(s, "\n") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeDLTs answers --extcap-dlts with exactly one link type: the one chosen
// among several would never reach the capture.
func writeDLTs(w io.Writer) error {
	_, err := io.WriteString(w, sentence("dlt", "number", "127", "name", "IEEE802_11_RADIO",
		"display", "802.11 plus radiotap header"))
	return err
}

// writeConfig answers --extcap-config: the arguments of an interface. The
// grammar is that of Wireshark v.
func writeConfig(w io.Writer, kind ifaceKind, ports []Port, v Version) error {
	var b strings.Builder
	n := 0
	for _, o := range options() {
		if o.of(kind) {
			b.WriteString(o.sentences(n, ports, v))
			n++
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeReload answers --extcap-reload-option: the values of one argument
// anew. One that has none to renew gets no answer, as Wireshark expects.
func writeReload(w io.Writer, kind ifaceKind, name string, ports []Port) error {
	n := 0
	for _, o := range options() {
		if !o.of(kind) {
			continue
		}
		if o.call == name && o.reload {
			_, err := io.WriteString(w, o.valueSentences(n, ports))
			return err
		}
		n++
	}
	return nil
}

// sentences declares an argument as number n, with its values.
func (o option) sentences(n int, ports []Port, v Version) string {
	kind := o.kindFor(v)
	def := o.def
	if kind == "selector" {
		def = "" // its default is marked at the value
	}
	s := sentence("arg", "number", strconv.Itoa(n), "call", "--"+o.call, "display", o.display,
		"tooltip", o.tooltip, "type", kind, "range", o.bounds(), "default", def,
		"placeholder", o.placeholder, "validation", o.validation, "fileext", o.files,
		"mustexist", o.mustExistFor(kind), "reload", trueOrNone(o.reload), "group", o.group)
	if kind == "selector" || kind == "editselector" {
		s += o.valueSentences(n, ports)
	}
	return s
}

// kindFor is the argument's type in the grammar of Wireshark v: lists that
// can be typed into came with 4.4.
func (o option) kindFor(v Version) string {
	if v.AtLeast(4, 4) && (o.call == "port" || o.call == "hop") {
		return "editselector"
	}
	return o.kind
}

func (o option) bounds() string {
	if o.hi == 0 {
		return ""
	}
	return fmt.Sprintf("%d,%d", o.lo, o.hi)
}

func (o option) mustExistFor(kind string) string {
	if kind != "fileselect" {
		return ""
	}
	return strconv.FormatBool(o.mustExist)
}

func trueOrNone(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func (o option) valueSentences(n int, ports []Port) string {
	values := o.values
	if o.call == "port" {
		values = portValues(ports)
	}
	var b strings.Builder
	for _, v := range values {
		mark := ""
		if v.value == o.def {
			mark = "{default=true}"
		}
		fmt.Fprintf(&b, "value {arg=%d}{value=%s}{display=%s}%s\n", n, clean(v.value), clean(v.display), mark)
	}
	return b.String()
}

// portValues lists boards first, then every other USB serial port: a board
// may sit behind another bridge.
func portValues(ports []Port) []value {
	vs := []value{{DefaultPort, "the only board plugged in"}}
	for _, board := range []bool{true, false} {
		for _, p := range ports {
			if p.Board() == board {
				vs = append(vs, value{p.Path, p.describe()})
			}
		}
	}
	return vs
}
