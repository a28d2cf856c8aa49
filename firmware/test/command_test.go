//go:build linux

package test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pqiot/wire"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--idle")
	h := b.hello()
	want := wire.Hello{Major: 1, Role: wire.RoleSniffer, Channel: 6, Caps: 0x3F,
		MAC: wire.MAC{2, 0x70, 0x71, 0, 0, 1}, Baud: wire.BaudDefault, RingSize: 16384,
		Firmware: h.Firmware, Board: "simulated PineCone"}
	if h != want || h.Firmware == "" {
		t.Errorf("hello %+v, not %+v", h, want)
	}
	hop := wire.AppendHop(nil, wire.Hop{Dwell: 50, Channels: []uint8{1, 6}})
	filter := wire.AppendFilter(nil, wire.Filter{Types: 5, Flags: 1, Addrs: []wire.MAC{{1, 2, 3, 4, 5, 6}}})
	tests := []struct {
		name   string
		typ    wire.Type
		body   []byte
		status uint8
		value  []byte
	}{
		{"channel", wire.TypeChannel, []byte{11}, wire.ReplyDone, []byte{11}},
		{"channel 0", wire.TypeChannel, []byte{0}, wire.ReplyBadValue, []byte{11}},
		{"channel 15", wire.TypeChannel, []byte{15}, wire.ReplyBadValue, []byte{11}},
		{"no channel", wire.TypeChannel, nil, wire.ReplyBadValue, []byte{11}},
		{"hop", wire.TypeHop, hop, wire.ReplyDone, hop},
		{"hop cut short", wire.TypeHop, hop[:4], wire.ReplyBadValue, hop},
		{"hop to 15", wire.TypeHop, []byte{50, 0, 1, 15}, wire.ReplyBadValue, hop},
		{"hop without dwell", wire.TypeHop, []byte{0, 0, 1, 1}, wire.ReplyBadValue, hop},
		{"hop stop", wire.TypeHop, []byte{0, 0, 0}, wire.ReplyDone, []byte{0, 0, 0}},
		{"snap length", wire.TypeSnapLen, []byte{0, 1}, wire.ReplyDone, []byte{0, 1}},
		{"snap length of a byte", wire.TypeSnapLen, []byte{9}, wire.ReplyBadValue, []byte{0, 1}},
		{"filter", wire.TypeFilter, filter, wire.ReplyDone, filter},
		{"filter of 9", wire.TypeFilter, []byte{7, 0, 9}, wire.ReplyBadValue, filter},
		{"filter bits", wire.TypeFilter, []byte{7, 2, 0}, wire.ReplyBadValue, filter},
		{"filter cut short", wire.TypeFilter, filter[:8], wire.ReplyBadValue, filter},
		{"echo", wire.TypeTimeEcho, []byte("12345678"), wire.ReplyDone, []byte("12345678")},
		{"echo cut short", wire.TypeTimeEcho, []byte("1234567"), wire.ReplyBadValue, nil},
		{"baud 5", wire.TypeBaud, []byte{5, 0, 0, 0}, wire.ReplyBadValue, []byte{0x80, 0x84, 0x1E, 0}},
		{"baud", wire.TypeBaud, []byte{0, 0x10, 0x0E, 0}, wire.ReplyDone, []byte{0, 0x10, 0x0E, 0}},
		{"unknown", 0xEE, []byte("any"), wire.ReplyUnknown, nil},
		{"longer than known", wire.TypeChannel, []byte{3, 77, 78}, wire.ReplyDone, []byte{3}},
	}
	for _, tt := range tests {
		r := b.do(tt.typ, tt.body)
		if r.Status != tt.status || !bytes.Equal(r.Value, tt.value) {
			t.Errorf("%s: status %d value %x, not %d %x", tt.name, r.Status, r.Value, tt.status, tt.value)
		}
	}
	b.send(wire.TypeSayHello, nil)
	h = b.hello()
	if h.Channel != 3 || h.SnapLen != 256 || h.Baud != 921600 {
		t.Errorf("hello after the commands: %+v", h)
	}
	if s := b.status(); s.Channel != 3 || s.Heard != 0 {
		t.Errorf("status: %+v", s)
	}
}

// A status comes by itself every second.
func TestStatusPeriod(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--idle")
	first, second := b.next(wire.TypeStatus), b.next(wire.TypeStatus)
	if d := second.Time - first.Time; d < 900_000 {
		t.Errorf("status after %d µs", d)
	}
	if s, _ := wire.ParseStatus(second.Body); s.Uptime < 1 {
		t.Errorf("uptime %d s after two of them", s.Uptime)
	}
}

// Commands survive any garbage before them, also beginnings of other commands.
func TestGarbageBeforeCommands(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--idle")
	rng := rand.New(rand.NewPCG(1, 2))
	whole := command(999, wire.TypeFilter, make([]byte, 51))
	for i := range 60 {
		junk := make([]byte, rng.IntN(300))
		for k := range junk {
			junk[k] = []byte{wire.Sync0, wire.Sync1, byte(rng.Uint32())}[rng.IntN(3)]
		}
		if i%10 == 0 {
			junk = append(junk, whole[:18+rng.IntN(40)]...)
		}
		if i%10 == 5 {
			junk = command(9, wire.TypeChannel, []byte{3})
			junk[19] ^= 4
		}
		if _, err := b.in.Write(junk); err != nil {
			t.Fatal(err)
		}
		if r := b.do(wire.TypeChannel, []byte{byte(1 + i%14)}); r.Status != wire.ReplyDone {
			t.Fatalf("round %d: %+v", i, r)
		}
	}
}

func TestSimulatedFaults(t *testing.T) {
	t.Parallel()
	t.Run("boot text", func(t *testing.T) {
		out, _ := runBoard(t, nil, "--boot-text", "--speed", "max", savePackets(t, traffic(3, 1)))
		i := bytes.Index(out, command(0, wire.TypeHello, nil)[:3])
		if i < 10 || !bytes.Contains(out[:i], []byte("ROM")) {
			t.Fatalf("%q is no boot text", out[:max(i, 0)])
		}
		y := read(t, out[i:])
		y.want(t, traffic(3, 1))
	})
	t.Run("silent", func(t *testing.T) {
		out, c := runBoard(t, nil, "--silent", "--speed", "max", savePackets(t, traffic(3, 1)))
		if len(out) != 0 || c.Heard != 3 {
			t.Errorf("%d bytes, %+v", len(out), c)
		}
	})
	t.Run("role and name", func(t *testing.T) {
		b := startBoard(t, "--idle", "--role", "2", "--name", "x", "--mac", "0a:0b:0c:0D:0e:ff", "--ring", "4096")
		h := b.hello()
		if h.Role != 2 || h.Board != "x" || h.MAC != (wire.MAC{10, 11, 12, 13, 14, 255}) || h.RingSize != 4096 {
			t.Errorf("%+v", h)
		}
	})
	t.Run("major", func(t *testing.T) {
		out, _ := runBoard(t, nil, "--major", "2", "--speed", "max", savePackets(t, traffic(1, 1)))
		if _, err := wire.ParseHeader(out); err != (wire.VersionError{Got: 2}) {
			t.Errorf("%v", err)
		}
	})
}
