package packet

import "pqiot/wire"

// Link is a link type of a capture (the LINKTYPE_ registry of tcpdump.org).
type Link uint16

// Link types that are read.
const (
	LinkEthernet   Link = 1
	LinkRaw        Link = 101 // IPv4 or IPv6
	LinkDot11      Link = 105 // 802.11, with or without FCS
	LinkCooked     Link = 113 // Linux cooked, version 1
	LinkRadiotap   Link = 127
	LinkIPv4       Link = 228
	LinkIPv6       Link = 229
	LinkUpperPDU   Link = 252 // no frame: a line of a board's console
	LinkCooked2    Link = 276 // Linux cooked, version 2
	LinkUnknown    Link = 0xFFFF
	linkRawBSD     Link = 12 // raw IP as some systems write it
	linkRawOpenBSD Link = 14
	linkPrism      Link = 119 // 802.11 behind radio headers older than radiotap
	linkAVS        Link = 163
	linkPPI        Link = 192
)

// Layer says how far a packet could be read.
type Layer uint8

// Layers, each of which includes those before it.
const (
	LayerNone Layer = iota // not even the link layer: see Fault
	LayerLink              // addresses of the link
	LayerNet               // an EtherType and its payload in the clear
	LayerIP
	LayerUDP
	LayerCoAP
)

// Fault says why a packet was not read further.
type Fault uint8

// Faults. A protected 802.11 body is no fault.
const (
	FaultNone     Fault = iota
	FaultLink           // a link type that is not read
	FaultRadiotap       // radio header longer than the packet, or of another version
	FaultDot11          // 802.11 header cut short
	FaultFCS            // the interface has check sequences and this one is wrong
	FaultLLC            // LLC/SNAP, Ethernet or cooked header cut short
	FaultIP             // IP header cut short or contradictory
	FaultFragment       // a fragment whose rest has not come
	FaultUDP            // UDP header cut short or contradictory
	FaultCoAP           // not well-formed CoAP: see CoAP.Problem
	NumFaults
)

func (f Fault) String() string {
	return [NumFaults]string{"", "unknown link type", "bad radio header", "bad 802.11 header", "bad FCS",
		"bad LLC or Ethernet header", "bad IP header", "incomplete IP fragment", "bad UDP header", "malformed CoAP"}[f]
}

// TIDs beyond 802.11's 0–15 that keep the sequence counters apart.
const (
	TIDNonQoS = 16
	TIDMgmt   = 17
)

// Packet is everything that the detectors ask of a packet, laid out flat.
// Slices alias the raw packet.
type Packet struct {
	Frame uint64 // number in its file, from 1
	Time  int64  // ns since 1970
	Iface int
	Len   int // captured bytes
	Orig  int // bytes on the wire
	Link  Link
	Layer Layer
	Fault Fault
	Radio Radio
	Dot11 Dot11

	// Addresses of the packet, from whichever link layer there is.
	SA, DA    wire.MAC
	EtherType uint16
	Net       []byte // what follows the EtherType, in the clear

	IP   IP
	UDP  UDP
	CoAP CoAP

	rest []byte // A-MSDU subframes not yet read
}

// Radio is what radiotap says.
type Radio struct {
	TSFT    uint64 // µs, where HasTSFT
	Freq    uint16 // MHz, 0 = unknown
	Signal  int8   // dBm, 0 = unknown
	Rate    uint8  // 500 kb/s, 0 = unknown
	HasTSFT bool
	FCS     bool // the radiotap flag; wrong both ways in real captures
	BadFCS  bool
}

// Dot11 is the 802.11 header.
type Dot11 struct {
	Present  bool
	Type     uint8 // 0 management, 1 control, 2 data
	Subtype  uint8
	Flags    uint8 // second byte of frame control
	TID      uint8 // 0–15, TIDNonQoS, TIDMgmt
	Frag     uint8
	Seq      uint16 // 12 bits
	KeyID    uint8
	AMSDU    bool
	FourAddr bool
	HasPN    bool   // an extended IV stands before the body
	PN       uint64 // 48 bits, of CCMP; TKIP lays it out otherwise
	RA, TA   wire.MAC
	BSSID    wire.MAC // zero in 4-address frames
	Header   []byte   // the MAC header
	Body     []byte   // what follows the MAC header, without FCS
}

// Flags of Dot11.Flags.
const (
	ToDS      = 0x01
	FromDS    = 0x02
	MoreFrag  = 0x04
	Retry     = 0x08
	Protected = 0x40
	Order     = 0x80
)

// Is reports whether all the flags are set.
func (d *Dot11) Is(flags uint8) bool { return d.Flags&flags == flags }

// IP is an IPv4 or IPv6 header; IPv4 addresses stand in the last four bytes,
// after ten zeros and ffff.
type IP struct {
	Version  uint8 // 0: none
	Proto    uint8
	TTL      uint8
	ID       uint16
	Src, Dst [16]byte
}

// UDP is a UDP header and its payload.
type UDP struct {
	SrcPort, DstPort uint16
	Payload          []byte
}
