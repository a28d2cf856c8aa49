package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pqiot/extcap"
	"pqiot/firmware/lab/air"
)

// block is a pcapng block in the byte order of this machine.
func block(kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	b := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, kind), n)
	return binary.NativeEndian.AppendUint32(append(b, body...), n)
}

// framePacket is a packet block of the sniffer: radiotap with a TSFT, frame.
func framePacket(tsft uint64, frame string) []byte {
	tap := []byte{0, 0, 16, 0, 1, 0, 0, 0}
	tap = append(binary.LittleEndian.AppendUint64(tap, tsft), frame...)
	body := make([]byte, 20, 64)
	binary.NativeEndian.PutUint32(body[12:], uint32(len(tap)))
	binary.NativeEndian.PutUint32(body[16:], uint32(len(tap)))
	return block(blockPacket, append(body, tap...))
}

// linePacket is one of a console, on interface 1.
func linePacket() []byte {
	b := framePacket(0, "gateway: a line of it")
	binary.NativeEndian.PutUint32(b[8:], 1)
	return b
}

func stream(blocks ...[]byte) []byte {
	section := binary.NativeEndian.AppendUint32(nil, 0x1A2B3C4D)
	all := block(blockSection, append(section, make([]byte, 12)...))
	all = append(all, block(blockInterface, []byte{127, 0, 0, 0, 0, 0, 0, 0})...)
	return append(all, slices.Concat(blocks...)...)
}

// merged runs a merger and gives what it wrote.
func merged(t testing.TB, live bool, line *timeline, in []byte) (m *merger, out, truth string, err error) {
	t.Helper()
	var o, tr bytes.Buffer
	m = newMerger(line, newTruthWriter(&tr, live), &o, epoch(), live)
	err = m.run(bytes.NewReader(in))
	return m, o.String(), tr.String(), err
}

func onAir(line *timeline, n, original, at uint64, l air.Label, data string) {
	line.put(item{at: at, frame: true, sum: line.sum([]byte(data)), truth: air.Truth{Frame: n, Label: l, Original: original}})
}

// Lines stand between the frames as they happened, and every packet has the
// time of the run.
func TestMerge(t *testing.T) {
	line := newTimeline()
	line.put(item{at: 5, console: 0, text: "boot"})
	onAir(line, 2, 0, 10, air.Benign, "first")
	line.put(item{at: 10, console: 1, text: "led green"})
	onAir(line, 4, 2, 2_000_020, air.Replayed, "first")
	line.put(item{at: 2_000_030, console: 0, text: "last words"})
	m, out, truth, err := merged(t, false, line, stream(framePacket(10, "first"), block(blockStatistics, make([]byte, 12)),
		framePacket(2_000_020, "first"), block(blockStatistics, make([]byte, 12))))
	if err != nil || m.lost != 0 {
		t.Fatalf("%v, %d lost", err, m.lost)
	}
	want := `{"frame":1,"label":"console","original":0}
{"frame":2,"label":"benign","original":0}
{"frame":3,"label":"console","original":0}
{"frame":4,"label":"replay","original":2}
{"frame":5,"label":"console","original":0}
`
	if truth != want {
		t.Errorf("truth\n%swant\n%s", truth, want)
	}
	var kinds []uint32
	var times []time.Duration
	for r := strings.NewReader(out); ; {
		b, err := readBlock(r, nil)
		if err != nil {
			break
		}
		kinds = append(kinds, binary.NativeEndian.Uint32(b))
		if kind := kinds[len(kinds)-1]; kind == blockPacket || kind == blockStatistics {
			us := uint64(binary.NativeEndian.Uint32(b[12:]))<<32 | uint64(binary.NativeEndian.Uint32(b[16:]))
			times = append(times, time.UnixMicro(int64(us)).Sub(epoch())/time.Microsecond)
		}
	}
	if !slices.Equal(kinds, []uint32{blockSection, 1, 1, 1, 6, 6, 6, 6, 6, 5}) {
		t.Errorf("blocks %v", kinds)
	}
	if !slices.Equal(times, []time.Duration{5, 10, 10, 2_000_020, 2_000_030, 2_000_030}) {
		t.Errorf("times %v", times)
	}
}

// In real time the extcap's lines stay where they are, and the truth is
// numbered around them and around what was lost.
func TestMergeLive(t *testing.T) {
	line := newTimeline()
	for i, data := range []string{"a", "b", "c", "d"} {
		onAir(line, uint64(i+1), uint64(i), uint64(i), air.Retried, data)
	}
	m, _, truth, err := merged(t, true, line, stream(linePacket(), framePacket(0, "a"), framePacket(0, "c"), linePacket(), framePacket(0, "d")))
	want := `{"frame":1,"label":"console","original":0}
{"frame":2,"label":"retry","original":0}
{"frame":3,"label":"retry","original":0}
{"frame":4,"label":"console","original":0}
{"frame":5,"label":"retry","original":3}
`
	if err != nil || m.lost != 1 || truth != want {
		t.Errorf("%v, %d lost, truth\n%swant\n%s", err, m.lost, truth, want)
	}
}

func TestMergeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		says string
	}{
		"a frame that never was":    {stream(framePacket(10, "other")), "was not on the air"},
		"another time":              {stream(framePacket(11, "first")), "its time is 11 µs, that of the air's 10"},
		"a frame twice":             {stream(framePacket(10, "first"), framePacket(10, "first")), "was not on the air"},
		"a block cut short":         {stream(framePacket(10, "first")[:20]), "ended within a block"},
		"a length that is no sum":   {append(stream(), 6, 0, 0, 0, 13, 0, 0, 0), "a block of 13 bytes"},
		"a packet without a head":   {stream(block(blockPacket, make([]byte, 4))), "too short"},
		"statistics without a time": {stream(block(blockStatistics, make([]byte, 4))), "statistics block that is too short"},
		"no radiotap":               {stream(block(blockPacket, make([]byte, 20))), "without a radiotap header"},
	} {
		line := newTimeline()
		onAir(line, 1, 0, 10, air.Benign, "first")
		if _, _, _, err := merged(t, false, line, c.in); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
	line := newTimeline()
	onAir(line, 1, 0, 10, air.Benign, "lost")
	onAir(line, 2, 0, 20, air.Benign, "kept")
	if m, _, _, err := merged(t, false, line, stream(framePacket(20, "kept"))); !errors.Is(err, errNotTheFrame) || m.lost != 1 {
		t.Errorf("a lost frame: %v, %d lost", err, m.lost)
	}
}

// FuzzMerge: whatever the extcap's stream holds, the merger ends with an error
// or a stream of whole blocks.
func FuzzMerge(f *testing.F) {
	f.Add(stream(framePacket(10, "first"), block(blockStatistics, make([]byte, 40))), false)
	f.Add(stream(framePacket(10, "first"), linePacket()), true)
	var lines bytes.Buffer
	w := extcap.NewConsoleWriter(&lines, 1, "gateway")
	if err := errors.Join(w.Interfaces(), w.Line(0, epoch(), "text")); err != nil {
		f.Fatal(err)
	}
	f.Add(stream(lines.Bytes()), true)
	f.Fuzz(func(t *testing.T, in []byte, live bool) {
		line := newTimeline()
		onAir(line, 1, 0, 10, air.Benign, "first")
		_, out, _, _ := merged(t, live, line, in)
		for r := strings.NewReader(out); ; {
			if _, err := readBlock(r, nil); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%v in what was written for %x", err, in)
			}
		}
	})
}
