package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// MAC is an IEEE 802 address, printed as aa:bb:cc:dd:ee:ff.
type MAC [6]byte

func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Frame is the body of a TypeFrame record.
type Frame struct {
	Freq   uint16 // MHz, primary 20 MHz channel
	RSSI   int8   // dBm; RSSIUnknown
	PHY    uint8  // PHYDSSS …
	Rate   uint8  // legacy: 500 kb/s; HT: MCS index
	Flags  uint8  // FrameShortGI …
	AirLen uint16 // bytes on air, without FCS
	Data   []byte // the 802.11 frame without FCS, at most MaxFrame bytes; aliases the body
}

// Status is the body of a TypeStatus record. Counters run from boot.
type Status struct {
	Heard        uint32 // frames the radio delivered
	Passed       uint32 // frames the filter let pass
	RingDropped  uint32 // frames dropped, ring full
	RadioDropped uint32 // frames dropped by the radio; 0 = unknown
	UARTBytes    uint32 // bytes written to the UART
	RingHigh     uint16 // ring high-water since the last status, per mille
	Channel      uint8
	Flags        uint8  // StatusHopping
	FreeHeap     uint32 // bytes
	Uptime       uint32 // seconds
}

// Hello is the body of a TypeHello record.
type Hello struct {
	Major, Minor uint8
	Role         uint8 // RoleSniffer …
	Channel      uint8
	Caps         uint32 // CapChannel …
	MAC          MAC
	SnapLen      uint16 // bytes, 0 = whole frames
	Baud         uint32
	RingSize     uint32 // bytes
	Firmware     string // version, UTF-8, at most 255 bytes
	Board        string // name, UTF-8, at most 255 bytes
}

// Log is the body of a TypeLog record. Text aliases the body.
type Log struct {
	Level uint8
	Text  []byte // UTF-8; the reader replaces what is not
}

// Reply is the body of a TypeReply record. Value aliases the body.
type Reply struct {
	Seq    uint16 // sequence of the command
	Type   Type   // type of the command
	Status uint8  // ReplyDone …
	Value  []byte // the value now in force, laid out as in the command
}

// Hop is the body of a TypeHop command; no channels stop the hopping.
type Hop struct {
	Dwell    uint16  // ms on each channel
	Channels []uint8 // 1–14, at most HopMaxChannels
}

// Filter is the body of a TypeFilter command. A frame passes if its type is
// in Types, it is no beacon where FilterNoBeacons is set, and, where there are
// addresses, one of them stands in it.
type Filter struct {
	Types uint8 // FilterMgt | FilterCtl | FilterData
	Flags uint8 // FilterNoBeacons
	Addrs []MAC // at most FilterMaxAddrs
}

func short(what string, got, want int) error {
	return fmt.Errorf("%w: %s of %d bytes, at least %d expected", ErrBody, what, got, want)
}

// ParseFrame reads a frame body. Data aliases b.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < FrameHeadSize {
		return Frame{}, short("frame", len(b), FrameHeadSize)
	}
	return Frame{
		Freq: binary.LittleEndian.Uint16(b), RSSI: int8(b[2]), PHY: b[3], Rate: b[4], Flags: b[5],
		AirLen: binary.LittleEndian.Uint16(b[6:]), Data: b[FrameHeadSize:],
	}, nil
}

// AppendFrame appends the body of a frame record.
func AppendFrame(dst []byte, f Frame) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, f.Freq)
	dst = append(dst, byte(f.RSSI), f.PHY, f.Rate, f.Flags)
	dst = binary.LittleEndian.AppendUint16(dst, f.AirLen)
	return append(dst, f.Data...)
}

