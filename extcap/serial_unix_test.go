//go:build unix

package extcap

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// bench is a set of ports, of which each opens as told.
type bench struct {
	ports  []Port
	fails  map[string]error // by path: what Dial answers
	locked map[string]int
	dialed []string
}

func (b *bench) opener(port string) *PortOpener {
	b.locked = map[string]int{}
	return &PortOpener{
		Port: port, Baud: 2_000_000,
		Ports: func() ([]Port, error) { return b.ports, nil },
		Lock: func(path string) (io.Closer, error) {
			b.locked[path]++
			return closeFunc(func() error { b.locked[path]--; return nil }), nil
		},
		Dial: func(path string, _ int) (Line, error) {
			b.dialed = append(b.dialed, path)
			if err := b.fails[path]; err != nil {
				return nil, err
			}
			return quietLine{}, nil
		},
	}
}

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

type quietLine struct{}

func (quietLine) Read([]byte) (int, error)    { return 0, nil }
func (quietLine) Write(p []byte) (int, error) { return len(p), nil }
func (quietLine) Close() error                { return nil }
func (quietLine) SetBaud(int) error           { return nil }

func board(name, usb string) Port {
	return Port{Name: name, Path: "/dev/" + name, ID: USBID{ch340Vendor, ch340Product}, USBPath: usb}
}

func TestPortIsChosen(t *testing.T) {
	other := Port{Name: "ttyACM0", Path: "/dev/ttyACM0", ID: USBID{1, 2}, USBPath: "9-1"}
	for _, c := range []struct {
		name, port string
		ports      []Port
		opens      string
		fails      string
		gone       bool
	}{
		{"by path", "/dev/ttyUSB0", []Port{board("ttyUSB0", "1-1"), board("ttyUSB1", "1-2")}, "/dev/ttyUSB0", "", false},
		{"by a path that is not listed", "/dev/ttyS0", nil, "/dev/ttyS0", "", false},
		{"the only board", "auto", []Port{other, board("ttyUSB1", "1-2")}, "/dev/ttyUSB1", "", false},
		{"no board", "auto", []Port{other}, "", "no PineCone found", true},
		{"two boards", "auto", []Port{board("ttyUSB0", "1-1"), board("ttyUSB1", "1-2")}, "",
			"2 boards found: ttyUSB0 at USB 1-1 (CH340), ttyUSB1 at USB 1-2 (CH340); choose the sniffer's with --port", false},
	} {
		b := &bench{ports: c.ports}
		got, err := b.opener(c.port).Open(context.Background())
		switch {
		case c.fails == "" && (err != nil || got.Name() != c.opens):
			t.Errorf("%s: %v, %v", c.name, got, err)
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails) || errors.Is(err, ErrGone) != c.gone):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestOpenErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
		gone bool
	}{
		{&fs.PathError{Op: "open", Path: "/dev/x", Err: syscall.ENOENT}, "/dev/x: board not there; plug the board in", true},
		{&fs.PathError{Op: "open", Path: "/dev/x", Err: syscall.EACCES}, "/dev/x: no permission; type: sudo ", false},
		{fs.ErrPermission, "/dev/x: no permission; type: sudo ", false},
		{BusyError{"/dev/x", []Process{{7, "picocom"}}}, "/dev/x is busy: held by picocom (process 7)", false},
		{ErrBaud, "--baud 2000000: the port cannot do this line rate", false},
		{ErrNotSerial, "/dev/x: not a serial port", false},
		{syscall.ENXIO, "/dev/x: board not there; the board was unplugged", true},
		{errors.New("odd"), "/dev/x: odd", false},
	} {
		b := &bench{fails: map[string]error{"/dev/x": c.err}}
		_, err := b.opener("/dev/x").Open(context.Background())
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || errors.Is(err, ErrGone) != c.gone {
			t.Errorf("%v: %v", c.err, err)
		}
		if b.locked["/dev/x"] != 0 {
			t.Errorf("%v: the lock was kept", c.err)
		}
	}
}

// TestReplugFollowsTheUSBPath: a board that was unplugged while its port was
// open comes back under another name.
func TestReplugFollowsTheUSBPath(t *testing.T) {
	ctx := context.Background()
	b := &bench{ports: []Port{board("ttyUSB0", "1-1"), board("ttyUSB1", "1-2")}}
	o := b.opener("/dev/ttyUSB0")
	first, err := o.Open(ctx)
	if err != nil || b.locked["/dev/ttyUSB0"] != 1 {
		t.Fatalf("%v, locks %v", err, b.locked)
	}
	if err := first.Close(); err != nil || b.locked["/dev/ttyUSB0"] != 0 {
		t.Fatalf("close: %v, locks %v", err, b.locked)
	}
	b.ports = []Port{board("ttyUSB1", "1-2")}
	if _, err := o.Open(ctx); !errors.Is(err, ErrGone) {
		t.Errorf("while unplugged: %v", err)
	}
	b.ports = []Port{board("ttyUSB1", "1-2"), board("ttyUSB2", "1-1")}
	b.fails = map[string]error{"/dev/ttyUSB2": fs.ErrPermission}
	if _, err := o.Open(ctx); !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("before udev has set the permission: %v", err)
	}
	b.fails = nil
	again, err := o.Open(ctx)
	if err != nil || again.Name() != "/dev/ttyUSB2" {
		t.Errorf("after it: %v, %v", again, err)
	}
}

func TestReplayOpener(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/stream.bin"
	writeFile(t, path, "bytes")
	b, err := ReplayOpener(path).Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	all, err := io.ReadAll(b)
	if r, ok := b.(Recorded); err != nil || string(all) != "bytes" || !ok || !r.Recorded() || b.Name() != path {
		t.Errorf("%q, %v", all, err)
	}
	if n, err := b.Write([]byte("abc")); n != 3 || err != nil || b.SetBaud(9600) != nil {
		t.Errorf("commands must go nowhere: %d, %v", n, err)
	}
	for path, want := range map[string]string{
		dir + "/absent": "--replay " + dir + "/absent: no such file or directory",
		dir:             "--replay " + dir + ": a folder, not a recorded stream",
	} {
		if _, err := ReplayOpener(path).Open(context.Background()); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
