package detect

import (
	"hash/maphash"
	"slices"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
)

// Frame is a packet and what unsealing it brought.
type Frame struct {
	*packet.Packet
	File int    // index of its file
	Key  uint32 // temporal key whose MIC was right, 0 = none
	TKIP bool   // its network uses TKIP, whose packet numbers lie otherwise
	More bool   // not the first MSDU of its frame

	Forged bool // the session's keys are known, and the record's tag is wrong
	Twin   bool // another sniffer heard it too, and came first

	bodyHash uint64 // of the CoAP payload, whole
}

// id tells the frame from all others of the time line: its file, and its
// number in it.
func (f *Frame) id() uint64 { return uint64(f.File)<<frameBits | f.Frame }

const frameBits = 48

func number(id uint64) uint64 { return id & (1<<frameBits - 1) }
func file(id uint64) int      { return int(id >> frameBits) }

// Kind is what a frame turned out to be.
type Kind uint8

// Kinds of frames, in the order in which they are tried.
const (
	Fresh     Kind = iota
	Duplicate      // the capture has it twice
	WiFiRetry
	Relay
	Retransmission
	Replay
)

// Engine runs all detectors over one time line. It is for one goroutine.
type Engine struct {
	seed     maphash.Seed
	link     linkRetry
	relays   relays
	pn       packetNumbers
	hands    handshakes
	content  content
	exchange exchangeTable
	blocks   packet.Blockwise
	keys     gatewayKeys
	rate     rates
	devices  devices
	sessions sessions
	inc      incidents
	repeats  report.Repeats
}

// New returns an engine. emit is called when an incident opens, and again as
// it grows; it may be nil.
func New(emit func(report.Alert)) *Engine {
	e := &Engine{seed: maphash.MakeSeed()}
	e.inc.emit = emit
	e.link.init()
	e.relays.init()
	e.pn.init()
	e.hands.init()
	e.content.init(e.seed)
	e.exchange.init()
	e.rate.init()
	e.devices.init()
	e.sessions.init()
	return e
}

// Observe takes the next frame and says what it is.
func (e *Engine) Observe(f *Frame) Kind {
	if f.Twin {
		return Duplicate
	}
	e.devices.see(f)
	kind := Fresh
	if f.Dot11.Present && !f.More {
		kind = e.dot11(f)
	}
	switch {
	case kind != Fresh:
	case f.Layer == packet.LayerCoAP:
		kind = e.coap(f)
	case f.Dot11.Present && e.relays.observe(e.seed, f):
		kind = Relay
	}
	e.count(kind)
	return kind
}

// dot11 is what the link itself tells.
func (e *Engine) dot11(f *Frame) Kind {
	h := &f.Dot11
	if h.Type == typeControl {
		return Fresh
	}
	v := e.link.observe(e.seed, f)
	if v.kind == WiFiRetry || v.kind == Duplicate {
		return v.kind
	}
	e.hands.observe(e, f)
	if v.kind == Replay {
		e.linkReplay(f, v)
	}
	if e.pn.observe(e, f, v) {
		v.kind = Replay
	}
	return v.kind
}

func (e *Engine) count(k Kind) {
	switch k {
	case WiFiRetry:
		e.repeats.WiFiRetry++
	case Relay:
		e.repeats.Relay++
	case Retransmission:
		e.repeats.CoAPRetransmission++
	case Replay:
		e.repeats.Replay++
	}
}

// Confirm returns an engine for a second look at the same input: it knows
// exactly the payloads that this one had forgotten and may have met again.
// nil where there is nothing to confirm.
func (e *Engine) Confirm() *Engine {
	if len(e.content.suspects) == 0 {
		return nil
	}
	c := New(nil)
	c.seed, c.content.only = e.seed, e.content.suspects // the same seed for the hashes in their ids
	return c
}

// Merge takes over what a second look confirmed.
func (e *Engine) Merge(c *Engine) {
	type place struct {
		file  int
		frame uint64
	}
	known := map[place]bool{}
	for _, a := range e.inc.all {
		for _, n := range a.Frames {
			known[place{a.File, n}] = true
		}
	}
	for i, a := range c.inc.all {
		switch a.Detector {
		case "replay.datagram", "replay.ciphertext", "nonce.reuse", "replay.timing":
			seen := len(a.Frames)
			a.Frames = slices.DeleteFunc(a.Frames, func(n uint64) bool { return known[place{a.File, n}] })
			if len(a.Frames) == 0 {
				continue
			}
			a.Frame, a.Count = a.Frames[0], a.Count-int64(seen-len(a.Frames))
			e.inc.all = append(e.inc.all, a)
			e.inc.last = append(e.inc.last, c.inc.last[i])
			e.repeats.Replay += a.Count
		}
	}
}

// Fill puts what was found into a report.
func (e *Engine) Fill(r *report.Report) {
	r.Repeats = e.repeats
	r.Devices = e.devices.list()
	r.Sessions = e.sessions.list()
	r.Alerts = e.inc.list()
	if r.Limits.Evicted == nil {
		r.Limits.Evicted = map[string]int64{}
	}
	for name, n := range map[string]int64{
		"flows": e.link.flows.evicted, "packet_numbers": e.pn.flows.evicted, "fingerprints": e.content.seen.evicted,
		"exchanges": e.exchange.t.evicted, "rates": e.rate.keys.evicted, "devices": e.devices.t.evicted,
		"sessions": e.sessions.t.evicted, "handshakes": e.hands.t.evicted, "block_transfers": e.blocks.Evicted,
		"incidents": e.inc.dropped,
	} {
		if n > 0 {
			r.Limits.Evicted[name] += n
		}
	}
}

func seconds(ns int64) float64 { return float64(ns) / float64(time.Second) }
