package unseal

import (
	"bytes"
	"encoding/binary"

	"pqiot/analysis/packet"
	"pqiot/wire"
)

// Bounds of what is kept, whatever the input. A table that is full forgets
// the entry that was used longest ago.
const (
	maxBSS    = 1024
	maxPairs  = 4096
	keysAPair = 4 // the current key and those before it: a rekey overlaps
	keysAnID  = 2 // group keys of one key id
)

// EAPOL-Key layout, offsets from the EAPOL header (IEEE 802.11-2020 §12.7.2).
const (
	infoAt     = 5
	replayAt   = 9
	nonceAt    = 17
	micAt      = 81
	micSize    = 16
	dataLenAt  = 97
	keyDataAt  = 99
	infoMask   = 7
	infoPair   = 0x0008
	infoAck    = 0x0080
	infoMIC    = 0x0100
	infoCipher = 0x1000
)

// Outcome says what became of a protected frame.
type Outcome uint8

// Outcomes, in the order in which a report names them.
const (
	Decrypted   Outcome = iota
	NoNetwork           // no passphrase or PSK for this network
	NoHandshake         // its 4-way handshake was not heard
	WrongKey            // the handshake does not fit the passphrase
	BadMIC              // keys are known and none opens the frame
	TKIP                // not read
	WPA3                // SAE, OWE and others: a capture does not hold what it takes
	FastBSS             // fast transition: keys come from another association
	WEP                 // no extended IV: WEP
	Cut                 // cut by the snap length
	OtherCipher         // GCMP or a 256-bit CCMP
	NumOutcomes
)

func (o Outcome) String() string {
	return [NumOutcomes]string{"decrypted", "no passphrase for the network", "4-way handshake not heard",
		"the passphrase does not fit the handshake", "no key opens the frame", "TKIP", "WPA3 or another AKM without PSK",
		"fast transition (FT)", "WEP", "frame cut by the snap length", "GCMP or CCMP-256"}[o]
}

// WPA follows handshakes and opens frames. It is for one goroutine.
type WPA struct {
	nets   []Network
	bss    map[wire.MAC]*bss
	pairs  map[pairID]*pair
	clock  uint64 // counts calls, for the age of entries
	nextID uint32
	counts [NumOutcomes]int64
}

type pairID struct{ ap, sta wire.MAC }

type bss struct {
	ssid   string
	cipher Outcome // what the RSN or WPA element says that is not read; else Decrypted
	used   uint64
	group  [4][]*ccmp
}

// pair is one station at one access point and the handshake under way.
type pair struct {
	used           uint64
	keys           []*ccmp // newest first
	last           ptk     // of keys[0]
	tried          Outcome // why there is no key
	version        uint16
	anonce, snonce [32]byte
	haveA, haveS   bool
	m2             []byte // message 2, until message 1 or 3 brings the nonce
}

// NewWPA takes the networks that the user has keys for.
func NewWPA(nets []Network) *WPA {
	return &WPA{nets: nets, bss: map[wire.MAC]*bss{}, pairs: map[pairID]*pair{}}
}

// Counts are protected frames by what became of them.
func (w *WPA) Counts() [NumOutcomes]int64 { return w.counts }

// Learn looks at a frame in the clear, or decrypted: beacons and probe
// responses name networks, EAPOL brings keys.
func (w *WPA) Learn(p *packet.Packet) {
	h := &p.Dot11
	if !h.Present {
		return
	}
	w.clock++
	switch {
	case h.Type == 0 && (h.Subtype == 8 || h.Subtype == 5): // beacon, probe response
		w.beacon(h, 12)
	case h.Type == 0 && (h.Subtype == 0 || h.Subtype == 2): // (re)association request
		w.beacon(h, 4+6*int(h.Subtype/2))
	case p.EtherType == packet.EtherEAPOL:
		w.eapol(p)
	}
}

// Open decrypts a protected data frame to the end of dst. key names the
// temporal key whose MIC was right, 0 where none was.
func (w *WPA) Open(dst []byte, p *packet.Packet) (out []byte, key uint32, o Outcome) {
	w.clock++
	out, key, o = w.open(dst, p)
	w.counts[o]++
	return out, key, o
}

func (w *WPA) open(dst []byte, p *packet.Packet) ([]byte, uint32, Outcome) {
	h := &p.Dot11
	if !h.HasPN {
		return dst, 0, WEP
	}
	if p.Orig > p.Len {
		return dst, 0, Cut
	}
	if h.RA[0]&1 != 0 {
		return w.openGroup(dst, h)
	}
	ids := [2]pairID{{h.RA, h.TA}, {h.TA, h.RA}}
	if h.Is(packet.FromDS) && !h.FourAddr {
		ids[0], ids[1] = ids[1], ids[0]
	}
	why := w.explain(h)
	for _, id := range ids {
		s := w.pairs[id]
		if s == nil {
			continue
		}
		s.used = w.clock
		for i, k := range s.keys {
			if out, ok := k.open(dst, h); ok {
				if i > 0 { // the key in use comes first
					s.keys[0], s.keys[i] = s.keys[i], s.keys[0]
				}
				return out, k.id, Decrypted
			}
		}
		if len(s.keys) > 0 {
			if why == NoHandshake || why == NoNetwork {
				why = BadMIC
			}
		} else if s.tried != Decrypted {
			why = s.tried
		}
	}
	return dst, 0, why
}

