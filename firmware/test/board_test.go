//go:build linux

package test

import (
	"bytes"
	"encoding/binary"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

// Every frame of a file gets through bit-exact, in order and with the radio's
// values, whatever the file's format.
func TestBitExact(t *testing.T) {
	t.Parallel()
	packets := traffic(10000, 50)
	plain := traffic(2000, 50)
	for i, p := range plain {
		plain[i].data = p.want.Data
		plain[i].want = wire.Frame{Freq: 2437, RSSI: wire.RSSIUnknown, PHY: wire.PHYUnknown,
			AirLen: p.want.AirLen, Data: p.want.Data}
	}
	files := map[string]struct {
		file    []byte
		packets []packet
	}{
		"pcap":                 {writePcap(binary.LittleEndian, linkRadiotap, false, packets), packets},
		"pcap big-endian":      {writePcap(binary.BigEndian, linkRadiotap, false, packets), packets},
		"pcap ns":              {writePcap(binary.LittleEndian, linkRadiotap, true, packets), packets},
		"pcapng":               {writePcapng(binary.LittleEndian, linkRadiotap, packets), packets},
		"pcapng big-endian":    {writePcapng(binary.BigEndian, linkRadiotap, packets), packets},
		"plain 802.11":         {writePcap(binary.LittleEndian, link80211, false, plain), plain},
		"plain 802.11, pcapng": {writePcapng(binary.LittleEndian, link80211, plain), plain},
	}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			out, c := runBoard(t, nil, "--speed", "max", "--uart-rate", "0", save(t, f.file))
			y := read(t, out)
			y.want(t, f.packets)
			n := uint64(len(f.packets))
			if y.gaps != 0 || c.Heard != n || c.Dropped != 0 || c.ToHost != uint64(len(out)) {
				t.Errorf("gaps %d, %+v", y.gaps, c)
			}
			if y.last.Heard != uint32(n) || y.last.Passed != uint32(n) {
				t.Errorf("last status %+v", y.last)
			}
			if strings.HasPrefix(name, "pcap") && y.times[7] != 1<<33+700 {
				t.Errorf("frame 7 is stamped %d, TSFT is %d", y.times[7], 1<<33+700)
			}
		})
	}
}

// A pcap header may say that every frame ends with an FCS.
func TestFCSFromLinkType(t *testing.T) {
	t.Parallel()
	frame := mac80211(1, 60)
	p := packet{data: append(bytes.Clone(frame), fcs...), want: wire.Frame{Freq: 2437,
		RSSI: wire.RSSIUnknown, PHY: wire.PHYUnknown, AirLen: 60, Data: frame}}
	file := writePcap(binary.LittleEndian, link80211|0x04000000|2<<28, false, []packet{p})
	out, _ := runBoard(t, nil, "--speed", "max", save(t, file))
	y := read(t, out)
	y.want(t, []packet{p})
}

