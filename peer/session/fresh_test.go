package session

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"pqiot/wire"
)

func TestEcho(t *testing.T) {
	key := EchoKey{1}
	here := netip.MustParseAddrPort("192.0.2.1:1000")
	token := key.Mint(100, here)
	for _, c := range []struct {
		name   string
		token  []byte
		uptime uint32
		from   netip.AddrPort
		want   bool
	}{
		{"at once", token[:], 100, here, true},
		{"60 s later", token[:], 160, here, true},
		{"61 s later", token[:], 161, here, false},
		{"from the future", token[:], 99, here, false},
		{"IPv4 in IPv6", token[:], 100, netip.MustParseAddrPort("[::ffff:192.0.2.1]:1000"), true},
		{"another port", token[:], 100, netip.MustParseAddrPort("192.0.2.1:1001"), false},
		{"another address", token[:], 100, netip.MustParseAddrPort("192.0.2.2:1000"), false},
		{"cut", token[:11], 100, here, false},
		{"empty", nil, 100, here, false},
	} {
		if got := key.Fresh(c.token, c.uptime, c.from); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	other := EchoKey{2}
	if other.Fresh(token[:], 100, here) {
		t.Error("fresh after a reboot")
	}
}

// TestWindow holds the bit field against a list of what was seen.
func TestWindow(t *testing.T) {
	var w Window
	seen := map[uint64]bool{}
	highest := int64(-1)
	for i, seq := range []uint64{0, 0, 1, 5, 3, 5, 4, 68, 4, 5, 6, 132, 68, 69, 131, 400, 336, 337, 337, 1 << 39, 400, 1<<40 - 1, 1<<40 - 2} {
		want := !seen[seq] && int64(seq) > highest-WindowSize
		if got := w.Fresh(seq); got != want {
			t.Fatalf("step %d: Fresh(%d) = %v", i, seq, got)
		}
		if want {
			w.Accept(seq)
			seen[seq] = true
			highest = max(highest, int64(seq))
		}
	}
}

func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 1, 1, 200, 3, 64, 127, 255})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var w Window
		seen := map[uint64]bool{}
		highest, at := int64(-1), uint64(0)
		for _, s := range steps {
			at = uint64(max(0, int64(at)+int64(int8(s)))) // forth and back up to 128
			want := !seen[at] && int64(at) > highest-WindowSize
			if w.Fresh(at) != want {
				t.Fatalf("Fresh(%d) is not %v", at, want)
			}
			if want {
				w.Accept(at)
				seen[at] = true
				highest = max(highest, int64(at))
			}
		}
	})
}

// FuzzEcho: what is fresh was minted for this source, at most 60 s ago.
func FuzzEcho(f *testing.F) {
	key, here := EchoKey{1}, netip.MustParseAddrPort("192.0.2.1:1000")
	good := key.Mint(100, here)
	f.Add(good[:], uint32(100))
	f.Add(good[:4], uint32(161))
	f.Fuzz(func(t *testing.T, token []byte, uptime uint32) {
		if !key.Fresh(token, uptime, here) {
			return
		}
		at := binary.BigEndian.Uint32(token)
		if want := key.Mint(at, here); !bytes.Equal(token, want[:]) || at > uptime || uptime-at > wire.EchoLifetime {
			t.Errorf("%x is fresh at %d", token, uptime)
		}
	})
}
