package air

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"pqiot/wire"
)

// Label says what a frame of a simulation really is.
type Label string

// Labels, as they stand in the truth beside a capture. A repeat whose
// original the monitor did not hear is benign: nobody can tell.
const (
	Benign         Label = "benign"
	Retried        Label = "retry"
	Relayed        Label = "relay"
	Retransmission Label = "retransmission"
	Duplicated     Label = "duplicate" // the monitor wrote one frame twice
	Replayed       Label = "replay"
	Hostile        Label = "attack" // sent by an attacker, and no replay
)

// Truth is what one frame of a capture really is.
type Truth struct {
	Frame    uint64 `json:"frame"` // from 1, in the order of the capture
	Label    Label  `json:"label"`
	Original uint64 `json:"original"` // the frame that it repeats, 0 = none
}

// Conditions of the air. Shares are between 0 and 1.
type Conditions struct {
	Loss        float64 // of frames, at the receiver
	AckLoss     float64 // of acknowledgements
	MonitorLoss float64 // of what the monitor should have heard
	PacketLoss  float64 // of IP packets inside the access point
	Duplicates  float64 // of frames that the monitor writes twice
	Delay       float64 // share of packets that the access point holds back for up to 40 ms
}

// World is an access point, its stations and a monitor, in virtual time.
type World struct {
	Conditions
	now    uint64 // µs
	rng    *rand.Rand
	queue  events
	ap     *node
	nodes  map[wire.MAC]*node
	bss    BSS
	net    Network
	pmk    []byte
	gtk    []byte
	group  *CCMP
	heard  []Heard
	truth  []Truth
	frames uint64 // packets of the capture
	wpa    bool
	tsfOff uint64 // added to the radio's clock: a step of it
	ended  bool

	// Monitor, where set, is told of each frame that the monitor hears, and
	// nothing is kept for Capture.
	Monitor func(Heard, Truth)
}

// node is a radio: a station, or the access point's side of one.
type node struct {
	mac     wire.MAC
	ip      netip.Addr
	rssi    int8
	down    *node // of a station: the access point's counters toward it
	tk      *CCMP
	seq     uint16
	pn      uint64
	reused  uint64 // packet numbers up to this one are used a second time
	mgmtSeq uint16
	ipID    uint16
	nonces  int
	receive func(p packetIn)
	away    bool                // it belongs to no network now
	met     map[wire.MAC]uint64 // peers: when their address was last asked for, µs
}

// packetIn is an IP packet that arrived.
type packetIn struct {
	src, dst netip.AddrPort
	payload  []byte
	frame    uint64 // that carried it last; 0 = not heard by the monitor
}

// apMAC is the access point's address.
var apMAC = wire.MAC{2, 0, 0, 0, 0, 1}

// NewWorld makes an access point with nobody around it.
func NewWorld(seed uint64, wpa bool, c Conditions) (*World, error) {
	n := Network{SSID: SimSSID}
	if wpa {
		n.Passphrase = SimPassphrase
	}
	return NewNetwork(seed, n, c)
}

// Network is what a station must know to join.
type Network struct {
	SSID       string // 1 to 32 bytes
	Passphrase string // of WPA2, 8 to 63 bytes; empty: open air
}

// NewNetwork makes an access point of that name with nobody around it.
func NewNetwork(seed uint64, n Network, c Conditions) (*World, error) {
	if len(n.SSID) < 1 || len(n.SSID) > 32 {
		return nil, fmt.Errorf("network name of %d bytes, 1 to 32 expected", len(n.SSID))
	}
	wpa := n.Passphrase != ""
	w := &World{Conditions: c, rng: rand.New(rand.NewPCG(seed, 0x70716F74)), wpa: wpa,
		nodes: map[wire.MAC]*node{}, ap: &node{mac: apMAC, rssi: -40}, net: n,
		bss: BSS{BSSID: apMAC, SSID: n.SSID, Channel: 6, WPA2: wpa}}
	var err error
	if wpa {
		if w.pmk, err = PSK(n.SSID, n.Passphrase); err != nil {
			return nil, err
		}
	}
	w.gtk = w.random(16)
	if w.group, err = NewCCMP(w.gtk, 1); err != nil {
		return nil, err
	}
	w.after(1000, w.beacon)
	return w, nil
}

// Network of every simulation.
const (
	SimSSID       = "pqiot-air"
	SimPassphrase = "nothing but air"
)

// Capture is what the monitor heard, and what it really was.
func (w *World) Capture() ([]Heard, []Truth) { return w.heard, w.truth }

func (w *World) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(w.rng.Uint32())
	}
	return b
}

func (w *World) chance(share float64) bool { return share > 0 && w.rng.Float64() < share }

// between gives a number of µs.
func (w *World) between(lo, hi uint64) uint64 { return lo + w.rng.Uint64N(hi-lo+1) }

// event is something that happens at a time; order breaks ties.
type event struct {
	at    uint64
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	x := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return x
}

// after schedules do in us microseconds.
func (w *World) after(us uint64, do func()) {
	heap.Push(&w.queue, event{w.now + us, len(w.queue) + int(w.rng.Uint32N(4)), do})
}

// Run lets the time pass up to the given number of seconds.
func (w *World) Run(seconds float64) { w.RunUntil(uint64(seconds * 1e6)) }

