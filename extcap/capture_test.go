//go:build unix

package extcap

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

func TestCaptureFrames(t *testing.T) {
	f := newFakeSniffer()
	r := start(t, testConfig(), f, false)
	eventually(t, "the filter to be set", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	const n = 500
	for i := range n {
		f.frame(dataFrame(i))
	}
	eventually(t, "all packets", func() bool { return len(r.packets()) == n })
	capture := r.stop()
	blocks := readBlocks(t, capture)
	if blocks[0].kind != blockSection || blocks[1].kind != blockInterface || blocks[len(blocks)-1].kind != blockStatistics {
		t.Error("not a section header, an interface, packets, and statistics at the end")
	}
	if got := string(blocks[1].options[ifHardware]); got != "PineCone sniffer, firmware 1.2.3" {
		t.Errorf("interface hardware %q", got)
	}
	before := time.Time{}
	for i, p := range only(blocks, blockPacket) {
		if !bytes.Equal(p.frame(), dataFrame(i)) {
			t.Fatalf("packet %d: %x", i, p.frame())
		}
		if p.time().Before(before) || time.Since(p.time()).Abs() > time.Minute {
			t.Fatalf("packet %d: time %v after %v", i, p.time(), before)
		}
		before = p.time()
	}
	if st := blocks[len(blocks)-1]; st.count(isbUsrDeliv) != n || st.count(isbOSDrop) != 0 {
		t.Errorf("statistics: delivered %d, lost %d", st.count(isbUsrDeliv), st.count(isbOSDrop))
	}
	lines := tsharkFields(t, capture, "frame.number", "radiotap.channel.freq", "radiotap.dbm_antsignal", "radiotap.datarate", "frame.interface_name")
	if len(lines) != n || lines[n-1] != fmt.Sprintf("%d|2437|-50|1|pinecone", n) {
		t.Errorf("tshark reads %d packets, the last as %s", len(lines), lines[len(lines)-1])
	}
}

// TestCaptureSettings checks that the board is told what the command line
// says, and is told everything, as it may be left set by an earlier capture.
func TestCaptureSettings(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.Channel, cfg.SnapLen, cfg.Filter, cfg.NoBeacons = 11, 100, "type mgt", true
	r := start(t, cfg, f, false)
	eventually(t, "settings", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	for typ, want := range map[wire.Type]string{wire.TypeChannel: "0b", wire.TypeSnapLen: "6400", wire.TypeFilter: "010100", wire.TypeHop: "fa0000"} {
		got := f.took(typ)
		if len(got) != 1 || !bytes.Equal(got[0], unhex(t, want)) {
			t.Errorf("command %#x: %x, want %s", typ, got, want)
		}
	}
	if s := readBlocks(t, r.stop())[1].options[ifFilter]; string(s) != "\x00type mgt and not beacon" {
		t.Errorf("interface filter %q", s)
	}
	f = newFakeSniffer()
	cfg = testConfig()
	cfg.Hop, cfg.Dwell = []uint8{1, 6, 11}, 300*time.Millisecond
	r = start(t, cfg, f, false)
	eventually(t, "hop", func() bool { return len(f.took(wire.TypeHop)) == 1 })
	if got := f.took(wire.TypeHop)[0]; !bytes.Equal(got, unhex(t, "2c01 03 01060b")) {
		t.Errorf("hop: %x", got)
	}
	r.stop()
}

// TestCaptureBeforeSettings checks that frames from before the settings were
// in force are left out if they are not wanted.
func TestCaptureBeforeSettings(t *testing.T) {
	f := newFakeSniffer()
	wanted := wire.Frame{Freq: 2437, RSSI: -1, PHY: wire.PHYDSSS, Rate: 2, Data: dataFrame(1), AirLen: uint16(len(dataFrame(1)))}
	otherChannel, otherType := wanted, wanted
	otherChannel.Freq, otherType.Data = 2412, beacon()
	for i, fr := range []wire.Frame{otherChannel, otherType, wanted} {
		f.noise = wire.AppendRecord(f.noise, wire.Record{Type: wire.TypeFrame, Seq: uint16(i), Time: 5, Body: wire.AppendFrame(nil, fr)})
	}
	f.seq = 3
	cfg := testConfig()
	cfg.Filter = "type data"
	r := start(t, cfg, f, false)
	eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	f.frame(dataFrame(2))
	eventually(t, "packets", func() bool { return len(r.packets()) >= 2 })
	for i, p := range only(readBlocks(t, r.stop()), blockPacket) {
		if !bytes.Equal(p.frame(), dataFrame(i+1)) {
			t.Errorf("packet %d: %x", i, p.frame())
		}
	}
}

func TestCaptureBadBoards(t *testing.T) {
	otherMajor := wire.AppendRecord(nil, wire.Record{Type: wire.TypeHello, Body: []byte{9}})
	otherMajor[3] = 9
	otherMajor = refreshCRCs(otherMajor)
	tests := []struct {
		name string
		bad  func(*fakeSniffer)
		want string
	}{
		{"silent", func(f *fakeSniffer) { f.mute = true }, "/dev/ttyFAKE0 says nothing"},
		{"garbage", func(f *fakeSniffer) { f.mute = true; f.noise = bytes.Repeat([]byte("ABCD\xC5\x7A"), 5000) },
			"sends something (30000 bytes), but no PineCone records"},
		{"gateway", func(f *fakeSniffer) { f.hello.Role = wire.RoleGateway }, "is a PineCone gateway"},
		{"sender", func(f *fakeSniffer) { f.hello.Role = wire.RoleSender }, "is a PineCone sender"},
		{"unknown role", func(f *fakeSniffer) { f.hello.Role = 77 }, "unknown role 77"},
		{"other major in the hello", func(f *fakeSniffer) { f.hello.Major = 2 }, "wire version 2"},
		{"other major in the header", func(f *fakeSniffer) { f.mute = true; f.noise = append(otherMajor, otherMajor...) }, "wire version 9"},
		{"frames, but never a hello", func(f *fakeSniffer) {
			f.mute = true
			for i := range 20 {
				f.noise = wire.AppendRecord(f.noise, wire.Record{Type: wire.TypeFrame, Seq: uint16(i), Body: wire.AppendFrame(nil, wire.Frame{Freq: 2437, Data: anAck})})
			}
		}, "sends records but does not answer"},
		{"absent", func(f *fakeSniffer) { f.absent = true }, "board not there"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeSniffer()
			test.bad(f)
			r := start(t, testConfig(), f, false)
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Capture: %v, want one line with %q", err, test.want)
			}
			capture := r.all()
			blocks := readBlocks(t, capture)
			if len(blocks) < 3 || blocks[1].kind != blockInterface {
				t.Errorf("%d blocks, want a valid capture", len(blocks))
			}
			runTool(t, capture, "tshark", "-r", "FILE")
		})
	}
}

