package detect

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/wire"
)

// handshakes is D0: what key reinstallation attacks repeat, per access point
// and station. Plain association, authentication and deauthentication repeat
// honestly and are never judged by their content.
type handshakes struct {
	t table[pairKey, handshakeState]
}

type pairKey struct{ ap, sta wire.MAC }

type handshakeState struct {
	m3, m4       int64  // when last heard, ns; 0 = not
	m3Frame      uint64 // of the last message 3
	m3Nonce      [32]byte
	m1Between    int64 // message 1 after a message 3
	reassoc      uint64
	reassocFrame uint64
	reassocSeq   uint16
	haveReassoc  bool
}

const (
	elementFT   = 55
	eapolHead   = 99
	infoAck     = 0x0080
	infoMIC     = 0x0100
	infoPair    = 0x0008
	infoInstall = 0x0040
)

func (d *handshakes) init() { d.t = newTable[pairKey, handshakeState](flowsMax) }

func (d *handshakes) observe(e *Engine, f *Frame) {
	switch {
	case f.Dot11.Type == typeMgmt && f.Dot11.Subtype == subReassocReq:
		d.reassociation(e, f)
	case f.EtherType == packet.EtherEAPOL && len(f.Net) >= eapolHead && f.Net[1] == 3:
		d.eapol(e, f)
	}
}

// reassociation: a fast transition brings fresh nonces (IEEE 802.11-2020
// §13.5), so the same body under a new sequence number is a replay.
func (d *handshakes) reassociation(e *Engine, f *Frame) {
	h := &f.Dot11
	if len(h.Body) < 10 || !hasElement(h.Body[10:], elementFT) {
		return
	}
	s, _ := d.t.put(pairKey{h.RA, h.TA})
	hash := maphash.Bytes(e.seed, h.Body)
	if s.haveReassoc && s.reassoc == hash && s.reassocSeq != h.Seq {
		e.inc.add(f, finding{detector: "replay.reassociation", severity: report.High, original: s.reassocFrame,
			source: h.TA.String(), destination: h.RA.String(),
			summary:  "a fast-transition reassociation request came again, with the same nonces",
			evidence: map[string]any{"ruled_out": "a retry keeps its sequence number; a new transition has new nonces"}})
		e.repeats.Replay++
		return
	}
	*s = handshakeState{haveReassoc: true, reassoc: hash, reassocFrame: f.id(), reassocSeq: h.Seq}
}

func hasElement(b []byte, id byte) bool {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		if b[0] == id {
			return true
		}
		b = b[2+int(b[1]):]
	}
	return false
}

func (d *handshakes) eapol(e *Engine, f *Frame) {
	b := f.Net
	info := binary.BigEndian.Uint16(b[5:])
	if info&infoPair == 0 {
		return
	}
	k := pairKey{f.Dot11.RA, f.Dot11.TA}
	if info&infoAck != 0 {
		k = pairKey{f.Dot11.TA, f.Dot11.RA}
	}
	s, _ := d.t.put(k)
	switch {
	case info&infoAck != 0 && info&infoMIC == 0: // message 1
		s.m1Between = f.Time
	case info&infoAck != 0 && info&infoInstall != 0: // message 3
		d.message3(e, f, s)
	case info&infoMIC != 0 && binary.BigEndian.Uint16(b[97:]) == 0: // message 4 carries no key data
		s.m4 = f.Time
	}
}

// message3 may come again while message 4 is missing. After it, it makes the
// station install its key anew (CVE-2017-13077).
func (d *handshakes) message3(e *Engine, f *Frame, s *handshakeState) {
	nonce := [32]byte(f.Net[17:49])
	same := s.m3 != 0 && s.m3Nonce == nonce
	why := ""
	switch {
	case same && s.m4 > s.m3 && f.Time-s.m4 > int64(message4Grace):
		why = "message 3 of the 4-way handshake came again after message 4"
	case same && s.m1Between > s.m3 && f.Time-s.m1Between < int64(message1Within):
		why = "message 1 stands between two message 3s of one handshake"
	}
	if why != "" {
		e.inc.add(f, finding{detector: "replay.message3", severity: report.High, original: s.m3Frame,
			source: f.Dot11.TA.String(), destination: f.Dot11.RA.String(), summary: why,
			evidence: map[string]any{"delta_s": time.Duration(f.Time - s.m3).Seconds(),
				"ruled_out": "an access point that has message 4 does not ask again"}})
		e.repeats.Replay++
		return
	}
	s.m3, s.m3Frame, s.m3Nonce = f.Time, f.id(), nonce
	s.m1Between = 0
	if !same {
		s.m4 = 0
	}
}
