//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"
)

// heard is one frame, as the air and the radio gave it.
type heard struct {
	tsft   uint64 // µs
	freq   uint16 // MHz
	rate   byte   // 500 kb/s; 0: mcs counts
	mcs    byte
	signal int8 // dBm
	frame  []byte
}

// someFrames makes n frames of many kinds and lengths on channel 6; the same
// ones for the same seed.
func someFrames(n int, seed uint64) []heard {
	r := rand.New(rand.NewPCG(seed, 1))
	rates := []byte{2, 4, 11, 22, 12, 18, 24, 36, 48, 72, 96, 108}
	frames := make([]heard, n)
	for i := range frames {
		h := heard{tsft: 1_000_000 + uint64(i)*500, freq: 2437, rate: rates[r.IntN(len(rates))], signal: int8(-20 - r.IntN(70))}
		if r.IntN(3) == 0 {
			h.rate, h.mcs = 0, byte(r.IntN(8))
		}
		h.frame = aFrame(r, i)
		frames[i] = h
	}
	return frames
}

// aFrame is an acknowledgement, or a data frame of a random length whose
// payload tells its number.
func aFrame(r *rand.Rand, i int) []byte {
	if r.IntN(4) == 0 {
		return []byte{0xD4, 0, 0, 0, 2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
	}
	f := []byte{0x08, 0x02, 0, 0}
	f = append(f, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3)
	f = binary.LittleEndian.AppendUint16(f, uint16(i)<<4)
	f = append(f, 0xAA, 0xAA, 3, 0, 0, 0, 0x88, 0xB5) // LLC/SNAP, local experimental EtherType
	f = binary.BigEndian.AppendUint32(f, uint32(i))
	for range r.IntN(r.IntN(1400) + 1) {
		f = append(f, byte(r.Uint32()))
	}
	return f
}

// writeRadiotapPcap writes a classic pcap with radiotap headers, laid out here
// by hand so that it owes nothing to what is tested.
func writeRadiotapPcap(t testing.TB, path string, frames []heard) {
	t.Helper()
	le := binary.LittleEndian
	out := le.AppendUint32(nil, 0xA1B2C3D4)
	out = le.AppendUint16(out, 2)
	out = le.AppendUint16(out, 4)
	out = append(out, make([]byte, 8)...)
	out = le.AppendUint32(out, 65535)
	out = le.AppendUint32(out, 127)
	for _, h := range frames {
		pkt := append(radiotap(h), h.frame...)
		out = le.AppendUint32(out, uint32(h.tsft/1_000_000))
		out = le.AppendUint32(out, uint32(h.tsft%1_000_000))
		out = le.AppendUint32(out, uint32(len(pkt)))
		out = le.AppendUint32(out, uint32(len(pkt)))
		out = append(out, pkt...)
	}
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

// radiotap lays out TSFT, flags, rate or MCS, channel and signal
// (radiotap.org, defined fields 0, 1, 2, 3, 5, 19).
func radiotap(h heard) []byte {
	le := binary.LittleEndian
	present := uint32(1<<0 | 1<<1 | 1<<3 | 1<<5)
	if h.rate != 0 {
		present |= 1 << 2
	} else {
		present |= 1 << 19
	}
	b := []byte{0, 0, 0, 0}
	b = le.AppendUint32(b, present)
	b = le.AppendUint64(b, h.tsft)
	b = append(b, 0, h.rate) // flags; rate, or the padding before the channel
	b = le.AppendUint16(b, h.freq)
	b = le.AppendUint16(b, 0x0080) // 2 GHz
	b = append(b, byte(h.signal))
	if h.rate == 0 {
		b = append(b, 0x07, 0, h.mcs) // known: 20 MHz, the index, a long guard interval
	}
	le.PutUint16(b[2:], uint16(len(b)))
	return b
}

// readFrames reads the 802.11 frames of a pcapng file, without what stands
// before them.
func readFrames(t testing.TB, path string) (frames [][]byte) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			return frames
		}
		if ci.CaptureLength != ci.Length {
			t.Fatalf("packet %d is cut: %d of %d bytes", len(frames), ci.CaptureLength, ci.Length)
		}
		frames = append(frames, data[binary.LittleEndian.Uint16(data[2:]):])
	}
}

// fields reads a capture with tshark: a line for each packet, with tabs
// between the fields.
func fields(t testing.TB, path string, names ...string) []string {
	t.Helper()
	args := []string{"-r", path, "-T", "fields"}
	for _, n := range names {
		args = append(args, "-e", n)
	}
	cmd := exec.Command("tshark", args...)
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+built.config, "HOME="+built.home)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark -r %s: %v\n%s", path, err, stderr.String())
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// radioFields is what tshark must show of a frame's radiotap header.
func (h heard) radioFields() string {
	rate, mcs := []string{"6.5", "13", "19.5", "26", "39", "52", "58.5", "65"}[h.mcs], fmt.Sprint(h.mcs) // Mb/s, 20 MHz, long GI
	if h.rate != 0 {
		rate, mcs = strings.TrimSuffix(fmt.Sprintf("%.1f", float64(h.rate)/2), ".0"), ""
	}
	return fmt.Sprintf("%d\t%d\t%s\t%s\t%d", h.tsft, h.freq, rate, mcs, h.signal)
}

// radioNames are the fields that radioFields gives.
func radioNames() []string {
	return []string{"radiotap.mactime", "radiotap.channel.freq", "radiotap.datarate", "radiotap.mcs.index", "radiotap.dbm_antsignal"}
}

// compareFrames fails unless the capture holds exactly the wanted frames, in
// order, with their radio values.
func compareFrames(t testing.TB, path string, want []heard) {
	t.Helper()
	got := readFrames(t, path)
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i].frame) {
			t.Fatalf("frame %d differs:\n%x\n%x", i, got[i], want[i].frame)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i, line := range fields(t, path, radioNames()...) {
		if line != want[i].radioFields() {
			t.Fatalf("frame %d: radio %q, want %q", i, line, want[i].radioFields())
		}
	}
}
