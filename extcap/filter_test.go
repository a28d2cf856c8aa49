package extcap

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pqiot/wire"
)

const (
	macA = "0a:00:00:00:00:01"
	macB = "0a:00:00:00:00:02"
)

func mac(t testing.TB, s string) wire.MAC {
	t.Helper()
	m, ok := parseMAC(s)
	if !ok {
		t.Fatalf("bad address %q in the test", s)
	}
	return m
}

func TestParseFilter(t *testing.T) {
	a, b := mac(t, macA), mac(t, macB)
	const all = wire.FilterAll
	tests := []struct {
		text string
		want wire.Filter
	}{
		{"", wire.Filter{Types: all}},
		{"  \t ", wire.Filter{Types: all}},
		{"type mgt", wire.Filter{Types: wire.FilterMgt}},
		{"type ctl", wire.Filter{Types: wire.FilterCtl}},
		{"TYPE Data", wire.Filter{Types: wire.FilterData}},
		{"not type ctl", wire.Filter{Types: wire.FilterMgt | wire.FilterData}},
		{"not beacon", wire.Filter{Types: all, Flags: wire.FilterNoBeacons}},
		{"!beacon", wire.Filter{Types: all, Flags: wire.FilterNoBeacons}},
		{"not not beacon or not beacon", wire.Filter{Types: all}},
		{"type mgt and not beacon", wire.Filter{Types: wire.FilterMgt, Flags: wire.FilterNoBeacons}},
		{"type data and not beacon", wire.Filter{Types: wire.FilterData}},
		{"not (beacon or type data)", wire.Filter{Types: wire.FilterMgt | wire.FilterCtl, Flags: wire.FilterNoBeacons}},
		{"addr " + macA, wire.Filter{Types: all, Addrs: []wire.MAC{a}}},
		{"addr 0A-00-00-00-00-01", wire.Filter{Types: all, Addrs: []wire.MAC{a}}},
		{"addr " + macA + " || addr " + macB, wire.Filter{Types: all, Addrs: []wire.MAC{a, b}}},
		{"addr " + macA + " or addr " + macA, wire.Filter{Types: all, Addrs: []wire.MAC{a}}},
		{"(type mgt or type data)&&(addr " + macB + " or addr " + macA + ")&&!beacon",
			wire.Filter{Types: wire.FilterMgt | wire.FilterData, Flags: wire.FilterNoBeacons, Addrs: []wire.MAC{b, a}}},
		// the same condition in other words
		{"type mgt and addr " + macA + " or type data and addr " + macA,
			wire.Filter{Types: wire.FilterMgt | wire.FilterData, Addrs: []wire.MAC{a}}},
		{"addr " + macA + " and addr " + macB + " or addr " + macA, wire.Filter{Types: all, Addrs: []wire.MAC{a}}},
		{"not (not addr " + macA + ")", wire.Filter{Types: all, Addrs: []wire.MAC{a}}},
	}
	for _, test := range tests {
		got, err := ParseFilter(test.text)
		if err != nil {
			t.Errorf("ParseFilter(%q): %v", test.text, err)
		} else if !reflect.DeepEqual(got, test.want) {
			t.Errorf("ParseFilter(%q) = %+v, want %+v", test.text, got, test.want)
		}
	}
}

func TestParseFilterErrors(t *testing.T) {
	nine := "addr 0a:00:00:00:00:00"
	for _, d := range "12345678" {
		nine += " or addr 0a:00:00:00:00:0" + string(d)
	}
	tests := []struct{ text, want string }{
		{"tcp port 80", `"tcp" at position 1: not a word`},
		{"type", `the end at position 5: expected mgt, ctl or data`},
		{"type beacon", `"beacon" at position 6: expected mgt`},
		{"addr", "the end at position 5: expected an address"},
		{"addr 0a:00:00:00:00", `"0a:00:00:00:00" at position 6: expected an address`},
		{"addr 0a:00:00-00:00:01", "at position 6: expected an address"},
		{"addr 0a:00:00:00:00:0x", "at position 6: expected an address"},
		{"type mgt type data", `"type" at position 10: expected and, or, or the end`},
		{"type mgt and", "the end at position 13: a condition is missing"},
		{"(type mgt", "the end at position 10: expected )"},
		{"type mgt)", `")" at position 9: expected and`},
		{"()", `")" at position 2`},
		{"type mgt & type data", `"&" at position 10`},
		{"type mgt and type data", `"and" at position 10: no frame can match`},
		{"beacon", `"beacon" at position 1: the board can leave beacons out`},
		{"type data or beacon", `"beacon" at position 14: the board can leave beacons out`},
		{"type mgt and not addr " + macA, `"not" at position 14: the board cannot leave out by address`},
		{"addr " + macA + " and addr " + macB, `"and" at position 24: the board cannot ask for two addresses`},
		{"type mgt or addr " + macA, `"or" at position 10: the board cannot join`},
		{"type mgt and addr " + macA + " or type data", `"or" at position 37`},
		{nine, "one address too many, the board holds 8"},
		{strings.Repeat("(", 80) + "beacon", "nested deeper than 64"},
		{strings.Repeat("not ", 1000) + "beacon", "nested deeper than 64"},
		{strings.Repeat(" ", 5000), "5000 characters long"},
	}
	for _, test := range tests {
		f, err := ParseFilter(test.text)
		if err == nil {
			t.Errorf("ParseFilter(%.60q) = %+v, want an error", test.text, f)
			continue
		}
		if !errors.Is(err, ErrFilter) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ParseFilter(%.60q): %v, want %q in it", test.text, err, test.want)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseFilter(%.60q): a message of more than one line: Wireshark shows the first", test.text)
		}
	}
}

func TestFormatFilter(t *testing.T) {
	for _, text := range []string{
		"", "type mgt", "not beacon", "type mgt or type ctl", "addr " + macA, "addr " + macA + " or addr " + macB,
		"(type mgt or type data) and (addr " + macB + " or addr " + macA + ") and not beacon",
	} {
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := FormatFilter(f); got != text {
			t.Errorf("FormatFilter(ParseFilter(%q)) = %q", text, got)
		}
	}
	if got := FormatFilter(wire.Filter{}); got != "none" {
		t.Errorf("the filter that lets nothing pass is %q, want none", got)
	}
}

// FuzzParseFilter holds that what is accepted says the same when written and
// read again, and that what is refused is named.
func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{
		"", "type mgt", "not (beacon or type data)", "addr " + macA + " or addr " + macB,
		"(type mgt||type ctl)&&!beacon", "addr 0A-00-00-00-00-01", "type mgt and not addr " + macA, "((",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFilter(text)
		if err != nil {
			if !errors.Is(err, ErrFilter) {
				t.Fatalf("%q: %v is no ErrFilter", text, err)
			}
			return
		}
		again, err := ParseFilter(FormatFilter(got))
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q = %+v, written %q, read again %+v, %v", text, got, FormatFilter(got), again, err)
		}
	})
}

func BenchmarkParseFilter(b *testing.B) {
	const text = "(type mgt or type data) and (addr " + macA + " or addr " + macB + ") and not beacon"
	for b.Loop() {
		if _, err := ParseFilter(text); err != nil {
			b.Fatal(err)
		}
	}
}
