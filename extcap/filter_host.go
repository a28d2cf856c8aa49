package extcap

import (
	"pqiot/wire"
)

// gate does on this computer what the board does not: for a recorded stream,
// for a board that lacks a command or refuses it, and for frames that the
// board sent before it took the settings. The zero value admits nothing.
type gate struct {
	filter  wire.Filter
	freq    uint16 // MHz; 0: any
	snapLen uint16 // bytes; 0: whole frames
}

// newGate is the gate for these settings. A recorded stream stays on the
// channels that it was recorded on.
func newGate(s settings, recorded bool) gate {
	g := gate{filter: s.filter, snapLen: s.snapLen}
	if s.channel != 0 && len(s.hop) == 0 && !recorded {
		g.freq = channelFreq(s.channel)
	}
	return g
}

// open reports whether the gate lets every frame through as it is.
func (g *gate) open() bool {
	return g.freq == 0 && g.snapLen == 0 && sameFilter(g.filter, wire.Filter{Types: wire.FilterAll})
}

// admit reports whether f passes, and cuts it to the snap length.
func (g *gate) admit(f *wire.Frame) bool {
	if g.freq != 0 && f.Freq != 0 && g.freq != f.Freq || !passes(&g.filter, f.Data) {
		return false
	}
	if g.snapLen > 0 && len(f.Data) > int(g.snapLen) {
		f.Data = f.Data[:g.snapLen]
	}
	return true
}

// publishGate gives decode the gate as conduct has it now.
func (s *session) publishGate() {
	if s.host.open() {
		s.gate.Store(nil)
		return
	}
	g := s.host
	s.gate.Store(&g)
}

// passes judges a frame as the board's filter does.
func passes(f *wire.Filter, frame []byte) bool {
	need := wire.FilterAll // no bit stands for extension frames, nor for less than a Frame Control
	if len(frame) >= 2 && frame[0]>>2&3 != 3 {
		need = 1 << (frame[0] >> 2 & 3)
	}
	if f.Types&need != need {
		return false
	}
	if f.Flags&wire.FilterNoBeacons != 0 && len(frame) >= 2 && frame[0]&0xFC == 0x80 {
		return false
	}
	return len(f.Addrs) == 0 || hasAddress(f.Addrs, frame)
}

// Control subtypes that carry RA and TA or BSSID (IEEE 802.11-2020 §9.3.1);
// the others have RA alone. Bits 2–5: Trigger, TACK, beamforming report poll,
// NDP announcement; 8–11: block ack request and block ack, PS-Poll, RTS; 14,
// 15: CF-End.
const ctlTwoAddresses = 0xCF3C

const ctlWrapper = 7 // subtype: another control frame stands inside (§9.3.1.9)

func hasAddress(addrs []wire.MAC, frame []byte) bool {
	if len(frame) < 2 {
		return false
	}
	at := [...]int{4, 10, 16, 24}
	n := 0
	switch kind, subtype := frame[0]>>2&3, frame[0]>>4; {
	case kind == 1 && subtype == ctlWrapper && len(frame) > 10:
		n, at[1] = ctlAddresses(frame[10]>>4), 16
	case kind == 1:
		n = ctlAddresses(subtype)
	case kind == 2 && frame[1]&3 == 3: // to and from the distribution system
		n = 4
	case kind != 3:
		n = 3
	}
	for _, a := range at[:n] {
		for _, want := range addrs {
			if a+6 <= len(frame) && wire.MAC(frame[a:a+6]) == want {
				return true
			}
		}
	}
	return false
}

func ctlAddresses(subtype uint8) int {
	return 1 + ctlTwoAddresses>>subtype&1
}
