package packet

import "encoding/binary"

// CoAPProblem says what is wrong with a CoAP message (RFC 7252 §3).
type CoAPProblem uint8

// Problems of CoAP messages.
const (
	CoAPSound         CoAPProblem = iota
	CoAPShort                     // shorter than its header or token
	CoAPVersion                   // another version than 1
	CoAPTokenLength               // token length 9–15
	CoAPReservedClass             // code class 1, 6 or 7
	CoAPEmpty                     // an empty message with something in it
	CoAPOption                    // an option runs past the message, or has a reserved nibble
	CoAPNoPayload                 // a payload marker and nothing behind it
)

func (c CoAPProblem) String() string {
	return [...]string{"", "cut short", "another CoAP version", "token length over 8", "reserved code class",
		"empty message with content", "bad option", "payload marker without payload"}[c]
}

// CoAP message types.
const (
	CON = 0
	NON = 1
	ACK = 2
	RST = 3
)

// CoAP option numbers that are read.
const (
	optETag       = 4
	optPath       = 11
	optFormat     = 12
	optBlock2     = 23
	optBlock1     = 27
	optEcho       = 252
	optRequestTag = 292
	optOSCORE     = 9
)

// NoFormat stands in CoAP.Format where there is no Content-Format option.
const NoFormat = -1

// CoAP is one message, laid out. Only in a message with CoAPSound do the
// fields behind Problem count in full.
type CoAP struct {
	Problem  CoAPProblem
	Type     uint8
	Code     uint8
	MID      uint16
	TokenLen uint8
	Token    [8]byte
	Format   int32 // Content-Format, NoFormat
	PathHash uint32
	Block1   Block
	Block2   Block
	Tag      []byte // Request-Tag
	Echo     []byte
	ETag     []byte
	OSCORE   bool
	Payload  []byte
}

// Block is a Block1 or Block2 option (RFC 7959 §2.2).
type Block struct {
	Present, More bool
	SZX           uint8
	Num           uint32
}

// Size of the blocks, bytes.
func (b Block) Size() int { return 16 << b.SZX }

// Path hashes (FNV-1a over segments, each behind a slash) of the session's
// resources.
var (
	PathKey = pathHash("pk")
	PathMsg = pathHash("msg")
)

const fnvStart = 2166136261

func pathHash(segments ...string) uint32 {
	h := uint32(fnvStart)
	for _, s := range segments {
		h = hashSegment(h, []byte(s))
	}
	return h
}

func hashSegment(h uint32, s []byte) uint32 {
	h = (h ^ '/') * 16777619
	for _, c := range s {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

func (d *Decoder) coap(p *Packet) {
	p.CoAP.parse(p.UDP.Payload)
	if p.CoAP.Problem != CoAPSound {
		d.fault(p, FaultCoAP)
		return
	}
	p.Layer = LayerCoAP
}

// parse reads a message strictly: what a lenient stack would let pass is a
// problem here.
func (c *CoAP) parse(b []byte) {
	*c = CoAP{Format: NoFormat, PathHash: fnvStart}
	c.Problem = c.header(b)
	if c.Problem == CoAPSound {
		c.Problem = c.options(b[4+int(c.TokenLen):])
	}
}

func (c *CoAP) header(b []byte) CoAPProblem {
	if len(b) < 4 {
		return CoAPShort
	}
	if b[0]>>6 != 1 {
		return CoAPVersion
	}
	c.Type, c.TokenLen, c.Code, c.MID = b[0]>>4&3, b[0]&0xF, b[1], binary.BigEndian.Uint16(b[2:])
	if c.TokenLen > 8 {
		c.TokenLen = 0
		return CoAPTokenLength
	}
	if len(b) < 4+int(c.TokenLen) {
		return CoAPShort
	}
	copy(c.Token[:], b[4:4+int(c.TokenLen)])
	switch c.Code >> 5 {
	case 1, 6, 7:
		return CoAPReservedClass
	}
	if c.Code == 0 && len(b) > 4 {
		return CoAPEmpty
	}
	return CoAPSound
}

func (c *CoAP) options(b []byte) CoAPProblem {
	number := 0
	for len(b) > 0 {
		if b[0] == 0xFF {
			if len(b) == 1 {
				return CoAPNoPayload
			}
			c.Payload = b[1:]
			return CoAPSound
		}
		delta, length := int(b[0]>>4), int(b[0]&0xF)
		rest := b[1:]
		var ok bool
		if delta, rest, ok = extended(delta, rest); !ok {
			return CoAPOption
		}
		if length, rest, ok = extended(length, rest); !ok || length > len(rest) {
			return CoAPOption
		}
		if number += delta; number > 0xFFFF {
			return CoAPOption
		}
		c.option(number, rest[:length])
		b = rest[length:]
	}
	return CoAPSound
}

// extended reads an option delta or length of nibble n (RFC 7252 §3.1).
func extended(n int, b []byte) (int, []byte, bool) {
	switch {
	case n == 13 && len(b) >= 1:
		return int(b[0]) + 13, b[1:], true
	case n == 14 && len(b) >= 2:
		return int(binary.BigEndian.Uint16(b)) + 269, b[2:], true
	}
	return n, b, n < 13
}

func (c *CoAP) option(number int, v []byte) {
	switch number {
	case optETag:
		c.ETag = v
	case optPath:
		c.PathHash = hashSegment(c.PathHash, v)
	case optFormat:
		if n, ok := optionUint(v, 2); ok {
			c.Format = int32(n)
		}
	case optBlock1:
		c.Block1 = parseBlock(v)
	case optBlock2:
		c.Block2 = parseBlock(v)
	case optEcho:
		c.Echo = v
	case optRequestTag:
		c.Tag = v
	case optOSCORE:
		c.OSCORE = true
	}
}

// optionUint reads a uint option of at most most bytes (RFC 7252 §3.2).
func optionUint(v []byte, most int) (n uint32, ok bool) {
	if len(v) > most {
		return 0, false
	}
	for _, x := range v {
		n = n<<8 | uint32(x)
	}
	return n, true
}

func parseBlock(v []byte) Block {
	n, ok := optionUint(v, 3)
	if !ok || n&7 == 7 {
		return Block{}
	}
	return Block{Present: true, Num: n >> 4, More: n&8 != 0, SZX: uint8(n & 7)}
}
