package extcap

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testPorts are two boards and another device.
func testPorts() []Port {
	return []Port{
		{Name: "ttyUSB1", Path: "/dev/ttyUSB1", ID: USBID{0x1a86, 0x7523}, USBPath: "1-2.1", Product: "USB Serial"},
		{Name: "ttyACM0", Path: "/dev/ttyACM0", ID: USBID{0x2341, 0x43}, USBPath: "3-1", Product: "Blue {gadget}"},
		{Name: "ttyUSB10", Path: "/dev/ttyUSB10", ID: USBID{0x1a86, 0x7523}, USBPath: "1-2.2"},
	}
}

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

func TestSentencesGolden(t *testing.T) {
	for _, c := range []struct{ file, args string }{
		{"config-pinecone-4.0.txt", "--extcap-config --extcap-interface pinecone --extcap-version=4.0"},
		{"config-pinecone-4.4.txt", "--extcap-config --extcap-interface pinecone --extcap-version=4.4"},
		{"config-tty.txt", "--extcap-config --extcap-interface pinecone-ttyUSB1"},
		{"config-sim.txt", "--extcap-config --extcap-interface pinecone-sim"},
	} {
		stdout, stderr, status := answer(t, strings.Fields(c.args)...)
		if status != 0 || stderr != "" {
			t.Errorf("%s: status %d, %s", c.args, status, stderr)
		}
		golden(t, c.file, stdout)
	}
}

func TestInterfacesAreListed(t *testing.T) {
	stdout, _, _ := answer(t, "--extcap-interfaces", "--extcap-version=4.0")
	want := `extcap {version=1.2.3}{display=PineCone 802.11 sniffer}
interface {value=pinecone}{display=PineCone 802.11 sniffer (serial port)}
interface {value=pinecone-ttyUSB1}{display=PineCone 802.11 sniffer on ttyUSB1 at USB 1-2.1 (CH340)}
interface {value=pinecone-ttyUSB10}{display=PineCone 802.11 sniffer on ttyUSB10 at USB 1-2.2 (CH340)}
interface {value=pinecone-sim}{display=PineCone 802.11 sniffer, simulated}
`
	if got, toolbar, _ := strings.Cut(stdout, "control {"); got != want || !strings.Contains(toolbar, "role=logger") {
		t.Errorf("interfaces:\n%s", stdout)
	}
}

// TestSentencesAreWellFormed reads every answer as Wireshark does.
func TestSentencesAreWellFormed(t *testing.T) {
	sentence := regexp.MustCompile(`^(extcap|interface|control|arg|value|dlt) (\{[a-z]+=[^{}]*\})+$`)
	for _, args := range []string{
		"--extcap-interfaces", "--extcap-dlts --extcap-interface pinecone",
		"--extcap-config --extcap-interface pinecone", "--extcap-config --extcap-interface pinecone --extcap-version=4.6",
		"--extcap-config --extcap-interface pinecone-ttyUSB1", "--extcap-config --extcap-interface pinecone-sim",
	} {
		stdout, _, _ := answer(t, strings.Fields(args)...)
		for line := range strings.Lines(stdout) {
			if !sentence.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Errorf("%s: %q", args, line)
			}
		}
	}
}

func TestClean(t *testing.T) {
	if got := clean("a}{b\nc\xff"); got != "a)(b c\uFFFD" {
		t.Errorf("%q", got)
	}
}

// TestOptions holds what the dialog and the parser have in common: each
// default and each listed value is one that the parser takes, and a list
// marks the default once.
func TestOptions(t *testing.T) {
	for _, o := range options() {
		var c Config
		if err := o.set(&c, o.def); err != nil {
			t.Errorf("--%s: default %q: %v", o.call, o.def, err)
		}
		marked := 0
		for _, v := range o.values {
			if err := o.set(&c, v.value); err != nil {
				t.Errorf("--%s: listed %q: %v", o.call, v.value, err)
			}
			if v.value == o.def {
				marked++
			}
		}
		if len(o.values) > 0 && marked != 1 {
			t.Errorf("--%s: the default stands %d times in the list", o.call, marked)
		}
		if o.validation == "" {
			continue
		}
		re := regexp.MustCompile(o.validation)
		for s, want := range map[string]bool{"": true, "1": true, "1,6,11": true, "1-13": true, "1, 6": true,
			"0": false, "15": false, "1,": false, "a": false, "1-": false} {
			if re.MatchString(s) != want || (o.set(&c, s) == nil) != want {
				t.Errorf("--%s %q: the dialog and the parser must both say %v", o.call, s, want)
			}
		}
	}
}

func TestChannelFrequencies(t *testing.T) {
	vs := channels()
	if len(vs) != 15 || vs[1].display != "1 (2412 MHz)" || vs[13].display != "13 (2472 MHz)" || vs[14].display != "14 (2484 MHz)" {
		t.Errorf("%v", vs)
	}
}
