//go:build unix

package extcap

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

// ready starts a capture and waits until the board has all its settings.
func ready(t *testing.T, cfg Config, f *fakeSniffer, toolbar bool) *running {
	t.Helper()
	r := start(t, cfg, f, toolbar)
	eventually(t, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
	return r
}

// comments joins what all packets remark.
func comments(packets []block) string {
	var all []string
	for i, p := range packets {
		if c := p.comment(); c != "" {
			all = append(all, fmt.Sprintf("%d: %s", i+1, c))
		}
	}
	return strings.Join(all, "\n")
}

// TestCaptureReplug pulls the board out twice within one capture, once so that
// it keeps running, once so that it starts anew.
func TestCaptureReplug(t *testing.T) {
	for _, reboots := range []bool{false, true} {
		t.Run(fmt.Sprintf("reboots=%v", reboots), func(t *testing.T) {
			f := newFakeSniffer()
			cfg := testConfig()
			cfg.Channel, cfg.Filter = 11, "type data"
			r := ready(t, cfg, f, false)
			f.frame(dataFrame(0))
			eventually(t, "the first packet", func() bool { return len(r.packets()) == 1 })
			f.unplug()
			if reboots {
				f.mu.Lock()
				f.restart()
				f.mu.Unlock()
			}
			f.frame(dataFrame(99)) // nobody is there to hear it
			f.plug()
			eventually(t, "settings once more", func() bool { return len(f.took(wire.TypeFilter)) == 2 })
			f.frame(dataFrame(1))
			f.frame(dataFrame(2))
			eventually(t, "packets after it was plugged in", func() bool { return len(r.packets()) == 3 })
			capture := r.stop()
			packets := only(readBlocks(t, capture), blockPacket)
			for i, p := range packets {
				if !bytes.Equal(p.frame(), dataFrame(i)) {
					t.Errorf("packet %d: %x", i, p.frame())
				}
				if i > 0 && p.time().Before(packets[i-1].time()) {
					t.Errorf("packet %d: the time runs backwards", i)
				}
			}
			if c := packets[1].comment(); !strings.Contains(c, "the board was unplugged before this frame") ||
				strings.Contains(c, "restarted") != reboots {
				t.Errorf("comments: %s", comments(packets))
			}
			if got := f.took(wire.TypeChannel); !slices.EqualFunc(got, [][]byte{{11}, {11}}, bytes.Equal) {
				t.Errorf("channel commands %v", got)
			}
			runTool(t, capture, "tshark", "-r", "FILE")
		})
	}
}

// TestCaptureReplugOther plugs another board into the place of the sniffer.
func TestCaptureReplugOther(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.LogFile = filepath.Join(t.TempDir(), "log")
	r := ready(t, cfg, f, false)
	f.unplug()
	f.mu.Lock()
	f.hello.Role = wire.RoleSender
	f.mu.Unlock()
	f.plug()
	eventually(t, "the other board to be named", func() bool {
		b, _ := os.ReadFile(cfg.LogFile)
		return strings.Contains(string(b), "is a PineCone sender")
	})
	f.unplug()
	f.mu.Lock()
	f.hello.Role = wire.RoleSniffer
	f.mu.Unlock()
	f.plug()
	eventually(t, "settings once more", func() bool { return len(f.took(wire.TypeFilter)) == 2 })
	f.frame(beacon())
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	r.stop()
}

func TestCaptureReboot(t *testing.T) {
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.Filter = "type data"
	r := ready(t, cfg, f, false)
	for i := range 3 {
		f.frame(dataFrame(i))
	}
	eventually(t, "packets", func() bool { return len(r.packets()) == 3 })
	f.reboot()
	f.frame(beacon()) // before it has its filter again
	eventually(t, "settings once more", func() bool { return len(f.took(wire.TypeFilter)) == 2 })
	f.frame(dataFrame(3))
	eventually(t, "the packet", func() bool { return len(r.packets()) == 4 })
	packets := only(readBlocks(t, r.stop()), blockPacket)
	if len(packets) != 4 || !bytes.Equal(packets[3].frame(), dataFrame(3)) {
		t.Fatalf("%d packets, the last %x", len(packets), packets[len(packets)-1].frame())
	}
	if c := packets[3].comment(); !strings.Contains(c, "the board restarted before this frame") {
		t.Errorf("comments: %s", comments(packets))
	}
	if packets[3].time().Before(packets[2].time()) {
		t.Error("the time runs backwards")
	}
}

// TestCaptureLoss has the board drop frames, the line damage one and lose
// some, and adds up.
func TestCaptureLoss(t *testing.T) {
	f := newFakeSniffer()
	r := ready(t, testConfig(), f, false)
	f.sendStatus()
	f.frame(dataFrame(0))
	f.drop(5)
	f.frame(dataFrame(1))
	bad := wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: f.takeSeq(), Body: wire.AppendFrame(nil, wire.Frame{Data: anAck})})
	bad[len(bad)-1] ^= 1
	f.raw(bad)
	f.frame(dataFrame(2))
	f.sendStatus()
	f.frame(dataFrame(3))
	eventually(t, "packets", func() bool { return len(r.packets()) == 4 })
	blocks := readBlocks(t, r.stop())
	packets := only(blocks, blockPacket)
	for i, want := range []struct {
		drops int64
		text  string
	}{
		{-1, ""},
		{5, "5 records lost before this frame: the line shows no damage"},
		{1, "1 record lost before this frame: damaged on the serial line (1 CRC failed"},
		{-1, "up to the board's last status: 5 frames dropped by the board, its ring was full, 1 record lost on the serial line"},
	} {
		if got := packets[i].count(epbDropCount); got != want.drops || !strings.HasPrefix(packets[i].comment(), want.text) {
			t.Errorf("packet %d: %d dropped, %q; want %d, %q", i+1, got, packets[i].comment(), want.drops, want.text)
		}
	}
	st := blocks[len(blocks)-1]
	for code, want := range map[uint16]int64{isbIfRecv: 10, isbFilterAccept: 10, isbIfDrop: 5, isbOSDrop: 1, isbUsrDeliv: 4} {
		if got := st.count(code); got != want {
			t.Errorf("statistics: option %d is %d, want %d", code, got, want)
		}
	}
	info := runTool(t, r.bytes(), "capinfos", "FILE")
	if !strings.Contains(info, "Number of packets = 4") {
		t.Errorf("capinfos says:\n%s", info)
	}
}