// RunUntil lets the time pass up to a number of µs since the start, or until
// End is called.
func (w *World) RunUntil(end uint64) {
	for len(w.queue) > 0 && w.queue[0].at <= end && !w.ended {
		e := heap.Pop(&w.queue).(event)
		w.now = max(w.now, e.at)
		e.do()
	}
	if !w.ended {
		w.now = max(w.now, end)
	}
}

// End makes Run return once the event under way is over; nothing more happens.
func (w *World) End() { w.ended = true }

// Now is the time in µs since the start.
func (w *World) Now() uint64 { return w.now }

// After lets do happen in us microseconds.
func (w *World) After(us uint64, do func()) { w.after(us, do) }

// Next says when the next event is due, µs since the start.
func (w *World) Next() uint64 { return w.queue[0].at } // there is always a beacon

func (w *World) beacon() {
	w.ap.mgmtSeq++
	h := Header{FC: FCBeacon, A1: Broadcast, A2: apMAC, A3: apMAC, Seq: w.ap.mgmtSeq & 0xFFF}
	w.emit(radioSlow, w.ap.rssi, w.bss.AppendBeacon(h.Append(nil), w.now, true), Benign, 0)
	w.after(102400, w.beacon)
}

const simFreq = 2437

var (
	radioSlow   = wire.Frame{Freq: simFreq, PHY: wire.PHYDSSS, Rate: 2}
	radioLegacy = wire.Frame{Freq: simFreq, PHY: wire.PHYOFDM, Rate: 48}
	radioHT     = wire.Frame{Freq: simFreq, PHY: wire.PHYHTMixed, Rate: 7, Flags: wire.FrameShortGI}
)

// emit puts a frame on the air and returns its number in the capture, 0 where
// the monitor missed it.
func (w *World) emit(radio wire.Frame, rssi int8, data []byte, l Label, original uint64) uint64 {
	radio.RSSI, radio.AirLen, radio.Data = rssi, uint16(len(data)), data
	w.now += Airtime(radio)
	if w.chance(w.MonitorLoss) {
		return 0
	}
	if original == 0 && (l == Retried || l == Relayed || l == Retransmission) {
		l = Benign
	}
	n := w.frames + 1
	w.record(Heard{Time: w.now + w.tsfOff, Frame: radio}, Truth{n, l, original})
	if w.chance(w.Duplicates) {
		w.record(Heard{Time: w.now + w.tsfOff + 2, Frame: radio}, Truth{n + 1, Duplicated, n})
	}
	return n
}

// Skip says that the capture has a packet here that is no frame, so that the
// truth counts it.
func (w *World) Skip() { w.frames++ }

// record keeps what the monitor heard, or hands it on.
func (w *World) record(h Heard, t Truth) {
	w.frames++
	if w.Monitor != nil {
		w.Monitor(h, t)
		return
	}
	w.heard, w.truth = append(w.heard, h), append(w.truth, t)
}

// Airtime of a frame with its FCS, µs, rounded up.
func Airtime(f wire.Frame) uint64 {
	bits := uint64(f.AirLen+4) * 8
	switch f.PHY {
	case wire.PHYDSSS:
		return 192 + bits*2/uint64(f.Rate)
	case wire.PHYOFDM:
		return 21 + bits*2/uint64(f.Rate)
	default:
		return 37 + bits*10/722
	}
}

const maxTries = 7

// unicast sends a frame until it is acknowledged, at most maxTries times, and
// reports whether the receiver has it and the number of its first copy that
// the monitor heard.
func (w *World) unicast(from, to *node, radio wire.Frame, h Header, build func(Header) []byte, l Label, original uint64) (delivered bool, frame uint64) {
	w.now += w.between(40, 200)
	for try := range maxTries {
		label, orig := l, original
		if try > 0 {
			h.Flags |= Retry
			w.now += w.between(60, 600)
			if frame != 0 {
				label, orig = Retried, frame
			}
		}
		n := w.emit(radio, from.rssi, build(h), label, orig)
		if frame == 0 {
			frame = n
		}
		if w.chance(w.Loss) {
			continue
		}
		delivered = true
		w.now += 10
		w.emit(radioLegacy, to.rssi, AppendAck(nil, from.mac), Benign, 0)
		if !w.chance(w.AckLoss) {
			break
		}
	}
	return delivered, frame
}

// data sends the body of a data frame between a station and the access point.
func (w *World) data(sta *node, up bool, far wire.MAC, body []byte, l Label, original uint64) (bool, uint64) {
	from, to := sta, w.ap
	h := Header{FC: FCQoSData, Flags: ToDS, Duration: 44, A1: apMAC, A2: sta.mac, A3: far}
	counter := sta
	if !up {
		from, to, counter = w.ap, sta, sta.down
		h = Header{FC: FCQoSData, Flags: FromDS, Duration: 44, A1: sta.mac, A2: apMAC, A3: far}
	}
	counter.seq++
	h.Seq = counter.seq & 0xFFF
	build := func(h Header) []byte { return append(h.Append(nil), body...) }
	if sta.tk != nil {
		counter.pn++
		pn := counter.pn
		if pn <= counter.reused && l == Benign {
			l = Hostile // its key stream was used before: what the attack is for
		}
		build = func(h Header) []byte { return sta.tk.Append(nil, h, pn, body) }
	}
	return w.unicast(from, to, radioHT, h, build, l, original)
}
