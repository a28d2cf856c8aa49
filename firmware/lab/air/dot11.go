package air

import (
	"encoding/binary"

	"pqiot/wire"
)

// Frame control, first byte: type and subtype (IEEE 802.11-2020 table 9-1).
const (
	FCAssocReq   = 0x00
	FCAssocResp  = 0x10
	FCReassocReq = 0x20
	FCProbeReq   = 0x40
	FCProbeResp  = 0x50
	FCBeacon     = 0x80
	FCDisassoc   = 0xA0
	FCAuth       = 0xB0
	FCDeauth     = 0xC0
	FCAck        = 0xD4
	FCData       = 0x08
	FCNull       = 0x48
	FCQoSData    = 0x88
)

// Frame control, second byte: flags.
const (
	ToDS      = 0x01
	FromDS    = 0x02
	Retry     = 0x08
	PwrMgt    = 0x10
	Protected = 0x40
)

// Broadcast is the address that every station listens to.
var Broadcast = wire.MAC{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}

// Header is the MAC header of a management or data frame with three
// addresses.
type Header struct {
	FC         byte // type and subtype
	Flags      byte
	Duration   uint16 // µs
	A1, A2, A3 wire.MAC
	Seq        uint16 // 12 bits
	Frag       uint8  // 4 bits
	TID        uint8  // in QoS data frames
}

// Append appends the header, 24 bytes, or 26 with a QoS control field.
func (h Header) Append(dst []byte) []byte {
	dst = append(dst, h.FC, h.Flags)
	dst = binary.LittleEndian.AppendUint16(dst, h.Duration)
	dst = append(append(append(dst, h.A1[:]...), h.A2[:]...), h.A3[:]...)
	dst = binary.LittleEndian.AppendUint16(dst, h.Seq<<4|uint16(h.Frag&0xF))
	if h.QoS() {
		dst = append(dst, h.TID&0xF, 0)
	}
	return dst
}

// QoS reports whether the header has a QoS control field.
func (h Header) QoS() bool { return h.FC&0x8C == 0x88 }

// AppendAck appends an acknowledgement to ra: 10 bytes.
func AppendAck(dst []byte, ra wire.MAC) []byte {
	return append(append(dst, FCAck, 0, 0, 0), ra[:]...)
}

// BSS is what a beacon says of a network.
type BSS struct {
	BSSID   wire.MAC
	SSID    string // at most 32 bytes
	Channel uint8
	WPA2    bool // RSN element: CCMP, CCMP, PSK
}

// rates are the mandatory 802.11b/g rates, 500 kb/s each; the top bit marks
// basic ones.
var rates = []byte{0x82, 0x84, 0x8B, 0x96, 0x0C, 0x18, 0x30, 0x60}

// RSN is the RSN element of WPA2-PSK: CCMP for group and pairwise, AKM 2
// (IEEE 802.11-2020 §9.4.2.24).
var RSN = []byte{0x30, 0x14, 1, 0, 0x00, 0x0F, 0xAC, 4, 1, 0, 0x00, 0x0F, 0xAC, 4, 1, 0, 0x00, 0x0F, 0xAC, 2, 0, 0}

// htCaps is an HT Capabilities element: 20 MHz, short GI, one stream.
var htCaps = append([]byte{45, 26, 0x2C, 0x01, 0x17, 0xFF}, make([]byte, 22)...)

// elements appends the elements that beacons, probe responses and
// association frames have in common.
func (b BSS) elements(dst []byte) []byte {
	dst = append(append(dst, 0, byte(len(b.SSID))), b.SSID...)
	dst = append(append(dst, 1, byte(len(rates))), rates...)
	return dst
}

func (b BSS) security(dst []byte) []byte {
	if b.WPA2 {
		dst = append(dst, RSN...)
	}
	return append(dst, htCaps...)
}

// capabilities: ESS, short slot, and privacy where there is WPA2.
func (b BSS) capabilities() uint16 {
	if b.WPA2 {
		return 0x0411
	}
	return 0x0401
}

// AppendBeacon appends the body of a beacon or probe response; tsf is in µs.
// A beacon has a TIM element with an empty bitmap.
func (b BSS) AppendBeacon(dst []byte, tsf uint64, beacon bool) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, tsf)
	dst = binary.LittleEndian.AppendUint16(dst, 100)
	dst = binary.LittleEndian.AppendUint16(dst, b.capabilities())
	dst = b.elements(dst)
	dst = append(dst, 3, 1, b.Channel)
	if beacon {
		dst = append(dst, 5, 4, 0, 1, 0, 0)
	}
	return b.security(dst)
}

// AppendProbeReq appends the body of a probe request for the network.
func (b BSS) AppendProbeReq(dst []byte) []byte { return append(b.elements(dst), htCaps...) }

// AppendAuth appends the body of an open-system authentication frame, step 1
// or 2.
func AppendAuth(dst []byte, step byte) []byte { return append(dst, 0, 0, step, 0, 0, 0) }

// AppendAssocReq appends the body of an association request.
func (b BSS) AppendAssocReq(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, b.capabilities())
	dst = append(dst, 10, 0)
	return b.security(b.elements(dst))
}

// AppendAssocResp appends the body of a successful association response.
func (b BSS) AppendAssocResp(dst []byte, aid uint16) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, b.capabilities())
	dst = append(dst, 0, 0)
	dst = binary.LittleEndian.AppendUint16(dst, 0xC000|aid)
	dst = append(append(dst, 1, byte(len(rates))), rates...)
	return append(dst, htCaps...)
}
