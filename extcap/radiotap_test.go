package extcap

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"pqiot/wire"
)

// anAck is an 802.11 acknowledgement to 0a:0b:0c:0d:0e:0f.
var anAck = []byte{0xd4, 0, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f}

// radiotapCases are frames as boards report them, with the header that stands
// for each and what tshark reads in it (radiotapFields).
var radiotapCases = []struct {
	name   string
	frame  wire.Frame
	want   string // hex, for a TSFT of 0x1122334455
	fields string
}{
	{"1 Mb/s, channel 6", wire.Frame{Freq: 2437, RSSI: -42, PHY: wire.PHYDSSS, Rate: 2},
		"0000 1700 2f000000 5544332211000000 00 02 8509 a000 d6", "73588229205|0|0|0|1|2437|1|0|1|0|-42||||||"},
	{"11 Mb/s, short preamble", wire.Frame{Freq: 2412, RSSI: -90, PHY: wire.PHYDSSS, Rate: 22, Flags: wire.FrameShortPreamble},
		"0000 1700 2f000000 5544332211000000 02 16 6c09 a000 a6", "73588229205|1|0|0|11|2412|1|0|1|0|-90||||||"},
	{"54 Mb/s, signal unknown", wire.Frame{Freq: 2484, RSSI: wire.RSSIUnknown, PHY: wire.PHYOFDM, Rate: 108},
		"0000 1600 0f000000 5544332211000000 00 6c b409 c000", "73588229205|0|0|0|54|2484|0|1|1|0|||||||"},
	{"MCS 7, 20 MHz, short GI", wire.Frame{Freq: 2462, RSSI: -1, PHY: wire.PHYHTMixed, Rate: 7, Flags: wire.FrameShortGI},
		"0000 1a00 2b000800 5544332211000000 80 00 9e09 8004 ff 0f0407", "73588229205|0|0|1|72.2222|2462|0|0|1|1|-1|7|0|1|0||"},
	{"MCS 0, 40 MHz, greenfield", wire.Frame{Freq: 2437, RSSI: 0, PHY: wire.PHYHTGreenfield, Rate: 0, Flags: wire.Frame40MHz},
		"0000 1a00 2b000800 5544332211000000 00 00 8509 c000 00 0f0900", "73588229205|0|0|0|13.5|2437|0|1|1|0|0|0|1|0|1||"},
	{"part of an A-MPDU", wire.Frame{Freq: 2437, RSSI: -50, PHY: wire.PHYHTMixed, Rate: 5, Flags: wire.FrameAMPDU},
		"0000 2400 2b001800 5544332211000000 00 00 8509 8004 ce 0f0005 0000 07000000 00000000", "73588229205|0|0|0|52|2437|0|0|1|1|-50|5|0|0|0|7|"},
	{"nothing known", wire.Frame{RSSI: wire.RSSIUnknown, PHY: wire.PHYUnknown, Rate: 11},
		"0000 1100 03000000 5544332211000000 00", "73588229205|0|0|0|||||||||||||"},
}

// radiotapFields are tshark's names of what the cases check.
var radiotapFields = []string{
	"radiotap.mactime", "radiotap.flags.preamble", "radiotap.flags.fcs", "radiotap.flags.shortgi",
	"radiotap.datarate", "radiotap.channel.freq", "radiotap.channel.flags.cck", "radiotap.channel.flags.ofdm",
	"radiotap.channel.flags.2ghz", "radiotap.channel.flags.dynamic", "radiotap.dbm_antsignal",
	"radiotap.mcs.index", "radiotap.mcs.bw", "radiotap.mcs.gi", "radiotap.mcs.format", "radiotap.ampdu.reference",
	"_ws.malformed",
}

const caseTSFT = 0x1122334455

func TestAppendRadiotap(t *testing.T) {
	for _, c := range radiotapCases {
		got := AppendRadiotap([]byte("before"), caseTSFT, c.frame, 7)
		want := append([]byte("before"), unhex(t, c.want)...)
		if string(got) != string(want) {
			t.Errorf("%s:\ngot  %x\nwant %x", c.name, got[6:], want[6:])
		}
		if len(got)-6 > maxRadiotap {
			t.Errorf("%s: %d bytes, maxRadiotap is %d", c.name, len(got)-6, maxRadiotap)
		}
	}
}

// TestRadiotapLayer reads our bytes with a reader that others wrote.
func TestRadiotapLayer(t *testing.T) {
	for _, c := range radiotapCases {
		var rt layers.RadioTap
		b := append(AppendRadiotap(nil, caseTSFT, c.frame, 7), anAck...)
		if err := rt.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if rt.TSFT != caseTSFT || rt.Flags.FCS() || rt.Flags.ShortGI() != (c.frame.Flags&wire.FrameShortGI != 0) ||
			rt.ChannelFrequency != layers.RadioTapChannelFrequency(c.frame.Freq) {
			t.Errorf("%s: read back as %+v", c.name, rt)
		}
		if rt.Present.DBMAntennaSignal() != (c.frame.RSSI != wire.RSSIUnknown) ||
			rt.Present.DBMAntennaSignal() && rt.DBMAntennaSignal != c.frame.RSSI {
			t.Errorf("%s: signal read back as %d", c.name, rt.DBMAntennaSignal)
		}
		ht := c.frame.PHY == wire.PHYHTMixed || c.frame.PHY == wire.PHYHTGreenfield
		if rt.Present.MCS() != ht || ht && rt.MCS.MCS != c.frame.Rate {
			t.Errorf("%s: MCS read back as %+v", c.name, rt.MCS)
		}
		if rt.Present.Rate() && rt.Rate != layers.RadioTapRate(c.frame.Rate) {
			t.Errorf("%s: rate read back as %v", c.name, rt.Rate)
		}
		if rt.Present.AMPDUStatus() != (c.frame.Flags&wire.FrameAMPDU != 0) || rt.Present.AMPDUStatus() && rt.AMPDUStatus.Reference != 7 {
			t.Errorf("%s: A-MPDU read back as %+v", c.name, rt.AMPDUStatus)
		}
	}
}

func TestAggregate(t *testing.T) {
	part := wire.Frame{PHY: wire.PHYHTMixed, Rate: 7, Flags: wire.FrameAMPDU}
	slower := part
	slower.Rate = 3
	steps := []struct {
		what string
		at   uint64 // µs
		f    wire.Frame
		want uint32
	}{
		{"first", 1000, part, 1},
		{"same burst", 1300, part, 1},
		{"within the longest A-MPDU", 1000 + maxAMPDU, part, 1},
		{"later", 1001 + maxAMPDU, part, 2},
		{"another rate", 7000, slower, 3},
		{"the BlockAck", 7010, wire.Frame{}, 0},
		{"the next burst", 7020, slower, 4},
		{"the board's clock restarted", 5, slower, 5},
	}
	var a aggregate
	for _, s := range steps {
		if got := a.next(s.at, s.f); got != s.want {
			t.Errorf("%s: number %d, want %d", s.what, got, s.want)
		}
	}
}

func BenchmarkAppendRadiotap(b *testing.B) {
	b.ReportAllocs()
	var buf [maxRadiotap]byte
	for i := 0; b.Loop(); i++ {
		AppendRadiotap(buf[:0], caseTSFT, radiotapCases[i%len(radiotapCases)].frame, 7)
	}
}
