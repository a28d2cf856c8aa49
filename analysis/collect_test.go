package analysis

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pqiot/analysis/detect"
	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// coapFrame is a request of station n to the gateway, or the answer.
func coapFrame(n uint32, mid uint16, up bool, at int64) *detect.Frame {
	p := &packet.Packet{Frame: uint64(mid) + 1, Time: at, Layer: packet.LayerCoAP, SA: wire.MAC{2, 0}}
	p.Dot11.Present = true
	binary.BigEndian.PutUint32(p.SA[2:], n)
	p.Dot11.TA = p.SA
	p.IP = packet.IP{Version: 4, Src: [16]byte{10: 0xFF, 11: 0xFF, 12: 10, 15: byte(n)}, Dst: [16]byte{10: 0xFF, 11: 0xFF, 12: 10, 13: 1}}
	p.CoAP = packet.CoAP{Code: 2, MID: mid, Format: wire.ContentFormatRecord, Payload: make([]byte, 40)}
	if !up {
		p.IP.Src, p.IP.Dst = p.IP.Dst, p.IP.Src
		p.CoAP.Type, p.CoAP.Code = packet.ACK, 0x44
	}
	return &detect.Frame{Packet: p}
}

func TestCollectLadder(t *testing.T) {
	c := newCollector(true)
	for mid := range uint16(100) {
		at := int64(mid) * 1e9
		c.observe(coapFrame(1, mid, true, at), detect.Fresh)
		c.observe(coapFrame(1, mid, true, at+1e6), detect.Relay)
		c.observe(coapFrame(1, mid, false, at+2e6), detect.Fresh)
		empty := coapFrame(1, mid+1000, true, at+3e6)
		empty.CoAP = packet.CoAP{MID: mid + 1000, Format: packet.NoFormat}
		c.observe(empty, detect.Fresh)
	}
	for mid := range uint16(30) {
		c.observe(coapFrame(1, mid, true, 200e9), detect.Replay)
	}
	var r report.Report
	c.fill(&r)
	if len(r.Plots.Ladders) != 1 {
		t.Fatalf("%d ladders", len(r.Plots.Ladders))
	}
	l := r.Plots.Ladders[0]
	if l.Sender != "10.0.0.1" || l.Gateway != "10.1.0.0" || len(l.Messages) != report.MaxMessages+report.MaxReplays || l.Left != 300-60+10 {
		t.Errorf("%s to %s, %d messages and %d left", l.Sender, l.Gateway, len(l.Messages), l.Left)
	}
	m := l.Messages[:3]
	if !m[0].Up || m[0].Copies != 1 || m[0].Class != report.ClassRecord || m[1].Up || m[1].Copies != 0 || !m[2].Up {
		t.Errorf("first messages %+v", m)
	}
	for _, x := range l.Messages[report.MaxMessages:] {
		if x.Kind != report.KindReplay {
			t.Errorf("after the first ones, frame %d is %s", x.Frame, x.Kind)
		}
	}
	d := r.Plots.Devices[0]
	if d.Frames[report.KindRelay] != 100 || d.Frames[report.KindReplay] != 30 || d.Exchanges != 100 {
		t.Errorf("device %+v", d)
	}
	if n := r.Plots.Sizes[40/report.SizeBin][report.ClassRecord]; n != 200 {
		t.Errorf("%d records of 40 bytes", n)
	}
}

// TestCollectBounded: whoever sends from a million made-up addresses takes no
// room, and hides nobody who talks.
func TestCollectBounded(t *testing.T) {
	c := newCollector(true)
	rnd := rand.New(rand.NewPCG(1, 2))
	const n = 200_000
	for i := range n {
		who := rnd.Uint32()
		if i%10 == 0 {
			who = 7
		}
		c.observe(coapFrame(who, uint16(i), true, int64(i)*1e6), detect.Fresh)
	}
	var r report.Report
	c.fill(&r)
	p := r.Plots
	total := p.Others.Total()
	for _, d := range p.Devices {
		total += d.Total()
	}
	if len(p.Devices) > collectDevices || total != n || p.Devices[0].Total() != n/10 {
		t.Errorf("%d devices, %d frames, the busiest sent %d", len(p.Devices), total, p.Devices[0].Total())
	}
	if len(p.Ladders) != report.MaxLadders || len(p.Ladders[0].Messages) > report.MaxMessages {
		t.Errorf("%d ladders", len(p.Ladders))
	}
}

func BenchmarkCollect(b *testing.B) {
	c := newCollector(true)
	var frames []*detect.Frame
	for i := range 64 {
		frames = append(frames, coapFrame(uint32(i%16), uint16(i), i%2 == 0, 0))
	}
	b.ReportAllocs()
	for i := range b.N {
		f := frames[i%64]
		f.Time = int64(i) * 1e5
		c.observe(f, detect.Kind(i%6))
	}
}
