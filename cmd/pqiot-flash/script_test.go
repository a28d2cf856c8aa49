//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pqiot/extcap"
	"pqiot/firmware/flash/image"
	"pqiot/firmware/flash/sim"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pqiot-flash": main})
}

// TestScripts runs the program against boards on pseudo-terminals. The
// scripts know these commands beside the program:
//
//	board NAME [OPTION…]      starts a board; $NAME is its port
//	holds NAME [FILE@ADDR…]   the flash holds the files, and else what it held at first
//	ops NAME N                so many erases and writes since the last time
//	poke NAME ADDR BYTE       changes the flash
//	random FILE N SEED        makes a file of N bytes
//	loader FILE old|new       makes a loader
//	firmware FILE N           makes a boot image
//	table FILE                makes a partition table
//	damage FILE OFFSET        flips a bit
//	status N COMMAND…         runs a command that must end with exit status N
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Values["boards"] = make(map[string]*ptyBoard)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"board": cmdBoard, "holds": cmdHolds, "ops": cmdOps, "poke": cmdPoke, "random": cmdRandom,
			"loader": cmdLoader, "firmware": cmdFirmware, "table": cmdTable, "damage": cmdDamage, "status": cmdStatus,
		},
	})
}

// ptyBoard is a board and what its flash held at first.
type ptyBoard struct {
	*sim.Server
	before []byte
	ops    int
}

func boardOf(ts *testscript.TestScript, name string) *ptyBoard {
	b, ok := ts.Value("boards").(map[string]*ptyBoard)[name]
	if !ok {
		ts.Fatalf("no board %s", name)
	}
	return b
}

func cmdBoard(ts *testscript.TestScript, _ bool, args []string) {
	o := sim.Options{Flash: randomBytes(2<<20, 99)}
	for _, opt := range args[1:] {
		key, value, _ := strings.Cut(opt, "=")
		switch key {
		case "blank":
			o.Flash = bytes.Repeat([]byte{0xFF}, 2<<20)
		case "silent":
			o.Silent = true
		case "chatter":
			o.Chatter = true
		case "surplus":
			o.Surplus = true
		case "unplug": // before the nth reply
			n := number(ts, value)
			o.OnReply = func(i int, _ byte, r []byte) sim.Answer { return sim.Answer{Data: r, Unplug: i == n} }
		case "bad": // a cell that cannot be programmed
			at := uint32(number(ts, value))
			o.BadCells = func(a uint32) bool { return a == at }
		case "stuck": // a cell that reads back differently
			at := uint32(number(ts, value))
			o.Stuck = func(a uint32) (byte, bool) { return 0x5A, a == at }
		case "table":
			b, err := os.ReadFile(ts.MkAbs(value))
			ts.Check(err)
			copy(o.Flash[image.TableAddress0:], b)
		default:
			ts.Fatalf("board option %s", opt)
		}
	}
	before := bytes.Clone(o.Flash)
	s, err := sim.Serve(sim.New(o))
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Value("boards").(map[string]*ptyBoard)[args[0]] = &ptyBoard{Server: s, before: before}
	ts.Setenv(args[0], s.Path)
}

func cmdHolds(ts *testscript.TestScript, _ bool, args []string) {
	b := boardOf(ts, args[0])
	want := bytes.Clone(b.before)
	for _, arg := range args[1:] {
		file, addr, _ := strings.Cut(arg, "@")
		data, err := os.ReadFile(ts.MkAbs(file))
		ts.Check(err)
		copy(want[number(ts, addr):], data)
	}
	b.Do(func(board *sim.Board, _ time.Duration) {
		for i := range want {
			if board.Flash[i] != want[i] {
				ts.Fatalf("%s at 0x%06x holds %02x, want %02x", args[0], i, board.Flash[i], want[i])
			}
		}
	})
}

func cmdOps(ts *testscript.TestScript, _ bool, args []string) {
	b := boardOf(ts, args[0])
	b.Do(func(board *sim.Board, _ time.Duration) {
		if got := len(board.Ops) - b.ops; got != number(ts, args[1]) {
			ts.Fatalf("%s: %d operations, want %s: %v", args[0], got, args[1], board.Ops[b.ops:])
		}
		b.ops = len(board.Ops)
	})
}

