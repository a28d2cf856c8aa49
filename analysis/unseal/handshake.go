package unseal

import (
	"bytes"
	"encoding/binary"

	"pqiot/analysis/packet"
)

// eapol takes an EAPOL-Key frame to the pair that it belongs to.
func (w *WPA) eapol(p *packet.Packet) {
	b := p.Net
	if len(b) < keyDataAt || b[1] != 3 || b[4] != 2 {
		return
	}
	end := 4 + int(binary.BigEndian.Uint16(b[2:]))
	if end < keyDataAt || end > len(b) {
		return
	}
	b = b[:end]
	info := binary.BigEndian.Uint16(b[infoAt:])
	id := pairID{p.Dot11.RA, p.Dot11.TA}
	fromAP := info&infoAck != 0
	if fromAP {
		id = pairID{p.Dot11.TA, p.Dot11.RA}
	}
	if id.sta[0]&1 != 0 {
		return
	}
	s := w.pairOf(id)
	switch info & infoMask {
	case versionTKIP:
		s.tried = TKIP
		return
	case versionAKM:
		s.tried = WPA3
		return
	case versionSHA1, versionAESCMAC:
		s.version = info & infoMask
	default:
		return
	}
	switch {
	case info&infoPair == 0:
		if fromAP && len(s.keys) > 0 {
			w.groupKeys(id, s, b)
		}
	case fromAP && info&infoMIC == 0:
		w.message1(id, s, b)
	case fromAP:
		w.message3(id, s, b)
	case info&infoMIC != 0 && binary.BigEndian.Uint16(b[dataLenAt:]) > 0:
		// Message 2 carries an RSN element and message 4 nothing; the secure bit
		// tells them apart in a first handshake only.
		w.message2(id, s, b)
	}
}

func nonce(b []byte) [32]byte { return [32]byte(b[nonceAt : nonceAt+32]) }

func (w *WPA) message1(id pairID, s *pair, b []byte) {
	if a := nonce(b); a != s.anonce {
		s.anonce, s.haveS = a, false // a new handshake
	}
	s.haveA = true
	w.tryMessage2(id, s)
}

func (w *WPA) message2(id pairID, s *pair, b []byte) {
	s.snonce, s.haveS = nonce(b), true
	s.m2 = bytes.Clone(b)
	w.tryMessage2(id, s)
}

// tryMessage2: with both nonces the MIC of message 2 tells which key fits.
func (w *WPA) tryMessage2(id pairID, s *pair) {
	if s.haveA && s.haveS && s.m2 != nil {
		w.derive(id, s, s.m2)
	}
}

// message3 brings the access point's nonce again, and the group key.
func (w *WPA) message3(id pairID, s *pair, b []byte) {
	s.anonce, s.haveA = nonce(b), true
	if s.haveS {
		w.derive(id, s, b)
	}
	if len(s.keys) > 0 {
		w.groupKeys(id, s, b)
	}
}

// derive tries the keys of the networks that it may be, against the MIC of a
// message.
func (w *WPA) derive(id pairID, s *pair, msg []byte) {
	ssid := ""
	if b := w.bss[id.ap]; b != nil {
		ssid = b.ssid
	}
	candidates := 0
	for i := range w.nets {
		if ssid != "" && w.nets[i].SSID != ssid {
			continue
		}
		candidates++
		k := derivePTK(w.nets[i].pmk[:], s.version, id.ap, id.sta, s.anonce, s.snonce)
		if micOK(k.kck(), s.version, msg) {
			w.install(s, k)
			return
		}
	}
	switch {
	case candidates == 0:
		s.tried = NoNetwork
	case s.tried != Decrypted:
		s.tried = WrongKey
	}
}

// install puts a key first; a key that is there already keeps its number, so
// that a packet number used again under it shows.
func (w *WPA) install(s *pair, k ptk) {
	s.tried = Decrypted
	if len(s.keys) > 0 && s.last == k {
		return
	}
	s.last = k
	w.nextID++
	s.keys = append([]*ccmp{{block: newAES(k.tk()), id: w.nextID}}, s.keys...)
	s.keys = s.keys[:min(len(s.keys), keysAPair)]
}

// groupKeys reads the key data of message 3 or of a group key handshake.
func (w *WPA) groupKeys(id pairID, s *pair, b []byte) {
	info := binary.BigEndian.Uint16(b[infoAt:])
	n := int(binary.BigEndian.Uint16(b[dataLenAt:]))
	if info&infoCipher == 0 || n > len(b)-keyDataAt || !micOK(s.last.kck(), s.version, b) {
		return
	}
	data := unwrap(s.last.kek(), b[keyDataAt:keyDataAt+n])
	for len(data) >= 2 && len(data) >= 2+int(data[1]) {
		v := data[2 : 2+int(data[1])]
		if data[0] == 0xDD && len(v) == 6+16 && bytes.Equal(v[:4], []byte{0x00, 0x0F, 0xAC, 1}) {
			w.installGroup(id, v[4]&3, v[6:])
		}
		data = data[2+len(v):]
	}
}

func (w *WPA) installGroup(id pairID, keyID byte, key []byte) {
	b := w.bssOf(id.ap)
	for _, k := range b.group[keyID] {
		if bytes.Equal(k.key[:], key) {
			return
		}
	}
	w.nextID++
	k := &ccmp{block: newAES(key), id: w.nextID, key: [16]byte(key)}
	b.group[keyID] = append([]*ccmp{k}, b.group[keyID]...)
	b.group[keyID] = b.group[keyID][:min(len(b.group[keyID]), keysAnID)]
}