// TestCaptureRefusals has the board refuse what was asked of it: the capture
// goes on, and the user is told at its end.
func TestCaptureRefusals(t *testing.T) {
	f := newFakeSniffer()
	f.refuse = map[wire.Type]uint8{wire.TypeChannel: wire.ReplyBadValue, wire.TypeFilter: wire.ReplyNotSupported}
	cfg := testConfig()
	cfg.Channel, cfg.Filter = 14, "type data"
	r := ready(t, cfg, f, false)
	f.frame(beacon()) // the board does not filter, so this computer does
	f.frame(dataFrame(0))
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	r.cancel()
	err := r.wait()
	if err == nil || !strings.Contains(err.Error(), "channel 14: the board refused the channel command: bad value") {
		t.Errorf("Capture: %v", err)
	}
	p := only(readBlocks(t, r.all()), blockPacket)
	if len(p) != 1 || !strings.Contains(p[0].comment(), "warning: channel 14") {
		t.Errorf("%d packets, comments: %s", len(p), comments(p))
	}
}

func TestCaptureAltered(t *testing.T) {
	f := newFakeSniffer()
	f.alter = func(typ wire.Type, v []byte) []byte {
		switch typ {
		case wire.TypeChannel:
			return []byte{13}
		case wire.TypeSnapLen:
			return []byte{64, 0}
		}
		return v
	}
	cfg := testConfig()
	cfg.Channel, cfg.SnapLen = 14, 100
	r := ready(t, cfg, f, false)
	r.cancel()
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "channel 14: the board took 13") ||
		!strings.Contains(err.Error(), "snap length 100: the board took 64") {
		t.Errorf("Capture: %v", err)
	}
}