// refreshCRCs makes the CRCs of a record that was changed right again.
func refreshCRCs(b []byte) []byte {
	binary.LittleEndian.PutUint16(b[16:], wire.CRC16(b[:16]))
	body := len(b) - wire.TrailerSize
	binary.LittleEndian.PutUint32(b[body:], wire.CRC32(b[:body]))
	return b
}

func TestCaptureBadConfig(t *testing.T) {
	for _, test := range []struct {
		set  func(*Config)
		want string
	}{
		{func(c *Config) { c.Filter = "port 80" }, `"port" at position 1`},
		{func(c *Config) { c.Record = "/nonexistent/stream" }, "--record: open /nonexistent/stream"},
		{func(c *Config) { c.LogFile = "/nonexistent/log" }, "--log-file: open /nonexistent/log"},
	} {
		cfg := testConfig()
		test.set(&cfg)
		r := start(t, cfg, newFakeSniffer(), false)
		if err := r.wait(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Capture: %v, want %q", err, test.want)
		}
		if blocks := readBlocks(t, r.all()); len(blocks) != 3 {
			t.Errorf("%d blocks, want a valid capture without packets", len(blocks))
		}
	}
	cfg := testConfig()
	cfg.FIFO = filepath.Join(t.TempDir(), "no", "such", "folder")
	if err := Capture(context.Background(), cfg, newFakeSniffer()); err == nil || !strings.Contains(err.Error(), "--fifo") {
		t.Errorf("Capture without a FIFO: %v", err)
	}
}

