package extcap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

// aHealthyComputer is one on which every check is fine.
func aHealthyComputer(t *testing.T) *Doctor {
	t.Helper()
	i, _ := aComputer(t)
	for _, global := range []bool{false, true} {
		if err := i.Install(global); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(i.Root, "usr/bin/dumpcap"), "")
	writeFile(t, filepath.Join(i.Root, "proc/17/comm"), "bash\n")
	return &Doctor{
		Installer: i, Sys: filepath.Join(i.Root, "sys"), Proc: filepath.Join(i.Root, "proc"),
		Ports: func() ([]Port, error) { return testPorts()[:1], nil },
		LookPath: func(name string) (string, error) {
			if name == "tshark" {
				return "/usr/bin/tshark", nil
			}
			return "", errors.New("not found")
		},
		Run: func(_ context.Context, _ string, args ...string) ([]byte, error) {
			switch args[0] {
			case "--version":
				return []byte("Running as root\nTShark (Wireshark) 4.0.17 (Git v4.0.17)\n\nCopyright 1998\n"), nil
			case "-D":
				return []byte("1. eth0\n2. pinecone (PineCone 802.11 sniffer)\n3. pinecone-sim (x)\n"), nil
			}
			return []byte("Temp:\t/tmp\nExtcap path:\t/nowhere/extcap\n"), nil
		},
		Writable: func(string) error { return nil },
		Runnable: func(string) error { return nil },
	}
}

func TestDoctorFindsAHealthyComputer(t *testing.T) {
	d := aHealthyComputer(t)
	for _, c := range d.Examine(context.Background()) {
		if c.State != OK || c.Mend != "" || c.What == "" {
			t.Errorf("%+v", c)
		}
	}
}

