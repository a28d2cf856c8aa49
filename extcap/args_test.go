package extcap

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// defaults is what a capture without any argument is asked to do.
func defaults() Config {
	return Config{
		Interface: "pinecone", Port: "auto", Baud: 2_000_000, Channel: 6, Dwell: 250 * time.Millisecond,
		LogLevel: 2, FIFO: "/f", Application: "pqiot-extcap 1.0",
	}
}

func TestParseArgsCapture(t *testing.T) {
	with := func(edit func(*Config)) Config { c := defaults(); edit(&c); return c }
	const head = "--capture --extcap-interface pinecone --fifo /f"
	for _, c := range []struct {
		name, args string
		want       Config
	}{
		{"nothing given", head, defaults()},
		{"equals signs", "--capture --extcap-interface=pinecone --fifo=/f --channel=11",
			with(func(c *Config) { c.Channel = 11 })},
		{"everything", head + " --port /dev/ttyUSB3 --baud 115200 --channel 0 --hop 1,6,11 --dwell 100 --snaplen 64 " +
			"--record /r --replay /p --log-level debug --log-file /l --extcap-control-in /i --extcap-control-out /o --extcap-version=4.4",
			with(func(c *Config) {
				c.Port, c.Baud, c.Channel, c.Hop = "/dev/ttyUSB3", 115200, 0, []uint8{1, 6, 11}
				c.Dwell, c.SnapLen, c.Record, c.Replay = 100*time.Millisecond, 64, "/r", "/p"
				c.LogLevel, c.LogFile, c.ControlIn, c.ControlOut = 3, "/l", "/i", "/o"
				c.WiresharkVersion = Version{4, 4}
			})},
		{"unknown options", head + " --invented --channel 3 --from-2031 x --y=z", with(func(c *Config) { c.Channel = 3 })},
		{"empty values are absent ones", head + " --hop= --channel= --port=", defaults()},
		{"flag alone", head + " --no-beacons --channel 1", with(func(c *Config) { c.NoBeacons, c.Channel = true, 1 })},
		{"flag true", head + " --no-beacons true --channel 1", with(func(c *Config) { c.NoBeacons, c.Channel = true, 1 })},
		{"flag=true", head + " --no-beacons=true", with(func(c *Config) { c.NoBeacons = true })},
		{"flag false", head + " --no-beacons false --channel 1", with(func(c *Config) { c.Channel = 1 })},
		{"flag at the end", head + " --no-beacons", with(func(c *Config) { c.NoBeacons = true })},
		{"a value that looks like an option", head + " --record --odd-name", with(func(c *Config) { c.Record = "--odd-name" })},
		{"a value with an equals sign", head + " --record=a=b", with(func(c *Config) { c.Record = "a=b" })},
		{"the last counts", head + " --channel 1 --channel 2", with(func(c *Config) { c.Channel = 2 })},
		{"hop range", head + " --hop 1-3,11", with(func(c *Config) { c.Hop = []uint8{1, 2, 3, 11} })},
		{"filter", head + " --filter type~mgt", with(func(c *Config) { c.Filter = "type mgt" })},
		{"a board's own interface", "--capture --extcap-interface pinecone-ttyUSB1 --fifo /f --port /dev/other",
			with(func(c *Config) { c.Interface, c.Port = "pinecone-ttyUSB1", "/dev/ttyUSB1" })},
		{"the simulated board takes no port", "--capture --extcap-interface pinecone-sim --fifo /f --baud 9600 --replay x",
			with(func(c *Config) { c.Interface = "pinecone-sim" })},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "~", " ")
		}
		got, err := ParseArgs(args)
		if err != nil || got.Verb != VerbCapture || !reflect.DeepEqual(got.Config, c.want) {
			t.Errorf("%s: %+v\nwant %+v\nerr %v", c.name, got.Config, c.want, err)
		}
	}
}

func TestCaptureFilterJoinsTheBoardFilter(t *testing.T) {
	c, err := ParseArgs([]string{"--capture", "--extcap-interface", "pinecone", "--fifo", "/f",
		"--extcap-capture-filter", "not beacon", "--filter", "type mgt"})
	if err != nil || c.Config.Filter != "(type mgt) and (not beacon)" {
		t.Errorf("filter %q, %v", c.Config.Filter, err)
	}
	c, err = ParseArgs([]string{"--capture", "--extcap-interface", "pinecone", "--fifo", "/f",
		"--extcap-capture-filter", "not beacon"})
	if err != nil || c.Config.Filter != "not beacon" {
		t.Errorf("filter %q, %v", c.Config.Filter, err)
	}
}

