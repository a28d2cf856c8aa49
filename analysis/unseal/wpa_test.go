package unseal

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/analysis/packet"
	"pqiot/firmware/lab/sample"
)

// run decrypts a capture and returns the counts and the packets' last layers.
func run(t testing.TB, capture []byte, nets ...Network) (*WPA, map[packet.Layer]int) {
	t.Helper()
	src, err := packet.Open(bytes.NewReader(capture))
	if err != nil {
		t.Fatal(err)
	}
	w, d := NewWPA(nets), packet.NewDecoder()
	layers := map[packet.Layer]int{}
	var raw packet.Raw
	var p packet.Packet
	var buf []byte
	for {
		if err := src.Next(&raw); err == io.EOF {
			return w, layers
		} else if err != nil {
			t.Fatal(err)
		}
		d.Decode(&raw, &p)
		w.Learn(&p)
		if p.Dot11.Type == 2 && p.Dot11.Is(packet.Protected) {
			var o Outcome
			if buf, _, o = w.Open(buf[:0], &p); o == Decrypted {
				d.DecodeBody(&p, buf)
				w.Learn(&p)
			}
		}
		layers[p.Layer]++
	}
}

func passphrase(t testing.TB, s string) Network {
	t.Helper()
	n, err := ParsePassphrase(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSampleDecryptsAsInTshark(t *testing.T) {
	w, layers := run(t, sample.Capture, passphrase(t, sample.SSID+":"+sample.Passphrase))
	path := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := os.WriteFile(path, sample.Capture, 0o644); err != nil {
		t.Fatal(err)
	}
	count := func(filter string) int {
		out, err := exec.Command("tshark", "-r", path, "-o", "wlan.enable_decryption:TRUE", "-o",
			`uat:80211_keys:"wpa-pwd","`+sample.Passphrase+":"+sample.SSID+`"`, "-Y", filter, "-T", "fields", "-e", "frame.number").Output()
		if err != nil {
			t.Fatal(err)
		}
		return len(strings.Fields(string(out)))
	}
	if got, want := w.Counts()[Decrypted], count("wlan.fc.protected == 1 && llc"); int(got) != want || want < 50 {
		t.Errorf("decrypted %d frames, tshark %d; all outcomes %v", got, want, w.Counts())
	}
	if got, want := layers[packet.LayerCoAP], count("coap"); got != want {
		t.Errorf("%d CoAP frames, tshark %d", got, want)
	}
	for o, n := range w.Counts() {
		if Outcome(o) != Decrypted && n != 0 {
			t.Errorf("%d frames: %s", n, Outcome(o))
		}
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		nets []Network
		want Outcome
	}{
		{"no key at all", nil, NoNetwork},
		{"another network's", []Network{passphrase(t, "elsewhere:a passphrase")}, NoNetwork},
		{"a wrong passphrase", []Network{passphrase(t, sample.SSID+":not this one")}, WrongKey},
	} {
		w, layers := run(t, sample.Capture, c.nets...)
		counts := w.Counts()
		var all int64
		for _, n := range counts {
			all += n
		}
		group := int64(1) // of a key that is not known, the beacon names the network
		if counts[Decrypted] != 0 || counts[c.want] < all-group || layers[packet.LayerCoAP] != 0 {
			t.Errorf("%s: %v", c.name, counts)
		}
	}
}

func TestAFlippedBitIsNotDecrypted(t *testing.T) {
	net := passphrase(t, sample.SSID+":"+sample.Passphrase)
	clean, _ := run(t, sample.Capture, net)
	at := bytes.LastIndex(sample.Capture, []byte{0x88, 0x41, 44, 0}) // the last protected frame to the access point
	// Sequence number and acknowledgement policy are not authenticated; the
	// fragment number and the TID beside them are.
	for off, bit := range map[int]byte{4: 0x20, 22: 1, 24: 1, 26: 0x20, 30: 0x20, 34: 0x20, 40: 0x20, 60: 0x20} {
		damaged := bytes.Clone(sample.Capture)
		damaged[at+off] ^= bit
		w, _ := run(t, damaged, net)
		if got, want := w.Counts()[Decrypted], clean.Counts()[Decrypted]-1; got != want {
			t.Errorf("byte %d: %d frames decrypted, want %d", off, got, want)
		}
	}
}

func TestParseNetworks(t *testing.T) {
	for _, s := range []string{"", "pqiot", ":a passphrase", "pqiot:short", "pqiot:" + strings.Repeat("x", 64), strings.Repeat("s", 33) + ":a passphrase"} {
		if _, err := ParsePassphrase(s); err == nil {
			t.Errorf("%q was accepted", s)
		} else if strings.Contains(err.Error(), "short") {
			t.Errorf("the error shows the passphrase: %v", err)
		}
	}
	hex64 := strings.Repeat("0f", 32)
	for _, s := range []string{"", hex64, "pqiot:" + hex64[2:], ":" + hex64, "pqiot:" + hex64[:63] + "g"} {
		if _, err := ParsePSK(s); err == nil {
			t.Errorf("%q was accepted", s)
		} else if strings.Contains(err.Error(), hex64[:32]) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
	n, err := ParsePSK("a:b:" + hex64)
	if err != nil || n.SSID != "a:b" {
		t.Errorf("%+v, %v", n, err)
	}
}

// RFC 4493 §4, examples 1 to 4.
func TestCMAC(t *testing.T) {
	key, _ := hex.DecodeString("2b7e151628aed2a6abf7158809cf4f3c")
	msg, _ := hex.DecodeString("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for n, want := range map[int]string{
		0: "bb1d6929e95937287fa37d129b756746", 16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if got := hex.EncodeToString(cmac(key, msg[:n])); got != want {
			t.Errorf("%d bytes: %s", n, got)
		}
	}
}

// RFC 3394 §4.1.
func TestUnwrap(t *testing.T) {
	kek, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	in, _ := hex.DecodeString("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
	if got := hex.EncodeToString(unwrap(kek, in)); got != "00112233445566778899aabbccddeeff" {
		t.Errorf("unwrapped %s", got)
	}
	in[3] ^= 1
	if unwrap(kek, in) != nil {
		t.Error("a wrong check value was accepted")
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{100, 1400} {
		c := &ccmp{block: newAES(make([]byte, 16))}
		h := &packet.Dot11{Header: make([]byte, 26), Body: make([]byte, n+16), TID: 0}
		dst := make([]byte, 0, 2000)
		b.Run(map[int]string{100: "bytes=100", 1400: "bytes=1400"}[n], func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				dst, _ = c.open(dst[:0], h)
			}
		})
	}
}

func FuzzWPA(f *testing.F) {
	net := passphrase(f, sample.SSID+":"+sample.Passphrase)
	src, err := packet.Open(bytes.NewReader(sample.Capture))
	if err != nil {
		f.Fatal(err)
	}
	var raw packet.Raw
	for src.Next(&raw) == nil {
		f.Add(bytes.Clone(raw.Data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, d := NewWPA([]Network{net}), packet.NewDecoder()
		var p packet.Packet
		for range 2 {
			d.Decode(&packet.Raw{Data: data, Orig: len(data), Link: packet.LinkRadiotap}, &p)
			w.Learn(&p)
			if p.Dot11.Is(packet.Protected) {
				if _, _, o := w.Open(nil, &p); o == Decrypted {
					t.Fatal("a frame was decrypted without a key")
				}
			}
		}
	})
}