func TestRadiotapValues(t *testing.T) {
	t.Parallel()
	frame := mac80211(3, 100)
	want := func(f wire.Frame) wire.Frame {
		f.AirLen, f.Data = 100, frame
		return f
	}
	type u8 = uint8
	type u16 = uint16
	qos := bytes.Clone(frame)
	qos[0] = 0x88
	padded := append(append(bytes.Clone(qos[:26]), 0, 0), qos[26:]...)
	tests := []struct {
		name   string
		header []byte
		data   []byte
		orig   int
		want   wire.Frame
	}{
		{"nothing known", radiotap(0), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 255})},
		{"1 Mb/s, short preamble", radiotap(0x2E, u8(2), u8(2), u16(2437), u16(0xA0), int8(-90)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: -90, PHY: 0, Rate: 2, Flags: wire.FrameShortPreamble})},
		{"5.5 Mb/s", radiotap(0xC, u8(11), u8(0), u16(2437), u16(0xA0)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 0, Rate: 11})},
		{"54 Mb/s", radiotap(0xC, u8(108), u8(0), u16(2437), u16(0xC0)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 1, Rate: 108})},
		{"no rate, CCK channel", radiotap(0x8, u16(2437), u16(0xA0)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 0})},
		{"no rate, OFDM channel", radiotap(0x8, u16(2437), u16(0xC0)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 1})},
		{"HT mixed, MCS 7, short GI, 40 MHz", radiotap(1<<19, u8(0x0F), u8(0x05), u8(7)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 2, Rate: 7, Flags: wire.FrameShortGI | wire.Frame40MHz})},
		{"HT greenfield, MCS 3, 20L", radiotap(1<<19, u8(0x0F), u8(0x0A), u8(3)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 3, Rate: 3})},
		{"HT, GI not known", radiotap(1<<19, u8(0x02), u8(0x0D), u8(1)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 2, Rate: 1})},
		{"A-MPDU after MCS", radiotap(1<<19|1<<20, u8(2), u8(0), u8(4), u8(0), uint32(9), u16(0), u16(0)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 2, Rate: 4, Flags: wire.FrameAMPDU})},
		{"VHT", radiotap(1<<21, make([]u8, 12)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 255})},
		{"two antennas", radiotap(1<<31|0x20, uint32(0x820), int8(-50), int8(-60), u8(1)), frame, 0,
			want(wire.Frame{Freq: 2437, RSSI: -50, PHY: 255})},
		{"fields before the signal", radiotap(0x3C|1<<19, u8(4), u8(0), u16(2437), u16(0xA0), u8(1), u8(2),
			int8(-33), u8(2), u8(0), u8(5)), frame, 0, want(wire.Frame{Freq: 2437, RSSI: -33, PHY: 2, Rate: 5})},
		{"cut by the capture, FCS cut off too", radiotap(0x2, u8(0x10)), frame[:40], 9 + 104,
			wire.Frame{Freq: 2437, RSSI: 127, PHY: 255, Flags: wire.FrameCut, AirLen: 100, Data: frame[:40]}},
		{"cut inside the FCS", radiotap(0x2, u8(0x10)), append(bytes.Clone(frame), fcs[:2]...), 9 + 104,
			want(wire.Frame{Freq: 2437, RSSI: 127, PHY: 255})},
		{"padding behind the MAC header", radiotap(0x2, u8(0x20)), padded, 0,
			wire.Frame{Freq: 2437, RSSI: 127, PHY: 255, AirLen: 100, Data: qos}},
	}
	var packets []packet
	for _, tt := range tests {
		packets = append(packets, packet{data: append(bytes.Clone(tt.header), tt.data...), orig: tt.orig, want: tt.want})
	}
	out, _ := runBoard(t, nil, "--speed", "max", savePackets(t, packets))
	y := read(t, out)
	for i, tt := range tests {
		if i < len(y.frames) {
			one := tally{frames: y.frames[i : i+1]}
			t.Run(tt.name, func(t *testing.T) { one.want(t, packets[i:i+1]) })
		}
	}
	y.want(t, packets)
}

// Frames that a radio would not deliver: bad FCS, no frame at all.
func TestUnusablePackets(t *testing.T) {
	t.Parallel()
	packets := traffic(3, 100)
	bad := packet{data: append(radiotap(0x2, uint8(0x50)), append(mac80211(1, 40), fcs...)...)}
	cut := packet{data: []byte{0, 0, 200, 0, 0, 0, 0, 0}}
	none := packet{data: radiotap(0)}
	version := packet{data: append([]byte{1}, packets[0].data[1:]...)}
	all := []packet{packets[0], bad, packets[1], cut, none, version, packets[2]}
	out, c := runBoard(t, nil, "--speed", "max", savePackets(t, all))
	y := read(t, out)
	y.want(t, packets)
	if c.Packets != 7 || c.Unusable != 4 || c.Heard != 3 {
		t.Errorf("%+v", c)
	}
}

// channels is frames that alternate between the channels 1, 6 and 11.
func channels(n int) []packet {
	freqs := []uint16{2412, 2437, 2462}
	packets := make([]packet, n)
	for i := range packets {
		f := mac80211(i, 60)
		packets[i] = packet{time: uint64(i) * 500, data: append(radiotap(0x8, freqs[i%3], uint16(0xC0)), f...),
			want: wire.Frame{Freq: freqs[i%3], RSSI: 127, PHY: wire.PHYOFDM, AirLen: 60, Data: f}}
	}
	return packets
}

func on(freq uint16, packets []packet) (heard []packet) {
	for _, p := range packets {
		if p.want.Freq == freq {
			heard = append(heard, p)
		}
	}
	return heard
}