func TestParseArgsErrors(t *testing.T) {
	const head = "--capture --extcap-interface pinecone --fifo /f "
	for _, c := range []struct{ args, want string }{
		{head + "--hop 1,6,15", "--hop 1,6,15: channel 15 is not 1–14"},
		{head + "--hop 1,,6", "--hop 1,,6: channel  is not 1–14"},
		{head + "--hop 9-3", "--hop 9-3: range 9-3 runs backwards"},
		{head + "--hop 1-14,1", "--hop 1-14,1: more than 14 channels"},
		{head + "--channel 15", "--channel 15: not 1–14, nor 0 for the board's own"},
		{head + "--channel six", "--channel six: not 1–14, nor 0 for the board's own"},
		{head + "--dwell 5", "--dwell 5: not 10–65535 ms"},
		{head + "--dwell 99999999999999999999", "--dwell 99999999999999999999: not 10–65535 ms"},
		{head + "--dwell soon", "--dwell soon: not a whole number of ms"},
		{head + "--snaplen -1", "--snaplen -1: not 0–65535 bytes"},
		{head + "--baud 3", "--baud 3: not 1200–12000000 bit/s"},
		{head + "--no-beacons=perhaps", `--no-beacons perhaps: "perhaps" is neither true nor false`},
		{head + "--log-level 4", "--log-level 4: not 0 error, 1 warning, 2 info or 3 debug"},
		{head + "--record /x --replay /x", "--record /x: would overwrite what --replay reads"},
		{head + "--channel", "--channel: a value must follow"},
		{"--capture --extcap-interface wlan0 --fifo /f", "--extcap-interface wlan0: no such interface; --extcap-interfaces lists them"},
		{"--capture --extcap-interface pinecone-../x --fifo /f", "--extcap-interface pinecone-../x: no such interface; --extcap-interfaces lists them"},
		{"--capture --fifo /f", "--extcap-interface must name an interface; --extcap-interfaces lists them"},
		{"--capture --extcap-interface pinecone", "--fifo: where the capture goes must be given, a named pipe or a file"},
		{head + "--channel 15 --dwell 5", "--channel 15: not 1–14, nor 0 for the board's own\n--dwell 5: not 10–65535 ms"},
	} {
		got, err := ParseArgs(strings.Fields(c.args))
		if !errors.Is(err, ErrUsage) || err.Error() != c.want {
			t.Errorf("%s\n  gave %v\n  want %s", c.args, err, c.want)
		}
		if got.Config.Channel != 6 || got.Config.Dwell != DefaultDwell {
			t.Errorf("%s: bad values were not replaced by defaults: %+v", c.args, got.Config)
		}
	}
}

func TestVerbs(t *testing.T) {
	for _, c := range []struct {
		args string
		want Call
	}{
		{"--extcap-interfaces --extcap-version=4.0", Call{Verb: VerbInterfaces, Version: Version{4, 0}}},
		{"--extcap-interfaces --extcap-version 4.4.2", Call{Verb: VerbInterfaces, Version: Version{4, 4}}},
		{"--extcap-interfaces --extcap-version=odd", Call{Verb: VerbInterfaces}},
		{"--extcap-dlts --extcap-interface pinecone", Call{Verb: VerbDLTs, Interface: "pinecone"}},
		{"--extcap-config --extcap-interface pinecone", Call{Verb: VerbConfig, Interface: "pinecone"}},
		{"--extcap-config --extcap-interface pinecone --extcap-reload-option --port --baud 9600",
			Call{Verb: VerbReload, Interface: "pinecone", Option: "port"}},
		{"--extcap-config --extcap-interface pinecone --extcap-reload-option port",
			Call{Verb: VerbReload, Interface: "pinecone", Option: "port"}},
		{"--extcap-capture-filter beacon --extcap-interface pinecone",
			Call{Verb: VerbVerifyFilter, Interface: "pinecone", Filter: "beacon"}},
		{"--extcap-cleanup-postkill --extcap-interface pinecone", Call{Verb: VerbCleanup, Interface: "pinecone"}},
		{"", Call{}},
	} {
		got, err := ParseArgs(strings.Fields(c.args))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", c.args, got, err)
		}
	}
}

// program answers calls in a test, and gives what it wrote.
func answer(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	p := Program{
		Build: "1.2.3", Stdout: &out, Stderr: &err, Caller: func() Version { return Version{} },
		Ports: func() ([]Port, error) { return testPorts(), nil },
	}
	status = p.Run(context.Background(), args)
	return out.String(), err.String(), status
}