// TestDoctorFindsWhatIsWrong breaks one thing at a time: doctor must find it,
// say how to mend it, and find nothing else.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		harm    func(t *testing.T, d *Doctor)
		check   string
		state   State
		what    string
		mend    string
		besides int // checks that fall with it
	}{
		{"no Wireshark", func(t *testing.T, d *Doctor) {
			d.LookPath = func(string) (string, error) { return "", errors.New("no") }
		}, "Wireshark", Fail, "neither wireshark nor tshark", "sudo apt install wireshark", 0},
		{"old Wireshark", func(t *testing.T, d *Doctor) {
			run := d.Run
			d.Run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
				if args[0] == "--version" {
					return []byte("TShark (Wireshark) 2.6.20 (x)\n"), nil
				}
				return run(ctx, name, args...)
			}
		}, "tshark", Warn, "2.6.20", "not tested", 0},
		{"dumpcap for a group only", func(t *testing.T, d *Doctor) {
			d.Runnable = func(path string) error {
				if strings.HasSuffix(path, "dumpcap") {
					return os.ErrPermission
				}
				return nil
			}
		}, "dumpcap", Fail, "may not be started", "usermod -aG wireshark", 0},
		{"not installed", func(t *testing.T, d *Doctor) {
			for _, global := range []bool{false, true} {
				for _, dir := range d.Extcap(global) {
					remove(t, filepath.Join(dir, "pqiot-extcap"))
				}
			}
		}, "installation", Fail, "not in any folder", "pqiot-extcap install", 0},
		{"another build", func(t *testing.T, d *Doctor) {
			writeFile(t, filepath.Join(d.Extcap(false)[1], "pqiot-extcap"), "older")
		}, "installation", Warn, "another build", "pqiot-extcap install", 0},
		{"another build where tshark says", func(t *testing.T, d *Doctor) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "pqiot-extcap"), "older")
			run := d.Run
			d.Run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
				if args[0] == "-G" {
					return []byte("Personal Extcap path:\t" + dir + "\n"), nil
				}
				return run(ctx, name, args...)
			}
		}, "installation", Warn, "another build", "pqiot-extcap install", 0},
		{"not listed", func(t *testing.T, d *Doctor) {
			run := d.Run
			d.Run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
				if args[0] == "-D" {
					return []byte("1. eth0\n2. pineconelike\n"), nil
				}
				return run(ctx, name, args...)
			}
		}, "interface list", Fail, "does not list", "install", 0},
		{"no simulator", func(t *testing.T, d *Doctor) {
			remove(t, filepath.Join(filepath.Dir(d.Executable), SimulatorName))
			remove(t, filepath.Join(d.Support(false), SimulatorName))
			remove(t, filepath.Join(d.Support(true), SimulatorName))
		}, "simulated board", Warn, "is not there", "install", 0},
		{"no dissector", func(t *testing.T, d *Doctor) {
			remove(t, filepath.Join(d.Plugins(false)[0], "pqiot.lua"))
			remove(t, filepath.Join(d.Plugins(true)[0], "pqiot.lua"))
		}, "dissector", Warn, "none of", "install", 0},
		{"no board", func(t *testing.T, d *Doctor) {
			d.Ports = func() ([]Port, error) { return nil, nil }
		}, "boards", Warn, "no PineCone", "lsusb", 0},
		{"no list of ports", func(t *testing.T, d *Doctor) {
			d.Ports = func() ([]Port, error) { return nil, errors.New("registry gone") }
		}, "boards", Fail, "registry gone", "", 0},
		{"no permission", func(t *testing.T, d *Doctor) {
			d.Writable = func(string) error { return os.ErrPermission }
		}, "board on ttyUSB1 at USB 1-2.1 (CH340)", Fail, "may not be opened", "type: sudo", 0},
		{"a board without a driver", func(t *testing.T, d *Doctor) {
			dir := filepath.Join(d.Sys, "bus/usb/devices/1-4")
			writeFile(t, filepath.Join(dir, "idVendor"), "1a86\n")
			writeFile(t, filepath.Join(dir, "idProduct"), "7523\n")
		}, "board at USB 1-4", Fail, "no serial port", "modprobe ch341", 0},
		{"no udev rule", func(t *testing.T, d *Doctor) {
			remove(t, filepath.Join(d.UdevRules(), UdevRuleName))
		}, "udev rule", Warn, "not installed", "install --global", 0},
		{"old udev rule, and ModemManager", func(t *testing.T, d *Doctor) {
			writeFile(t, filepath.Join(d.UdevRules(), UdevRuleName), "# old\n")
			writeFile(t, filepath.Join(d.Proc, "99/comm"), "ModemManager\n")
		}, "ModemManager", Warn, "writes to it", "install --global", 1},
		{"brltty", func(t *testing.T, d *Doctor) {
			writeFile(t, filepath.Join(d.Root, "usr/lib/udev/rules.d/85-brltty.rules"),
				"# ENV{PRODUCT}==\"1/2/*\"\nENV{PRODUCT}==\"1a86/7523/*\", ENV{BRLTTY_BRAILLE_DRIVER}=\"bm\"\n")
		}, "brltty", Warn, "85-brltty.rules takes", "85-brltty.rules", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := aHealthyComputer(t)
			c.harm(t, d)
			found := false
			for _, got := range d.Examine(context.Background()) {
				switch {
				case got.Name == c.check:
					found = true
					if got.State != c.state || !strings.Contains(got.What, c.what) || !strings.Contains(got.Mend, c.mend) {
						t.Errorf("%+v", got)
					}
				case got.State != OK:
					if c.besides--; c.besides < 0 {
						t.Errorf("besides: %+v", got)
					}
				}
			}
			if !found {
				t.Error("not found")
			}
		})
	}
}

func TestDoctorTakesACommentForNothing(t *testing.T) {
	d := aHealthyComputer(t)
	writeFile(t, filepath.Join(d.Root, "usr/lib/udev/rules.d/85-brltty.rules"), "# ENV{PRODUCT}==\"1a86/7523/*\"\n")
	if c := d.brltty(); c.State != OK {
		t.Errorf("%+v", c)
	}
}

