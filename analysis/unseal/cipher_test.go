package unseal

import (
	"encoding/hex"
	"testing"

	"pqiot/analysis/packet"
	"pqiot/wire"
)

// The elements of a beacon say which protected frames stay closed, and why.
func TestCiphersAreNamed(t *testing.T) {
	const (
		ssid  = "00036e6574"                                            // "net"
		wpa   = "dd160050f20101000050f20201000050f2020100" + "0050f202" // TKIP, PSK
		rsnOf = "3014" + "0100" + "000fac04" + "0100"
	)
	for _, c := range []struct {
		name, elements string
		want           Outcome
	}{
		{"CCMP, PSK", ssid + rsnOf + "000fac04" + "0100" + "000fac02" + "0000", NoNetwork},
		{"TKIP, PSK", ssid + rsnOf + "000fac02" + "0100" + "000fac02" + "0000", TKIP},
		{"GCMP, PSK", ssid + rsnOf + "000fac08" + "0100" + "000fac02" + "0000", OtherCipher},
		{"CCMP-256, PSK", ssid + rsnOf + "000fac0a" + "0100" + "000fac02" + "0000", OtherCipher},
		{"CCMP, SAE", ssid + rsnOf + "000fac04" + "0100" + "000fac08" + "0000", WPA3},
		{"CCMP, FT", ssid + rsnOf + "000fac04" + "0100" + "000fac04" + "0000", FastBSS},
		{"before 802.11i", ssid + wpa, TKIP},
		{"both kinds, CCMP", ssid + rsnOf + "000fac04" + "0100" + "000fac02" + "0000" + wpa, NoNetwork},
	} {
		elements, err := hex.DecodeString(c.elements)
		if err != nil {
			t.Fatal(err)
		}
		ap := wire.MAC{2, 0, 0, 0, 0, 1}
		w := NewWPA(nil)
		w.Learn(&packet.Packet{Dot11: packet.Dot11{Present: true, Subtype: 8, TA: ap, BSSID: ap, Body: append(make([]byte, 12), elements...)}})
		frame := packet.Packet{Dot11: packet.Dot11{Present: true, Type: 2, Flags: packet.ToDS | packet.Protected, HasPN: true,
			RA: ap, TA: wire.MAC{2, 0, 0, 0, 0, 9}, BSSID: ap, Body: make([]byte, 40)}}
		if _, _, got := w.Open(nil, &frame); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
