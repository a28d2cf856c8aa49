package wire

// Record layout of the PineCone serial stream, version 1. All integers are
// little-endian, the board's own order.
//
//	0      1      2      3      4      5      6      7
//	+------+------+------+------+------+------+------+------+
//	| 0xC5 | 0x7A | type | ver=1| body length |  sequence   |
//	+------+------+------+------+------+------+------+------+
//	|            timestamp, microseconds since boot         |
//	+------+------+------+------+------+------+------+------+
//	| header CRC  | body: 0 … 8192 bytes …    | record CRC-32 |
//	+------+------+---------------------------+---------------+
const (
	Sync0 = 0xC5 // first byte of every record
	Sync1 = 0x7A // second byte of every record

	Major = 1 // wire version; another major is refused by name
	Minor = 0 // wire version; fields may have been added at the end of a body

	HeaderSize  = 18                                 // bytes before the body, header CRC included
	TrailerSize = 4                                  // record CRC-32, bytes
	MaxBody     = 8192                               // longest body, bytes
	MaxRecord   = HeaderSize + MaxBody + TrailerSize // longest record, bytes
	BaudDefault = 2000000                            // 8N1; the CH340N's ceiling, 200 kB/s
)

// Type says what the body of a record is.
type Type uint8

// Record types from the board to the host.
const (
	TypeFrame  Type = 0x01 // an 802.11 frame and what the radio said of it
	TypeStatus Type = 0x02 // counters, once a second and on request
	TypeHello  Type = 0x03 // who the board is, at boot and on request
	TypeLog    Type = 0x04 // a line of text
	TypeReply  Type = 0x05 // the answer to a command
)

// Record types from the host to the board.
const (
	TypeSayHello  Type = 0x81 // no body; the board answers with a hello and a reply
	TypeChannel   Type = 0x82 // u8 channel, 1–14
	TypeHop       Type = 0x83 // u16 dwell in ms, u8 n, n channels; n = 0 stops
	TypeSnapLen   Type = 0x84 // u16 bytes; 0 = whole frames
	TypeFilter    Type = 0x85 // see Filter
	TypeBaud      Type = 0x86 // u32 baud; the reply still comes at the old rate
	TypeTimeEcho  Type = 0x87 // u64 host clock in ns, returned in the reply
	TypeStatusNow Type = 0x88 // no body; the board answers with a status and a reply
)

// Roles in a hello record.
const (
	RoleSniffer uint8 = 1
	RoleGateway uint8 = 2
	RoleSender  uint8 = 3
)

// Capability bits in a hello record.
const (
	CapChannel  uint32 = 1 << 0
	CapHop      uint32 = 1 << 1
	CapSnapLen  uint32 = 1 << 2
	CapFilter   uint32 = 1 << 3
	CapBaud     uint32 = 1 << 4
	CapTimeEcho uint32 = 1 << 5
)

// PHY values of a frame record.
const (
	PHYDSSS         uint8 = 0   // DSSS/CCK
	PHYOFDM         uint8 = 1   // legacy OFDM
	PHYHTMixed      uint8 = 2   // HT mixed
	PHYHTGreenfield uint8 = 3   // HT greenfield
	PHYUnknown      uint8 = 255 // the radio did not say
)

// Flags of a frame record.
const (
	FrameShortGI       uint8 = 1 << 0 // short guard interval
	Frame40MHz         uint8 = 1 << 1 // 40 MHz channel
	FrameShortPreamble uint8 = 1 << 2 // short preamble
	FrameTSF           uint8 = 1 << 3 // the timestamp is the radio's TSF
	FrameAMPDU         uint8 = 1 << 4 // part of an A-MPDU
	FrameCut           uint8 = 1 << 5 // cut to the snap length
)

// RSSIUnknown in a frame record: the radio gave no signal strength.
const RSSIUnknown int8 = 127

// Log levels.
const (
	LogError   uint8 = 0
	LogWarning uint8 = 1
	LogInfo    uint8 = 2
	LogDebug   uint8 = 3
)

// Reply status: what became of a command.
const (
	ReplyDone         uint8 = 0
	ReplyUnknown      uint8 = 1 // unknown command
	ReplyBadValue     uint8 = 2 // nothing was changed
	ReplyBusy         uint8 = 3
	ReplyNotSupported uint8 = 4
)

// Filter bits: which frame types pass, and extra conditions.
const (
	FilterMgt       uint8 = 1 << 0 // management frames pass
	FilterCtl       uint8 = 1 << 1 // control frames pass
	FilterData      uint8 = 1 << 2 // data frames pass
	FilterAll       uint8 = FilterMgt | FilterCtl | FilterData
	FilterNoBeacons uint8 = 1 << 0 // in the flags byte: beacons do not pass
)

// StatusHopping in the flags of a status record: the board hops channels.
const StatusHopping uint8 = 1 << 0

// Sizes of the fixed parts of bodies, and limits on their lists.
const (
	FrameHeadSize  = 8  // bytes before the 802.11 frame
	StatusSize     = 32 // bytes
	HelloHeadSize  = 24 // bytes before the two strings
	ReplyHeadSize  = 4  // bytes before the value
	FilterHeadSize = 3  // bytes before the addresses
	FilterMaxAddrs = 8  // addresses in a filter
	ChannelMin     = 1  // lowest 2.4 GHz channel
	ChannelMax     = 14 // highest 2.4 GHz channel
	HopMaxChannels = 14 // channels in a hop list
	StringMax      = 255
	MaxFrame       = MaxBody - FrameHeadSize // longest 802.11 frame in a record, bytes
)