// ParseStatus reads a status body; bytes after the known ones are ignored.
func ParseStatus(b []byte) (Status, error) {
	if len(b) < StatusSize {
		return Status{}, short("status", len(b), StatusSize)
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	return Status{
		Heard: u32(0), Passed: u32(4), RingDropped: u32(8), RadioDropped: u32(12), UARTBytes: u32(16),
		RingHigh: binary.LittleEndian.Uint16(b[20:]), Channel: b[22], Flags: b[23],
		FreeHeap: u32(24), Uptime: u32(28),
	}, nil
}

// AppendStatus appends the body of a status record.
func AppendStatus(dst []byte, s Status) []byte {
	for _, v := range [...]uint32{s.Heard, s.Passed, s.RingDropped, s.RadioDropped, s.UARTBytes} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	dst = binary.LittleEndian.AppendUint16(dst, s.RingHigh)
	dst = append(dst, s.Channel, s.Flags)
	dst = binary.LittleEndian.AppendUint32(dst, s.FreeHeap)
	return binary.LittleEndian.AppendUint32(dst, s.Uptime)
}

// ParseHello reads a hello body. Another major version gives a VersionError:
// the layout of such a body is not known. The strings must be UTF-8.
func ParseHello(b []byte) (Hello, error) {
	if len(b) < 1 {
		return Hello{}, short("hello", len(b), HelloHeadSize)
	}
	if b[0] != Major {
		return Hello{}, VersionError{b[0]}
	}
	if len(b) < HelloHeadSize {
		return Hello{}, short("hello", len(b), HelloHeadSize)
	}
	h := Hello{
		Major: b[0], Minor: b[1], Role: b[2], Channel: b[3],
		Caps:    binary.LittleEndian.Uint32(b[4:]),
		SnapLen: binary.LittleEndian.Uint16(b[14:]), Baud: binary.LittleEndian.Uint32(b[16:]),
		RingSize: binary.LittleEndian.Uint32(b[20:]),
	}
	copy(h.MAC[:], b[8:14])
	rest := b[HelloHeadSize:]
	var err error
	if h.Firmware, rest, err = parseString(rest, "firmware version"); err != nil {
		return Hello{}, err
	}
	h.Board, _, err = parseString(rest, "board name")
	return h, err
}

func parseString(b []byte, what string) (string, []byte, error) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return "", nil, fmt.Errorf("%w: %s runs past the hello body", ErrBody, what)
	}
	s := b[1 : 1+int(b[0])]
	if !utf8.Valid(s) {
		return "", nil, fmt.Errorf("%w: %s is not UTF-8", ErrBody, what)
	}
	return string(s), b[1+len(s):], nil
}

// AppendHello appends the body of a hello record; strings are cut to 255
// bytes.
func AppendHello(dst []byte, h Hello) []byte {
	dst = append(dst, h.Major, h.Minor, h.Role, h.Channel)
	dst = binary.LittleEndian.AppendUint32(dst, h.Caps)
	dst = append(dst, h.MAC[:]...)
	dst = binary.LittleEndian.AppendUint16(dst, h.SnapLen)
	dst = binary.LittleEndian.AppendUint32(dst, h.Baud)
	dst = binary.LittleEndian.AppendUint32(dst, h.RingSize)
	for _, s := range [...]string{h.Firmware, h.Board} {
		n := min(len(s), StringMax)
		dst = append(append(dst, byte(n)), s[:n]...)
	}
	return dst
}

// ParseLog reads a log body. Text aliases b.
func ParseLog(b []byte) (Log, error) {
	if len(b) < 1 {
		return Log{}, short("log", len(b), 1)
	}
	return Log{Level: b[0], Text: b[1:]}, nil
}

// AppendLog appends the body of a log record.
func AppendLog(dst []byte, l Log) []byte { return append(append(dst, l.Level), l.Text...) }

// ParseReply reads a reply body. Value aliases b.
func ParseReply(b []byte) (Reply, error) {
	if len(b) < ReplyHeadSize {
		return Reply{}, short("reply", len(b), ReplyHeadSize)
	}
	return Reply{
		Seq: binary.LittleEndian.Uint16(b), Type: Type(b[2]), Status: b[3], Value: b[ReplyHeadSize:],
	}, nil
}

// AppendReply appends the body of a reply record.
func AppendReply(dst []byte, r Reply) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, r.Seq)
	dst = append(dst, byte(r.Type), r.Status)
	return append(dst, r.Value...)
}

// ParseHop reads a hop body, in a command or as the value of a reply.
func ParseHop(b []byte) (Hop, error) {
	if len(b) < 3 {
		return Hop{}, short("hop", len(b), 3)
	}
	n := int(b[2])
	if n > HopMaxChannels || len(b) < 3+n {
		return Hop{}, fmt.Errorf("%w: hop list of %d channels in %d bytes", ErrBody, n, len(b))
	}
	return Hop{Dwell: binary.LittleEndian.Uint16(b), Channels: b[3 : 3+n]}, nil
}

// AppendHop appends the body of a hop command; at most 255 channels.
func AppendHop(dst []byte, h Hop) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, h.Dwell)
	return append(append(dst, byte(len(h.Channels))), h.Channels...)
}

// ParseFilter reads a filter body, in a command or as the value of a reply.
func ParseFilter(b []byte) (Filter, error) {
	if len(b) < FilterHeadSize {
		return Filter{}, short("filter", len(b), FilterHeadSize)
	}
	n := int(b[2])
	if n > FilterMaxAddrs || len(b) < FilterHeadSize+6*n {
		return Filter{}, fmt.Errorf("%w: filter of %d addresses in %d bytes", ErrBody, n, len(b))
	}
	f := Filter{Types: b[0], Flags: b[1]}
	for i := range n {
		f.Addrs = append(f.Addrs, MAC(b[FilterHeadSize+6*i:][:6]))
	}
	return f, nil
}

// AppendFilter appends the body of a filter command; at most FilterMaxAddrs
// addresses.
func AppendFilter(dst []byte, f Filter) []byte {
	dst = append(dst, f.Types, f.Flags, byte(len(f.Addrs)))
	for _, a := range f.Addrs {
		dst = append(dst, a[:]...)
	}
	return dst
}