func cmdPoke(ts *testscript.TestScript, _ bool, args []string) {
	b := boardOf(ts, args[0])
	b.Do(func(board *sim.Board, _ time.Duration) { board.Flash[number(ts, args[1])] = byte(number(ts, args[2])) })
}

func cmdRandom(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], randomBytes(number(ts, args[1]), uint64(number(ts, args[2]))))
}

func cmdLoader(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], sim.Loader(args[1] == "new", 6000))
}

func cmdFirmware(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], sim.Firmware(randomBytes(number(ts, args[1]), 5)))
}

func cmdTable(ts *testscript.TestScript, _ bool, args []string) {
	t := image.Table{Entries: []image.Entry{
		{Name: "FW", Address: [2]uint32{0x10000, 0xE8000}, Max: [2]uint32{0xD8000, 0xBA000}},
		{Type: 1, Name: "media", Address: [2]uint32{0x1A2000}, Max: [2]uint32{0x47000}},
		{Type: 2, Name: "PSM", Address: [2]uint32{0x1E9000}, Max: [2]uint32{0x8000}},
		{Type: 3, Name: "KEY", Address: [2]uint32{0x1F1000}, Max: [2]uint32{0x2000}},
		{Type: 4, Name: "DATA", Address: [2]uint32{0x1F3000}, Max: [2]uint32{0x5000}},
	}}
	write(ts, args[0], image.AppendTable(nil, t))
}

func cmdDamage(ts *testscript.TestScript, _ bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	b[number(ts, args[1])] ^= 1
	write(ts, args[0], b)
}

func cmdStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		ts.Fatalf("ended with %v, want exit status %s", err, args[0])
	}
	if exit.ExitCode() != number(ts, args[0]) {
		ts.Fatalf("exit status %d, want %s", exit.ExitCode(), args[0])
	}
}

func write(ts *testscript.TestScript, path string, b []byte) {
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(path)), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(path), b, 0o644))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.ParseInt(s, 0, 64)
	ts.Check(err)
	return int(n)
}

func randomBytes(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestBoards picks the boards among the ports that were found.
func TestBoards(t *testing.T) {
	got := fmt.Sprint(boards([]extcap.Port{
		{Path: "/dev/ttyUSB0", ID: extcap.USBID{Vendor: 0x1A86, Product: 0x7523}, Product: "USB Serial"},
		{Path: "/dev/ttyACM0", ID: extcap.USBID{Vendor: 0x2341, Product: 0x0043}},
	}))
	if want := "[{/dev/ttyUSB0 1a86:7523 USB Serial}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestAssign pairs roles with ports: named ones first, then found ones, no
// port twice.
func TestAssign(t *testing.T) {
	link := filepath.Join(t.TempDir(), "same")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	three := []usbPort{{path: "/dev/ttyUSB0"}, {path: "/dev/ttyUSB1"}, {path: "/dev/ttyUSB2"}}
	for name, c := range map[string]struct {
		ports [3]string
		found []usbPort
		want  string
	}{
		"all found":         {[3]string{"auto", "auto", "auto"}, three, "/dev/ttyUSB0 /dev/ttyUSB1 /dev/ttyUSB2"},
		"one named":         {[3]string{"auto", "/dev/ttyUSB0", "auto"}, three, "/dev/ttyUSB1 /dev/ttyUSB0 /dev/ttyUSB2"},
		"last named":        {[3]string{"auto", "auto", "/dev/ttyUSB1"}, three, "/dev/ttyUSB0 /dev/ttyUSB2 /dev/ttyUSB1"},
		"twice":             {[3]string{"/dev/a", "/dev/a", "/dev/b"}, nil, "every board has its own"},
		"twice by a link":   {[3]string{"/dev/null", link, "/dev/b"}, nil, "every board has its own"},
		"twice by its name": {[3]string{"/dev/a", "/dev/../dev/a", "/dev/b"}, nil, "every board has its own"},
		"too few":           {[3]string{"auto", "auto", "auto"}, three[:2], "no board is left for the sniffer"},
	} {
		a := &app{ports: func() ([]usbPort, error) { return c.found, nil }}
		jobs := []job{{role: "gateway"}, {role: "sender"}, {role: "sniffer"}}
		got := fmt.Sprint(a.assign(jobs, c.ports))
		if got == "<nil>" {
			got = jobs[0].port + " " + jobs[1].port + " " + jobs[2].port
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}