func (w *WPA) openGroup(dst []byte, h *packet.Dot11) ([]byte, uint32, Outcome) {
	b := w.bss[h.TA]
	if b == nil || len(b.group[h.KeyID]) == 0 {
		return dst, 0, w.explain(h)
	}
	b.used = w.clock
	for _, k := range b.group[h.KeyID] {
		if out, ok := k.open(dst, h); ok {
			return out, k.id, Decrypted
		}
	}
	if b.cipher != Decrypted {
		return dst, 0, b.cipher
	}
	return dst, 0, BadMIC
}

// explain says why there is no key for a frame.
func (w *WPA) explain(h *packet.Dot11) Outcome {
	b := w.bss[h.BSSID]
	if b == nil {
		if len(w.nets) == 0 {
			return NoNetwork
		}
		return NoHandshake
	}
	if b.cipher != Decrypted {
		return b.cipher
	}
	for i := range w.nets {
		if b.ssid == "" || w.nets[i].SSID == b.ssid {
			return NoHandshake
		}
	}
	return NoNetwork
}

// beacon reads the elements of a management frame that begin at from.
func (w *WPA) beacon(h *packet.Dot11, from int) {
	if len(h.Body) < from {
		return
	}
	b := w.bssOf(h.BSSID)
	rsn := false
	for e := h.Body[from:]; len(e) >= 2 && len(e) >= 2+int(e[1]); e = e[2+int(e[1]):] {
		v := e[2 : 2+int(e[1])]
		switch e[0] {
		case 0:
			if len(v) > 0 && len(v) <= 32 && v[0] != 0 && b.ssid != string(v) {
				b.ssid = string(v)
			}
		case 48:
			b.cipher, rsn = rsnCipher(v), true
		case 221: // WPA before 802.11i: TKIP
			if !rsn && len(v) >= 4 && bytes.Equal(v[:4], []byte{0x00, 0x50, 0xF2, 1}) {
				b.cipher = TKIP
			}
		}
	}
}

// rsnCipher reads the RSN element (IEEE 802.11-2020 §9.4.2.24): Decrypted
// where CCMP and an AKM with a PSK are among what is offered.
func rsnCipher(v []byte) Outcome {
	suites := func(at int) (n int, list []byte, ok bool) {
		if len(v) < at+2 {
			return 0, nil, false
		}
		n = int(binary.LittleEndian.Uint16(v[at:]))
		if len(v) < at+2+4*n {
			return 0, nil, false
		}
		return n, v[at+2 : at+2+4*n], true
	}
	n, ciphers, ok := suites(6)
	if !ok {
		return Decrypted
	}
	if !hasSuite(ciphers, 4) {
		switch {
		case hasSuite(ciphers, 2):
			return TKIP
		case hasSuite(ciphers, 8), hasSuite(ciphers, 9), hasSuite(ciphers, 10):
			return OtherCipher
		}
	}
	_, akms, ok := suites(8 + 4*n)
	switch {
	case !ok || hasSuite(akms, 2) || hasSuite(akms, 6):
		return Decrypted
	case hasSuite(akms, 3) || hasSuite(akms, 4):
		return FastBSS
	}
	return WPA3
}

func hasSuite(list []byte, kind byte) bool {
	for ; len(list) >= 4; list = list[4:] {
		if bytes.Equal(list[:4], []byte{0x00, 0x0F, 0xAC, kind}) {
			return true
		}
	}
	return false
}

func (w *WPA) bssOf(id wire.MAC) *bss {
	b := w.bss[id]
	if b == nil {
		if len(w.bss) >= maxBSS {
			oldest(w.bss, func(b *bss) uint64 { return b.used })
		}
		b = &bss{}
		w.bss[id] = b
	}
	b.used = w.clock
	return b
}

func (w *WPA) pairOf(id pairID) *pair {
	s := w.pairs[id]
	if s == nil {
		if len(w.pairs) >= maxPairs {
			oldest(w.pairs, func(s *pair) uint64 { return s.used })
		}
		s = &pair{tried: NoHandshake}
		w.pairs[id] = s
	}
	s.used = w.clock
	return s
}

// oldest removes the entry that was used longest ago.
func oldest[K comparable, V any](m map[K]V, used func(V) uint64) {
	var at K
	best := ^uint64(0)
	for k, v := range m {
		if u := used(v); u < best {
			at, best = k, u
		}
	}
	delete(m, at)
}
