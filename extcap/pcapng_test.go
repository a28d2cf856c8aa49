package extcap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

// writeCounter counts writes: each block must be one.
type writeCounter struct {
	bytes.Buffer
	writes int
}

func (w *writeCounter) Write(b []byte) (int, error) {
	w.writes++
	return w.Buffer.Write(b)
}

var someTime = time.UnixMicro(1_700_000_000_123_456)

func aSection() section {
	return section{hardware: "PineCone BL602", os: "Linux 6.1", application: Application}
}

func anInterface() iface {
	return iface{snapLen: 9000, name: "pinecone", description: "PineCone sniffer", filter: "not beacon",
		os: "Linux 6.1", hardware: "PineCone, firmware 1.2.3", mac: []byte{10, 11, 12, 13, 14, 15}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPcapngBlocks(t *testing.T) {
	var w writeCounter
	p := newPcapngWriter(&w)
	must(t, p.section(aSection()))
	must(t, p.iface(anInterface()))
	head := AppendRadiotap(nil, 1, wire.Frame{Freq: 2437, RSSI: -42, Rate: 2}, 0)
	must(t, p.packet(packet{time: someTime, head: head, data: anAck, origLen: 100, drops: 3, comment: "3 lost: π"}))
	must(t, p.packet(packet{time: someTime.Add(time.Microsecond), head: head, data: anAck}))
	must(t, p.statistics(counters{start: someTime, end: someTime.Add(time.Second), known: true,
		received: 10, accepted: 8, boardDrops: 2, lineDrops: 1, delivered: 2}))
	if w.writes != 5 {
		t.Errorf("5 blocks in %d writes, want one each", w.writes)
	}
	blocks := readBlocks(t, w.Bytes())
	first := only(blocks, blockPacket)[0]
	if !first.time().Equal(someTime) || string(first.captured()) != string(head)+string(anAck) || first.origLen() != 100 ||
		first.count(epbDropCount) != 3 || first.comment() != "3 lost: π" ||
		binary.NativeEndian.Uint32(first.options[epbFlags]) != 1 {
		t.Errorf("first packet: %+v", first)
	}
	second := only(blocks, blockPacket)[1]
	if second.origLen() != len(head)+len(anAck) || len(second.options) != 1 {
		t.Errorf("second packet: original length %d, options %v", second.origLen(), second.options)
	}
	st := blocks[4]
	if !readTime(st.options[isbStartTime]).Equal(someTime) || !readTime(st.options[isbEndTime]).Equal(someTime.Add(time.Second)) {
		t.Error("statistics: wrong times")
	}
	for code, want := range map[uint16]int64{isbIfRecv: 10, isbIfDrop: 2, isbFilterAccept: 8, isbOSDrop: 1, isbUsrDeliv: 2} {
		if got := st.count(code); got != want {
			t.Errorf("statistics: option %d is %d, want %d", code, got, want)
		}
	}
}

func TestPcapngLimits(t *testing.T) {
	var w bytes.Buffer
	p := newPcapngWriter(&w)
	long := strings.Repeat("π", maxOption)
	must(t, p.section(section{hardware: long, os: "\xff", application: ""}))
	must(t, p.iface(iface{name: "x", filter: long}))
	must(t, p.packet(packet{time: time.Unix(-5, 0), data: make([]byte, 2*maxBlock), comment: long}))
	must(t, p.statistics(counters{}))
	blocks := readBlocks(t, w.Bytes())
	if got := blocks[0].options[shbHardware]; len(got) != maxOption || !strings.HasPrefix(long, string(got)) {
		t.Errorf("long option cut to %d bytes", len(got))
	}
	if got := blocks[0].options[shbOS]; string(got) != "\uFFFD" {
		t.Errorf("what is not UTF-8 written as %x", got)
	}
	if _, ok := blocks[0].options[shbUserAppl]; ok {
		t.Error("an empty option was written")
	}
	if n := len(blocks[2].captured()); n != maxPacketBytes || blocks[2].time().UnixMicro() != 0 {
		t.Errorf("large packet: %d bytes at %v", n, blocks[2].time())
	}
	if blocks[3].count(isbIfRecv) != -1 {
		t.Error("statistics claim the board's counters without having heard them")
	}
}

// TestPcapngTshark has the field's own readers judge what we write.
func TestPcapngTshark(t *testing.T) {
	var w bytes.Buffer
	p := newPcapngWriter(&w)
	must(t, p.section(aSection()))
	must(t, p.iface(anInterface()))
	for i, c := range radiotapCases {
		head := AppendRadiotap(nil, caseTSFT, c.frame, 7)
		at := someTime.Add(time.Duration(i) * time.Microsecond)
		must(t, p.packet(packet{time: at, head: head, data: anAck, comment: fmt.Sprint("number ", i+1), drops: uint64(i)}))
	}
	must(t, p.statistics(counters{start: someTime, end: someTime, delivered: uint64(len(radiotapCases))}))
	lines := tsharkFields(t, w.Bytes(), radiotapFields...)
	if len(lines) != len(radiotapCases) {
		t.Fatalf("tshark reads %d packets, want %d", len(lines), len(radiotapCases))
	}
	for i, c := range radiotapCases {
		if lines[i] != c.fields {
			t.Errorf("%s: tshark reads\n%s, want\n%s", c.name, lines[i], c.fields)
		}
	}
	lines = tsharkFields(t, w.Bytes(), "frame.time_epoch", "frame.comment", "wlan.ra", "frame.packet_flags", "_ws.malformed")
	if want := "1700000000.123456000|number 1|0a:0b:0c:0d:0e:0f|0x00000001|"; lines[0] != want {
		t.Errorf("tshark reads %s, want %s", lines[0], want)
	}
	info := runTool(t, w.Bytes(), "capinfos", "FILE")
	for _, want := range []string{"Capture hardware:    PineCone BL602", "Capture oper-sys:    Linux 6.1",
		"Capture application: " + Application, "Encapsulation = IEEE 802.11 plus radiotap",
		"Time precision = microseconds (6)", "Name = pinecone", "Filter string = not beacon",
		"Hardware = PineCone, firmware 1.2.3", "Number of stat entries = 1"} {
		if !strings.Contains(info, want) {
			t.Errorf("capinfos does not say %q:\n%s", want, info)
		}
	}
}

func BenchmarkPcapngPacket(b *testing.B) {
	p := newPcapngWriter(io.Discard)
	head := AppendRadiotap(nil, caseTSFT, radiotapCases[0].frame, 0)
	data := make([]byte, 300)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		p.packet(packet{time: someTime, head: head, data: data})
	}
}
