package detect

import (
	"hash/maphash"

	"pqiot/analysis/packet"
	"pqiot/wire"
)

// relays finds the access point's copies of what stations sent, by their
// content, for everything that is not CoAP: there the exchange tells.
type relays struct {
	t table[uint64, relayed]
}

type relayed struct {
	time     int64
	up, down uint16
}

const relaysMax = 1 << 13 // what an access point may hold within relayWithin

func (r *relays) init() { r.t = newTable[uint64, relayed](relaysMax) }

// observe reports whether a frame is the relay of an earlier one.
func (r *relays) observe(seed maphash.Seed, f *Frame) bool {
	h := &f.Dot11
	ds := h.Flags & (packet.ToDS | packet.FromDS)
	if f.Layer < packet.LayerNet || h.Type != typeData || ds != packet.ToDS && ds != packet.FromDS {
		return false
	}
	if ds == packet.FromDS && f.SA == h.TA {
		return false // the access point's own
	}
	var m maphash.Hash
	m.SetSeed(seed)
	for _, a := range [2]wire.MAC{f.SA, f.DA} {
		m.Write(a[:])
	}
	m.Write(f.Net)
	x, fresh := r.t.put(m.Sum64())
	if !fresh && f.Time-x.time > int64(relayWithin) {
		*x = relayed{}
	}
	x.time = f.Time
	if ds == packet.ToDS {
		x.up++
		return false
	}
	if x.down < x.up {
		x.down++
		return true
	}
	return false
}
