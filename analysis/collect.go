package analysis

import (
	"cmp"
	"net/netip"
	"slices"

	"pqiot/analysis/detect"
	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// collector gathers what the HTML page draws, frame by frame, in bounded
// memory. A nil one gathers nothing.
type collector struct {
	plots   report.Plots
	devices map[wire.MAC]*report.Activity
	ladders []conversation
}

// conversation is the key of plots.Ladders at the same index.
type conversation struct{ sender, gateway [16]byte }

const (
	collectDevices = 1024 // before the quieter ones give way
	keepDevices    = 256
	copyWindow     = 8 // messages back that a copy may belong to
)

func newCollector(on bool) *collector {
	if !on {
		return nil
	}
	return &collector{devices: map[wire.MAC]*report.Activity{}}
}

func kindOf(k detect.Kind) report.Kind {
	switch k {
	case detect.Duplicate:
		return report.KindDuplicate
	case detect.WiFiRetry:
		return report.KindRetry
	case detect.Relay:
		return report.KindRelay
	case detect.Retransmission:
		return report.KindRetransmission
	case detect.Replay:
		return report.KindReplay
	}
	return report.KindFresh
}

// observe takes a frame and what the engine made of it.
func (c *collector) observe(f *detect.Frame, verdict detect.Kind) {
	if c == nil {
		return
	}
	kind := kindOf(verdict)
	// The further packets of an A-MSDU are no frames of their own, but their
	// repeats are counted as such.
	if !f.More || kind != report.KindFresh {
		c.plots.Timeline.Add(f.Time, kind)
		from := f.SA
		if f.Dot11.Present {
			from = f.Dot11.TA
		}
		if from != (wire.MAC{}) {
			c.device(from).Frames[kind]++
		}
	}
	if f.Layer == packet.LayerCoAP {
		c.coap(f, kind)
	}
}

func (c *collector) coap(f *detect.Frame, kind report.Kind) {
	m := &f.CoAP
	class := classOf(m)
	if n := len(m.Payload); kind == report.KindFresh && n > 0 {
		c.plots.Sizes[min(n/report.SizeBin, report.SizeBins-1)][class]++
	}
	if kind == report.KindFresh && m.Code > 0 && m.Code < 0x40 && f.SA != (wire.MAC{}) {
		c.device(f.SA).Exchanges++
	}
	up := m.Code > 0 && m.Code < 0x40
	talk := conversation{f.IP.Src, f.IP.Dst}
	if !up {
		talk = conversation{f.IP.Dst, f.IP.Src}
	}
	i := slices.Index(c.ladders, talk)
	if i < 0 && m.Code == 0 { // an empty message may come from either side
		if i = slices.Index(c.ladders, conversation{f.IP.Src, f.IP.Dst}); i >= 0 {
			up = true
		}
	}
	if i < 0 {
		if !up || class == report.ClassOther || len(c.ladders) == report.MaxLadders {
			return
		}
		i = len(c.ladders)
		c.ladders = append(c.ladders, talk)
		c.plots.Ladders = append(c.plots.Ladders, report.Ladder{
			Sender: address(f, talk.sender), Gateway: address(f, talk.gateway)})
	}
	c.message(&c.plots.Ladders[i], f, kind, class, up)
}

// message adds a message to a ladder, or a copy to a message.
func (c *collector) message(l *report.Ladder, f *detect.Frame, kind report.Kind, class report.Class, up bool) {
	m := &f.CoAP
	n := len(l.Messages)
	switch kind {
	case report.KindRetry, report.KindRelay, report.KindDuplicate:
		for i := n - 1; i >= max(0, n-copyWindow); i-- {
			if x := &l.Messages[i]; x.ID == m.MID && x.Code == m.Code && x.Up == up {
				x.Copy()
				return
			}
		}
		if l.Left > 0 {
			return // of a message that was left out
		}
	}
	if n >= report.MaxMessages && (kind != report.KindReplay || n >= report.MaxMessages+report.MaxReplays) {
		l.Left++
		return
	}
	block := m.Block1
	if !up {
		block = m.Block2
	}
	x := report.Message{Frame: f.Frame, File: f.File, Time: f.Time, Kind: kind, Up: up, Type: m.Type, Code: m.Code,
		ID: m.MID, Class: class, Block: -1, Size: len(m.Payload)}
	if block.Present && (block.Num > 0 || block.More) {
		x.Block = int32(block.Num)
	}
	l.Messages = append(l.Messages, x)
}

// classOf a message: by its resource where it is a request, else by its
// format.
func classOf(m *packet.CoAP) report.Class {
	switch {
	case m.Format == wire.ContentFormatKey || m.Code == 1 && m.PathHash == packet.PathKey:
		return report.ClassKey
	case m.Format >= wire.ContentFormatHandshake512 && m.Format <= wire.ContentFormatHandshake1024:
		return report.ClassHandshake
	case m.Format == wire.ContentFormatRecord:
		return report.ClassRecord
	}
	return report.ClassOther
}

func address(f *detect.Frame, a [16]byte) string {
	addr := netip.AddrFrom16(a)
	if f.IP.Version == 4 {
		addr = addr.Unmap()
	}
	return addr.String()
}

func (c *collector) device(mac wire.MAC) *report.Activity {
	if a := c.devices[mac]; a != nil {
		return a
	}
	if len(c.devices) >= collectDevices {
		c.prune()
	}
	a := &report.Activity{MAC: mac.String()}
	c.devices[mac] = a
	return a
}

// prune lets the quieter devices go: addresses made up at random must not
// push out those that talk.
func (c *collector) prune() {
	all := c.busiest()
	for _, a := range all[keepDevices:] {
		for k, n := range a.Frames {
			c.plots.Others.Frames[k] += n
		}
		c.plots.Others.Exchanges += a.Exchanges
	}
	kept := map[string]bool{}
	for _, a := range all[:keepDevices] {
		kept[a.MAC] = true
	}
	for mac, a := range c.devices {
		if !kept[a.MAC] {
			delete(c.devices, mac)
		}
	}
}

func (c *collector) busiest() []*report.Activity {
	all := make([]*report.Activity, 0, len(c.devices))
	for _, a := range c.devices {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *report.Activity) int {
		return cmp.Or(cmp.Compare(b.Total(), a.Total()), cmp.Compare(a.MAC, b.MAC))
	})
	return all
}

// fill hands over what was gathered.
func (c *collector) fill(r *report.Report) {
	if c == nil {
		return
	}
	for _, a := range c.busiest() {
		c.plots.Devices = append(c.plots.Devices, *a)
	}
	r.Plots = &c.plots
}