// TestCaptureIncapable runs a board without any command but hello: what can be
// done on this computer is done there.
func TestCaptureIncapable(t *testing.T) {
	f := newFakeSniffer()
	f.hello.Caps = 0
	cfg := testConfig()
	cfg.Filter, cfg.SnapLen = "type data", 28
	r := start(t, cfg, f, false)
	eventually(t, "hello", func() bool { return len(f.took(wire.TypeSayHello)) > 0 })
	f.frame(beacon())
	f.frame(dataFrame(0))
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	p := only(readBlocks(t, r.stop()), blockPacket)
	if want := dataFrame(0); len(p) != 1 || !bytes.Equal(p[0].frame(), want[:28]) || p[0].origLen()-len(p[0].captured()) != len(want)-28 {
		t.Errorf("packets: %+v", p)
	}
	for _, typ := range []wire.Type{wire.TypeChannel, wire.TypeHop, wire.TypeFilter, wire.TypeSnapLen, wire.TypeTimeEcho} {
		if got := f.took(typ); got != nil {
			t.Errorf("command %#x sent to a board that cannot do it", typ)
		}
	}
}

// TestCaptureBaud finds a board that was left at another line rate and sets it
// to the one asked for.
func TestCaptureBaud(t *testing.T) {
	for _, test := range []struct{ board, ask int }{{1_000_000, 2_000_000}, {2_000_000, 1_000_000}} {
		t.Run(fmt.Sprint(test.board, "→", test.ask), func(t *testing.T) {
			t.Parallel()
			f := newFakeSniffer()
			f.hello.Baud = uint32(test.board)
			cfg := testConfig()
			cfg.Baud = test.ask
			r := start(t, cfg, OpenerFunc(f.openAt(test.ask)), false)
			eventually(t, "settings", func() bool { return len(f.took(wire.TypeFilter)) > 0 })
			f.frame(beacon())
			eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
			r.stop()
			if int(f.hello.Baud) != test.ask {
				t.Errorf("the board is at %d baud", f.hello.Baud)
			}
		})
	}
}

// TestCaptureRecordFails fills the disk under the recording.
func TestCaptureRecordFails(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	f := newFakeSniffer()
	cfg := testConfig()
	cfg.Record = "/dev/full"
	r := ready(t, cfg, f, false)
	f.frame(beacon())
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	r.cancel()
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Capture: %v, want the full disk named", err)
	}
}

// TestCaptureStall stalls the FIFO for longer than the pipe can hold.
func TestCaptureStall(t *testing.T) {
	f := newFakeSniffer()
	r := ready(t, testConfig(), f, false)
	r.mu.Lock() // stalls the reader of the FIFO
	const n = 5000
	for i := range n {
		f.frame(append(dataFrame(i), make([]byte, 60)...))
	}
	r.mu.Unlock()
	eventually(t, "all packets", func() bool { return bytes.Count(r.bytes(), dataFrame(0)[:28]) >= n })
	r.stop()
	if p := r.packets(); len(p) != n || comments(p) != "" {
		t.Errorf("%d packets of %d; %s", len(p), n, comments(p))
	}
}

// TestCapturePause has the line pause within a record for longer than the
// decoder waits by default. Nothing is lost.
func TestCapturePause(t *testing.T) {
	f := newFakeSniffer()
	r := ready(t, testConfig(), f, false)
	data := dataFrame(7)
	fr := wire.Frame{Freq: 2437, PHY: wire.PHYDSSS, Rate: 2, AirLen: uint16(len(data)), Data: data}
	rec := wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: f.takeSeq(), Time: uint64(time.Since(f.start).Microseconds()), Body: wire.AppendFrame(nil, fr)})
	f.raw(rec[:30])
	time.Sleep(recordPause / 2) // this is what is tested, not a wait
	f.raw(rec[30:])
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	if p := only(readBlocks(t, r.stop()), blockPacket); !bytes.Equal(p[0].frame(), data) || p[0].count(epbDropCount) != -1 {
		t.Errorf("packet %x, comments: %s", p[0].frame(), comments(p))
	}
}