func TestAnswersWithoutCapture(t *testing.T) {
	for _, c := range []struct {
		args           string
		stdout, stderr string
		status         int
	}{
		{"--extcap-dlts --extcap-interface pinecone",
			"dlt {number=127}{name=IEEE802_11_RADIO}{display=802.11 plus radiotap header}\n", "", 0},
		{"--extcap-dlts --extcap-interface eth0", "",
			"pqiot-extcap: --extcap-interface eth0: no such interface; --extcap-interfaces lists them\n", 2},
		{"--extcap-config --extcap-interface pinecone --extcap-reload-option --port",
			"value {arg=0}{value=auto}{display=the only board plugged in}{default=true}\n" +
				"value {arg=0}{value=/dev/ttyUSB1}{display=ttyUSB1 at USB 1-2.1 (CH340)}\n" +
				"value {arg=0}{value=/dev/ttyUSB10}{display=ttyUSB10 at USB 1-2.2 (CH340)}\n" +
				"value {arg=0}{value=/dev/ttyACM0}{display=ttyACM0 at USB 3-1 (Blue (gadget))}\n", "", 0},
		{"--extcap-config --extcap-interface pinecone --extcap-reload-option --baud", "", "", 0},
		{"--extcap-cleanup-postkill", "", "", 0},
		{"--extcap-capture-filter= --extcap-interface pinecone", "", "", 0},
		{"--capture --extcap-interface pinecone", "",
			"pqiot-extcap: --fifo: where the capture goes must be given, a named pipe or a file\n", 2},
		{"--extcap-of-2031", "", "pqiot-extcap: no call of Wireshark's; --help says what there is\n", 2},
	} {
		stdout, stderr, status := answer(t, strings.Fields(c.args)...)
		if stdout != c.stdout || stderr != c.stderr || status != c.status {
			t.Errorf("%s: status %d\nstdout %q\nstderr %q", c.args, status, stdout, stderr)
		}
	}
}

func TestFilterIsVerified(t *testing.T) {
	if out, _, status := answer(t, "--extcap-capture-filter", "type mgt and not beacon", "--extcap-interface", "pinecone"); out != "" || status != 0 {
		t.Errorf("a valid filter: status %d, %q", status, out)
	}
	out, stderr, status := answer(t, "--extcap-capture-filter", "tcp port 80", "--extcap-interface", "pinecone")
	if strings.Count(out, "\n") != 1 || stderr != "" || status != 0 {
		t.Errorf("an invalid filter: status %d, stdout %q, stderr %q", status, out, stderr)
	}
}

func TestListingSurvivesAFailureToFindPorts(t *testing.T) {
	var out bytes.Buffer
	p := Program{Stdout: &out, Build: "1", Ports: func() ([]Port, error) { return nil, errors.New("no /sys") }}
	if status := p.Run(context.Background(), []string{"--extcap-interfaces", "--extcap-version=4.0"}); status != 0 ||
		!strings.Contains(out.String(), "interface {value=pinecone}") {
		t.Errorf("status %d, %q", status, out.String())
	}
}

func TestIsCall(t *testing.T) {
	for args, want := range map[string]bool{
		"--extcap-interfaces": true, "--capture --fifo x": true, "--extcap-of-2031": true,
		"": false, "install --global": false, "doctor --port /dev/ttyUSB0": false, "--help": false,
	} {
		if got := IsCall(strings.Fields(args)); got != want {
			t.Errorf("%q: %v", args, got)
		}
	}
}

// FuzzParseArgs feeds command lines of any bytes; words end at a NUL.
func FuzzParseArgs(f *testing.F) {
	for _, s := range []string{
		"--capture --extcap-interface pinecone --fifo /f --hop 1,6,11 --no-beacons true",
		"--extcap-config --extcap-interface pinecone --extcap-reload-option --port",
		"--extcap-capture-filter type\tmgt --extcap-interface=pinecone-ttyUSB0 --dwell=",
		"--extcap-interfaces --extcap-version=4.4 --channel",
	} {
		f.Add(strings.ReplaceAll(s, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		call, err := ParseArgs(strings.Split(line, "\x00"))
		if err != nil && !errors.Is(err, ErrUsage) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if call.Verb != VerbCapture {
			return
		}
		c := call.Config
		if c.Channel > 14 || c.Baud < 1200 || c.Dwell < 10*time.Millisecond || c.LogLevel > 3 || len(c.Hop) > 14 {
			t.Fatalf("values out of bounds passed: %+v", c)
		}
		for _, ch := range c.Hop {
			if ch < 1 || ch > 14 {
				t.Fatalf("hop list %v", c.Hop)
			}
		}
		if kind, _ := interfaceKind(c.Interface); err == nil && (kind == ifaceNone || c.FIFO == "") {
			t.Fatalf("accepted: %+v", c)
		}
	})
}
