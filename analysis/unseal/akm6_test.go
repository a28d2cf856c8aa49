package unseal

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pqiot/analysis/packet"
	"pqiot/firmware/lab/air"
	"pqiot/wire"
)

// akm6 makes a network with AKM 6 (PSK with SHA-256): a beacon, a 4-way
// handshake and a few encrypted frames. tshark is the judge of it.
func akm6(t *testing.T, ssid, pass string) []byte {
	t.Helper()
	pmk, err := air.PSK(ssid, pass)
	if err != nil {
		t.Fatal(err)
	}
	ap, sta := wire.MAC{2, 0, 0, 0, 6, 1}, wire.MAC{2, 0, 0, 0, 6, 2}
	rsn := bytes.Clone(air.RSN)
	rsn[19] = 6
	anonce, snonce := [32]byte{1, 2, 3}, [32]byte{4, 5, 6}
	k := derivePTK(pmk, versionAESCMAC, ap, sta, anonce, snonce)
	key := func(info uint16, n [32]byte, data []byte) []byte {
		b := make([]byte, keyDataAt, keyDataAt+len(data))
		b[0], b[1], b[4] = 2, 3, 2
		binary.BigEndian.PutUint16(b[2:], uint16(keyDataAt-4+len(data)))
		binary.BigEndian.PutUint16(b[infoAt:], info|versionAESCMAC|infoPair)
		b[8], b[16] = 16, 1
		copy(b[nonceAt:], n[:])
		binary.BigEndian.PutUint16(b[dataLenAt:], uint16(len(data)))
		b = append(b, data...)
		if info&infoMIC != 0 {
			copy(b[micAt:], cmac(k.kck(), b))
		}
		return b
	}
	var frames [][]byte
	h := air.Header{FC: air.FCBeacon, A1: air.Broadcast, A2: ap, A3: ap}
	beacon := air.BSS{BSSID: ap, SSID: ssid, Channel: 6, WPA2: true}.AppendBeacon(h.Append(nil), 1, true)
	frames = append(frames, bytes.Replace(beacon, air.RSN, rsn, 1))
	for i, m := range [][]byte{key(infoAck, anonce, nil), key(infoMIC, snonce, rsn),
		key(infoAck|infoMIC|0x0240, anonce, rsn), key(infoMIC|0x0200, [32]byte{}, nil)} {
		h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, A1: ap, A2: sta, A3: ap, Seq: uint16(i)}
		if i%2 == 0 {
			h = air.Header{FC: air.FCQoSData, Flags: air.FromDS, A1: sta, A2: ap, A3: ap, Seq: uint16(i)}
		}
		frames = append(frames, air.AppendLLC(h.Append(nil), air.EtherEAPOL, m))
	}
	c, err := air.NewCCMP(k.tk(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(3) {
		h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, A1: ap, A2: sta, A3: ap, Seq: uint16(10 + i), TID: 5}
		frames = append(frames, c.Append(nil, h, i+1, air.AppendLLC(nil, air.EtherARP, make([]byte, 28))))
	}
	var out bytes.Buffer
	w, err := air.NewWriter(&out, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if err := w.Write(air.Heard{Time: uint64(i) * 1000, Frame: wire.Frame{Freq: 2437, PHY: wire.PHYOFDM, Rate: 48, Data: f}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAKM6DecryptsAsInTshark(t *testing.T) {
	capture := akm6(t, "six", "a passphrase")
	w, layers := run(t, capture, passphrase(t, "six:a passphrase"))
	if n := w.Counts()[Decrypted]; n != 3 || layers[packet.LayerNet] < 3 {
		t.Errorf("%d frames decrypted: %v", n, w.Counts())
	}
	path := filepath.Join(t.TempDir(), "six.pcapng")
	if err := os.WriteFile(path, capture, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("tshark", "-r", path, "-o", "wlan.enable_decryption:TRUE", "-o",
		`uat:80211_keys:"wpa-pwd","a passphrase:six"`, "-Y", "wlan.fc.protected == 1 && llc", "-T", "fields", "-e", "frame.number").Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(string(out))); n != 3 {
		t.Errorf("tshark decrypts %d of 3 frames", n)
	}
}