func TestChecksAreWritten(t *testing.T) {
	checks := []Check{{"a", OK, "fine", ""}, {"b", Fail, "broken", "mend it"}, {"c", Warn, "odd", ""}}
	var lines, object bytes.Buffer
	if err := errors.Join(WriteChecks(&lines, checks), WriteChecksJSON(&object, checks)); err != nil {
		t.Fatal(err)
	}
	if want := "ok    a: fine\nfail  b: broken\n      → mend it\nwarn  c: odd\n"; lines.String() != want {
		t.Errorf("%q", lines.String())
	}
	var got struct {
		Version, Failed int
		Checks          []Check
	}
	if err := json.Unmarshal(object.Bytes(), &got); err != nil || got.Version != 1 || got.Failed != 1 ||
		fmt.Sprint(got.Checks) != fmt.Sprint(checks) {
		t.Errorf("%+v, %v", got, err)
	}
}

// playedBoard answers a hello request with a stream of bytes, then nothing.
type playedBoard struct {
	answer []byte
	asked  bool
	closed chan struct{}
}

func (b *playedBoard) Write(p []byte) (int, error) {
	r, _, err := wire.ParseRecord(p)
	b.asked = err == nil && r.Type == wire.TypeSayHello
	return len(p), nil
}

func (b *playedBoard) Read(p []byte) (int, error) {
	if !b.asked || len(b.answer) == 0 {
		<-b.closed
		return 0, os.ErrClosed
	}
	n := copy(p, b.answer)
	b.answer = b.answer[n:]
	return n, nil
}

func (b *playedBoard) Close() error {
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	return nil
}
func (b *playedBoard) Name() string      { return "/dev/board" }
func (b *playedBoard) SetBaud(int) error { return nil }

func TestTalk(t *testing.T) {
	hello := func(major, role uint8) []byte {
		return wire.AppendRecord([]byte("boot text\r\n"), wire.Record{Type: wire.TypeHello, Body: wire.AppendHello(nil, wire.Hello{
			Major: major, Role: role, Channel: 6, MAC: wire.MAC{2, 0, 0, 0, 0, 9}, Firmware: "1.4", Board: "PineCone"})})
	}
	log := wire.AppendRecord(nil, wire.Record{Type: wire.TypeLog, Body: []byte("\x02hi")})
	for _, c := range []struct {
		name   string
		answer []byte
		state  State
		what   string
	}{
		{"sniffer", hello(1, wire.RoleSniffer), OK,
			"/dev/board: PineCone 02:00:00:00:00:09, sniffer firmware 1.4, wire version 1.0, channel 6"},
		{"gateway", hello(1, wire.RoleGateway), Fail, "/dev/board: PineCone 02:00:00:00:00:09 is a gateway, not a sniffer"},
		{"silent", nil, Fail, "/dev/board: the board says nothing"},
		{"noise", bytes.Repeat([]byte{0x55}, 300), Fail, "/dev/board: 300 bytes came, none of them a record"},
		{"records without a hello", log, Fail, "/dev/board: 1 records came but no hello"},
		{"another major version", wire.AppendRecord(nil, wire.Record{Type: wire.TypeHello, Body: []byte{2, 0}}), Fail, "wire version 2"},
	} {
		open := OpenerFunc(func(context.Context) (Board, error) {
			return &playedBoard{answer: c.answer, closed: make(chan struct{})}, nil
		})
		within := time.Minute
		if c.state == Fail && c.name != "gateway" && c.name != "another major version" {
			within = 300 * time.Millisecond // nothing more comes: the time has to run out
		}
		if got := Talk(context.Background(), open, within); got.State != c.state || !strings.Contains(got.What, c.what) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	refuse := OpenerFunc(func(context.Context) (Board, error) { return nil, BusyError{Port: "/dev/board"} })
	if got := Talk(context.Background(), refuse, time.Minute); got.State != Fail || !strings.Contains(got.What, "busy") {
		t.Errorf("%+v", got)
	}
}

func mkdirs(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	mkdirs(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