func TestChannel(t *testing.T) {
	t.Parallel()
	packets := channels(300)
	file := savePackets(t, packets)
	tests := map[string]struct {
		stdin []byte
		args  []string
		want  []packet
	}{
		"6 at boot":    {nil, nil, on(2437, packets)},
		"11 at boot":   {nil, []string{"--channel", "11"}, on(2462, packets)},
		"1 by command": {command(1, wire.TypeChannel, []byte{1}), []string{"--wait"}, on(2412, packets)},
		"any":          {nil, []string{"--any-channel"}, packets},
		"none there":   {nil, []string{"--channel", "3"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, c := runBoard(t, tt.stdin, append(tt.args, "--speed", "max", file)...)
			y := read(t, out)
			y.want(t, tt.want)
			if c.OffChannel != uint64(len(packets)-len(tt.want)) || c.Heard != uint64(len(tt.want)) {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A hopping board hears each channel in its turn.
func TestHop(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--loop", savePackets(t, channels(60)))
	hop := wire.AppendHop(nil, wire.Hop{Dwell: 30, Channels: []uint8{11, 1, 6}})
	if r := b.do(wire.TypeHop, hop); r.Status != wire.ReplyDone || !bytes.Equal(r.Value, hop) {
		t.Fatalf("%+v", r)
	}
	order := map[uint16]uint16{2462: 2412, 2412: 2437, 2437: 2462} // each is followed by
	now, changes, inOrder := uint16(2462), 0, 0
	for changes < 7 {
		f, err := wire.ParseFrame(b.next(wire.TypeFrame).Body)
		if err != nil {
			t.Fatal(err)
		}
		if f.Freq == now {
			continue
		}
		if f.Freq == order[now] {
			inOrder++
		}
		now = f.Freq
		changes++
	}
	if inOrder < 2 { // a starved machine may miss turns, but not most
		t.Errorf("%d of %d changes of channel in the order of the hop", inOrder, changes)
	}
	s := b.status()
	if s.Flags&wire.StatusHopping == 0 {
		t.Errorf("status does not say hopping: %+v", s)
	}
	if r := b.do(wire.TypeChannel, []byte{6}); r.Status != wire.ReplyDone {
		t.Fatalf("%+v", r)
	}
	if s := b.status(); s.Flags&wire.StatusHopping != 0 || s.Channel != 6 {
		t.Errorf("still hopping: %+v", s)
	}
}

func (b *board) status() wire.Status {
	b.t.Helper()
	seq := b.send(wire.TypeStatusNow, nil)
	var s wire.Status
	for {
		select {
		case r, ok := <-b.records:
			if !ok {
				b.t.Fatal("the board ended before its status")
			}
			if r.Type == wire.TypeStatus {
				s, _ = wire.ParseStatus(r.Body)
			}
			if reply, _ := wire.ParseReply(r.Body); r.Type == wire.TypeReply && reply.Seq == seq {
				return s
			}
		case <-time.After(patience):
			b.t.Fatal("no answer to status now")
		}
	}
}

func TestSnapAndFilter(t *testing.T) {
	t.Parallel()
	packets := traffic(200, 100)
	for i := range packets {
		at := packets[i].data[len(radiotap(0x2F, make([]uint8, 15))):]
		fc := []byte{0x80, 0x08, 0xD4, 0x40}[i%4]
		at[0] = fc
		packets[i].want.Data[0] = fc
		at[9], packets[i].want.Data[9] = byte(i%3), byte(i%3) // the last byte of address 1
	}
	keep := func(f func(i int) bool) (kept []packet) {
		for i, p := range packets {
			if f(i) {
				kept = append(kept, p)
			}
		}
		return kept
	}
	cut := keep(func(int) bool { return true })
	for i := range cut {
		if len(cut[i].want.Data) > 100 {
			cut[i].want.Data = cut[i].want.Data[:100]
			cut[i].want.Flags |= wire.FrameCut
		}
	}
	filter := func(f wire.Filter) []byte { return command(1, wire.TypeFilter, wire.AppendFilter(nil, f)) }
	one := wire.MAC{2, 0, 0, 0, 0, 1}
	tests := map[string]struct {
		stdin []byte
		want  []packet
	}{
		"snap 100":   {command(1, wire.TypeSnapLen, []byte{100, 0}), cut},
		"data":       {filter(wire.Filter{Types: wire.FilterData}), keep(func(i int) bool { return i%4 == 1 })},
		"control":    {filter(wire.Filter{Types: wire.FilterCtl}), keep(func(i int) bool { return i%4 == 2 })},
		"management": {filter(wire.Filter{Types: wire.FilterMgt}), keep(func(i int) bool { return i%2 == 0 && i%4 != 2 || i%4 == 3 })},
		"no beacons": {filter(wire.Filter{Types: wire.FilterAll, Flags: wire.FilterNoBeacons}),
			keep(func(i int) bool { return i%4 != 0 })},
		"address": {filter(wire.Filter{Types: wire.FilterAll, Addrs: []wire.MAC{{9}, one}}),
			keep(func(i int) bool { return i%3 == 1 })},
		"nothing": {filter(wire.Filter{}), nil},
		"refused": {filter(wire.Filter{Types: 0x80}), packets},
	}
	file := savePackets(t, packets)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, c := runBoard(t, tt.stdin, "--wait", "--speed", "max", file)
			y := read(t, out)
			y.want(t, tt.want)
			if c.Filtered != uint64(len(packets)-len(tt.want)) || y.last.Heard != uint32(len(packets)) {
				t.Errorf("%+v, %+v", c, y.last)
			}
		})
	}
}

// With a UART of 20 kB/s the radio hears far more than leaves. No frame is
// dropped in silence: heard = delivered + reported as dropped, at every status
// (read checks it) and at the end, by the stream's own numbers and by those of
// the radio and the UART.
func TestOverload(t *testing.T) {
	t.Parallel()
	packets := traffic(4000, 400) // 1.6 s, 2 MB/s
	for _, filter := range []uint8{wire.FilterAll, wire.FilterMgt | wire.FilterData} {
		start := time.Now()
		out, c := runBoard(t, command(1, wire.TypeFilter, []byte{filter, 0, 0}),
			"--uart-rate", "20000", savePackets(t, packets))
		took := time.Since(start)
		y := read(t, out)
		delivered := uint64(len(y.frames))
		if c.Heard != 4000 || c.Heard != delivered+c.Dropped+c.Filtered || y.gaps != c.Dropped {
			t.Errorf("%d delivered, gaps %d, %+v", delivered, y.gaps, c)
		}
		if s := y.last; uint64(s.Heard) != c.Heard || uint64(s.RingDropped) != c.Dropped || uint64(s.Passed) != c.Passed {
			t.Errorf("last status %+v, %+v", s, c)
		}
		if c.Records != uint64(len(y.records))+y.gaps {
			t.Errorf("%d records and gaps of %d, %d made", len(y.records), y.gaps, c.Records)
		}
		if c.Dropped == 0 || delivered == 0 {
			t.Errorf("no overload: %+v", c)
		}
		if limit := 20000 * (took.Seconds() + 0.1); float64(len(out)) > limit {
			t.Errorf("%d bytes in %v: the UART was not held to 20 kB/s", len(out), took)
		}
		sent := map[string]bool{} // what came was sent, bit for bit
		for _, p := range packets {
			sent[string(p.want.Data)] = true
		}
		for i, f := range y.frames {
			if !sent[string(f.Data)] {
				t.Fatalf("frame %d was never sent", i)
			}
		}
	}
}

// A baud command changes the rate at which bytes leave.
func TestBaudChangesRate(t *testing.T) {
	t.Parallel()
	start := time.Now()
	out, c := runBoard(t, command(1, wire.TypeBaud, []byte{0, 0xC2, 1, 0}), "--wait", "--speed", "max",
		savePackets(t, traffic(40, 1)))
	if limit := 11520 * (time.Since(start).Seconds() + 0.1); float64(len(out)) > limit || c.Dropped != 0 {
		t.Errorf("%d bytes in %v, %+v", len(out), time.Since(start), c)
	}
	y := read(t, out)
	y.want(t, traffic(40, 1))
}

func TestPace(t *testing.T) {
	t.Parallel()
	file := savePackets(t, traffic(5, 200_000))
	for speed, least := range map[string]time.Duration{"1": 800 * time.Millisecond, "2": 400 * time.Millisecond} {
		start := time.Now()
		out, _ := runBoard(t, nil, "--speed", speed, file)
		if took := time.Since(start); took < least {
			t.Errorf("speed %s took %v, at least %v expected", speed, took, least)
		}
		y := read(t, out)
		y.want(t, traffic(5, 200_000))
	}
}

// Looped, the radio's time goes on and never back.
func TestLoop(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--loop", "--speed", "max", savePackets(t, traffic(10, 100)))
	last := uint64(0)
	for i := range 55 {
		r := b.next(wire.TypeFrame)
		if r.Time <= last {
			t.Fatalf("frame %d at %d after %d", i, r.Time, last)
		}
		last = r.Time
	}
}

func TestRadioSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "air")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	packets := append(traffic(500, 0), packet{want: wire.Frame{Freq: 2412, Data: []byte("other channel")}})
	for i := range packets { // every other one is stamped by the board's own clock
		packets[i].want.Flags &^= wire.FrameTSF
		if i%2 == 1 {
			packets[i].want.Flags |= wire.FrameTSF
		}
	}
	tsf := func(i int) uint64 { return 1<<40 + uint64(i) }
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var b []byte
		for i, p := range packets {
			body := wire.AppendFrame(nil, p.want)
			if p.want.Flags&wire.FrameTSF != 0 {
				body = binary.LittleEndian.AppendUint64(body, tsf(i))
			}
			b = append(binary.LittleEndian.AppendUint16(b, uint16(len(body))), body...)
		}
		for len(b) > 0 { // in odd pieces
			n := min(len(b), 777)
			if _, err := c.Write(b[:n]); err != nil {
				return
			}
			b = b[n:]
		}
	}()
	out, c := runBoard(t, nil, "--speed", "max", "--radio-socket", path)
	y := read(t, out)
	y.want(t, packets[:500])
	for i, at := range y.times {
		if i%2 == 1 && at != tsf(i) {
			t.Fatalf("frame %d at %d, its TSF is %d", i, at, tsf(i))
		}
	}
	if c.OffChannel != 1 || y.times[0] > uint64(patience.Microseconds()) {
		t.Errorf("%+v, first frame at %d", c, y.times[0])
	}
}