// TestCaptureReaderGone checks that a reader that goes away ends the capture,
// on a busy channel and on a silent one.
func TestCaptureReaderGone(t *testing.T) {
	for _, busy := range []bool{true, false} {
		f := newFakeSniffer()
		r := start(t, testConfig(), f, false)
		eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
		r.fifo.Close()
		eventually(t, "the end of the capture", func() bool {
			if busy {
				f.frame(beacon())
			}
			select {
			case <-r.done:
				return true
			default:
				return false
			}
		})
		if r.err != nil {
			t.Errorf("busy %v: Capture: %v, want a clean stop", busy, r.err)
		}
	}
}

// TestCaptureStopsUnread checks that a capture stops though nobody reads.
func TestCaptureStopsUnread(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.FIFO = mkfifo(t, "fifo")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Capture(ctx, cfg, f) }()
	fifo, err := os.OpenFile(cfg.FIFO, os.O_RDONLY, 0)
	must(t, err)
	defer fifo.Close()
	eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	for i := range 20000 { // more than the pipe and the backlog hold
		f.frame(append(dataFrame(i), make([]byte, 100)...))
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Capture: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the capture hangs on a FIFO that nobody reads")
	}
}

func TestCaptureNoReader(t *testing.T) {
	cfg := testConfig()
	cfg.FIFO = mkfifo(t, "fifo")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := Capture(ctx, cfg, newFakeSniffer()); err != nil {
		t.Errorf("Capture stopped before the FIFO had a reader: %v", err)
	}
}

func TestCapturePlainFile(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.FIFO = filepath.Join(t.TempDir(), "out.pcapng")
	must(t, os.WriteFile(cfg.FIFO, bytes.Repeat([]byte("old "), 10000), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Capture(ctx, cfg, f) }()
	eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	f.frame(beacon())
	eventually(t, "the packet", func() bool { b, _ := os.ReadFile(cfg.FIFO); return len(only(wholeBlocks(t, b), blockPacket)) == 1 })
	cancel()
	must(t, <-done)
	b, err := os.ReadFile(cfg.FIFO)
	must(t, err)
	if blocks := readBlocks(t, b); blocks[len(blocks)-1].kind != blockStatistics {
		t.Error("no statistics at the end")
	}
}

// recorded is a recorded stream in the place of a board.
type recorded struct{ io.Reader }

func (recorded) Write(p []byte) (int, error) { return len(p), nil }
func (recorded) Close() error                { return nil }
func (recorded) Name() string                { return "stream" }
func (recorded) SetBaud(int) error           { return nil }
func (recorded) Recorded() bool              { return true }

// TestCaptureRecord checks that a recorded stream gives the same packets again.
func TestCaptureRecord(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.Record = filepath.Join(t.TempDir(), "stream")
	r := start(t, cfg, f, false)
	eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
	for i := range 20 {
		f.frame(dataFrame(i))
	}
	f.frame(beacon())
	eventually(t, "packets", func() bool { return len(r.packets()) == 21 })
	live := only(readBlocks(t, r.stop()), blockPacket)
	stream, err := os.ReadFile(cfg.Record)
	must(t, err)

	cfg = testConfig()
	cfg.Channel, cfg.Filter, cfg.SnapLen = 1, "type data", 28 // the channel is the recording's
	r = start(t, cfg, OpenerFunc(func(context.Context) (Board, error) { return recorded{bytes.NewReader(stream)}, nil }), false)
	must(t, r.wait())
	again := only(readBlocks(t, r.all()), blockPacket)
	if len(again) != 20 {
		t.Fatalf("%d packets from the recording, want 20", len(again))
	}
	for i, p := range again {
		if !bytes.Equal(p.frame(), live[i].frame()[:28]) || p.origLen() != live[i].origLen() {
			t.Errorf("packet %d: %x of %d bytes", i, p.frame(), p.origLen())
		}
		if i > 0 {
			if a, b := tsft(again[i])-tsft(again[i-1]), again[i].time().Sub(again[i-1].time()); uint64(b.Microseconds()) != a {
				t.Errorf("packet %d: %v after the one before, the board says %d µs", i, b, a)
			}
		}
	}
}

func tsft(b block) uint64 { return binary.LittleEndian.Uint64(b.captured()[8:]) }

func TestCaptureLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		f := newFakeSniffer()
		r := start(t, testConfig(), f, true)
		eventually(t, "filter", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
		r.stop()
		r.toBoard.Close()
		r.fromBoard.Close()
		r.fifo.Close()
	}
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}
