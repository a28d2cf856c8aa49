package detect

import (
	"hash/maphash"

	"pqiot/analysis/report"
	"pqiot/wire"
)

// gatewayKeys follows what gateways hand out: encapsulation keys, and Echo
// options that ask for a handshake again.
type gatewayKeys struct {
	keys   map[[16]byte]gatewayKey
	echoes map[endpoint]int64
}

// gatewayKey is what one address hands out: the first key that was heard, and the
// last.
type gatewayKey struct {
	first, last uint64 // hashes
	frame       uint64 // id, of the first
	// The last answer with another key than the first, whose relay may follow.
	other uint64
	mid   uint16
	time  int64
}

type endpoint struct {
	ip   [16]byte
	port uint16
}

const codeUnauthorized = 0x81 // 4.01

func (g *gatewayKeys) observe(e *Engine, f *Frame, body []byte) {
	c := &f.CoAP
	switch {
	case c.Code == codeUnauthorized && c.Echo != nil:
		if g.echoes == nil || len(g.echoes) >= flowsMax {
			g.echoes = map[endpoint]int64{}
		}
		g.echoes[endpoint{f.IP.Dst, f.UDP.DstPort}] = f.Time
	case c.Code == 0x45 && c.Format == wire.ContentFormatKey && isKeySize(len(body)):
		g.key(e, f, body)
	}
}

func isKeySize(n int) bool {
	return n == wire.EncapsulationKeySize512 || n == wire.EncapsulationKeySize768 || n == wire.EncapsulationKeySize1024
}

// key: a gateway's key is made once. Another one under the same address is a
// new board or a false gateway, and the pin tells which. Where both answer by
// turns, it is not the first that is new.
func (g *gatewayKeys) key(e *Engine, f *Frame, body []byte) {
	if g.keys == nil {
		g.keys = map[[16]byte]gatewayKey{}
	}
	hash := maphash.Bytes(e.seed, body)
	k, ok := g.keys[f.IP.Src]
	if !ok {
		if len(g.keys) < flowsMax {
			g.keys[f.IP.Src] = gatewayKey{first: hash, last: hash, frame: f.id()}
		}
		return
	}
	relay := hash == k.other && f.CoAP.MID == k.mid && f.Time-k.time < int64(relayWithin)
	known := hash == k.first || hash == k.last || relay
	k.last = hash
	if hash != k.first {
		k.other, k.mid, k.time = hash, f.CoAP.MID, f.Time
	}
	g.keys[f.IP.Src] = k
	if known {
		return
	}
	e.inc.add(f, finding{detector: "key.changed", severity: report.Medium, original: k.frame,
		source: ipString(&f.IP, f.IP.Src), destination: ipString(&f.IP, f.IP.Dst),
		summary:  "another encapsulation key under the same address: a new gateway, or a false one; compare the pin",
		evidence: map[string]any{"key_bytes": len(body), "ruled_out": "a gateway keeps its key over a restart"}})
}

// echoSince reports whether the sender of f was asked to repeat its handshake
// after since.
func (g *gatewayKeys) echoSince(f *Frame, since int64) bool {
	at, ok := g.echoes[endpoint{f.IP.Src, f.UDP.SrcPort}]
	return ok && at >= since
}
