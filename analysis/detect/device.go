package detect

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// devices are the addresses that sent something.
type devices struct {
	t table[wire.MAC, device]
}

type device struct {
	packets                      int64
	ap, station, gateway, sender bool
	ips                          [][16]byte
	v4                           []bool
	name                         string
}

const ipsADevice = 8

func (d *devices) init() {
	d.t = newTable[wire.MAC, device](devicesMax)
	d.t.place = func(seed maphash.Seed, m wire.MAC) uint32 { // a number is hashed faster than an array
		return anywhere(seed, uint64(binary.BigEndian.Uint32(m[:]))<<16|uint64(binary.BigEndian.Uint16(m[4:])))
	}
}

func (d *devices) see(f *Frame) {
	h := &f.Dot11
	from := f.SA
	if h.Present {
		if from = h.TA; f.More {
			return
		}
	}
	if from == (wire.MAC{}) {
		return
	}
	x, _ := d.t.put(from)
	x.packets++
	if h.Present {
		beacon := h.Type == typeMgmt && (h.Subtype == 8 || h.Subtype == 5)
		ds := h.Flags & (packet.ToDS | packet.FromDS)
		x.ap = x.ap || beacon || h.Type == typeData && ds == packet.FromDS
		x.station = x.station || h.Type == typeData && ds == packet.ToDS
	}
	if f.IP.Version == 0 && f.EtherType != packet.EtherARP {
		return
	}
	if f.SA != from {
		x = d.t.get(f.SA)
	}
	if x != nil {
		x.address(f)
	}
}

// holds: the device has the address.
func (x *device) holds(ip [16]byte, v4 bool) {
	if unspecified := ip == [16]byte{10: 0xFF, 11: 0xFF} || ip == [16]byte{}; !unspecified &&
		len(x.ips) < ipsADevice && !slices.Contains(x.ips, ip) {
		x.ips, x.v4 = append(x.ips, ip), append(x.v4, v4)
	}
}

// address: who sends from an IP address, and in which role of the session.
func (x *device) address(f *Frame) {
	if ip, ok := f.ARPSender(); ok {
		x.holds(ip, true)
		return
	}
	x.holds(f.IP.Src, f.IP.Version == 4)
	if name, ok := f.Hostname(); ok && x.name == "" {
		x.name = name
	}
	if f.Layer != packet.LayerCoAP {
		return
	}
	c := &f.CoAP
	x.sender = x.sender || c.Code == 2 && isLayout(c)
	x.gateway = x.gateway || c.Code >= 0x40 && (c.Format == wire.ContentFormatKey || isLayout(c))
}

func (x *device) role() string {
	switch {
	case x.gateway:
		return "gateway"
	case x.sender:
		return "sender"
	case x.ap:
		return "access_point"
	case x.station:
		return "station"
	}
	return "unknown"
}

func (d *devices) list() []report.Device {
	out := []report.Device{}
	d.t.each(func(mac wire.MAC, x *device) {
		r := report.Device{MAC: mac.String(), Name: x.name, IPs: []string{}, Role: x.role(), Packets: x.packets}
		for i, ip := range x.ips {
			v := packet.IP{Version: 6}
			if x.v4[i] {
				v.Version = 4
			}
			r.IPs = append(r.IPs, ipString(&v, ip))
		}
		out = append(out, r)
	})
	slices.SortFunc(out, func(a, b report.Device) int {
		return cmp.Or(cmp.Compare(b.Packets, a.Packets), cmp.Compare(a.MAC, b.MAC))
	})
	return out
}
