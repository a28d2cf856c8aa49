// Package coap puts a strict reading of RFC 7252's message format before
// go-coap's decoder, which drops options of illegal length, takes a payload
// marker with nothing behind it and knows no reserved codes.
package coap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"pqiot/wire"
)

// Option numbers that go-coap does not name.
const (
	OSCORE     message.OptionID = 9                     // RFC 8613 §2
	Echo       message.OptionID = wire.OptionEcho       // RFC 9175 §2.2
	RequestTag message.OptionID = wire.OptionRequestTag // RFC 9175 §3.2
)

// Why bytes are no message. Test with errors.Is.
var (
	ErrVersion = errors.New("not CoAP version 1")    // to be ignored in silence, RFC 7252 §3
	ErrFormat  = errors.New("message format error")  // a Reset to a CON, else silence, §4.2, §4.3
	ErrShort   = errors.New("shorter than a header") // nothing to answer to
)

// headerSize is version, type, token length, code and message id, bytes.
const headerSize = 4

// Message is a message that passed the strict reading. Token, option values
// and payload alias the parsed bytes.
type Message struct {
	message.Message

	// Illegal is the first critical option with a length that its definition
	// forbids, to be treated as not recognised (RFC 7252 §5.4.3); 0: none.
	// Elective ones are dropped.
	Illegal message.OptionID
}

// Critical reports whether an option must be understood (RFC 7252 §5.4.6).
func Critical(id message.OptionID) bool { return id&1 == 1 }

// legal reports whether an option may have this length.
func legal(id message.OptionID, length int) bool {
	switch id {
	case OSCORE:
		return length <= 255
	case Echo:
		return length >= 1 && length <= 40
	case RequestTag:
		return length <= 8
	}
	def, known := message.CoapOptionDefs[id]
	return !known || length >= int(def.MinLen) && length <= int(def.MaxLen)
}

// Parse reads one datagram. Options are kept in buf's memory if it is large
// enough. Header reads type and message id from what gives ErrFormat.
func Parse(b []byte, buf message.Options) (Message, error) {
	if len(b) < headerSize {
		return Message{}, ErrShort
	}
	if b[0]>>6 != 1 {
		return Message{}, ErrVersion
	}
	var m Message
	n, err := m.walk(b)
	if err != nil {
		return Message{}, err
	}
	if cap(buf) < n {
		buf = make(message.Options, 0, n)
	}
	m.Options = buf[:0]
	if _, err := coder.DefaultCoder.Decode(b, &m.Message); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	// go-coap has dropped the options of illegal length that it knows.
	m.Options = slices.DeleteFunc(m.Options, func(o message.Option) bool { return !legal(o.ID, len(o.Value)) })
	return m, nil
}

// walk checks everything that makes bytes a message, and counts the options.
func (m *Message) walk(b []byte) (options int, err error) {
	tkl := int(b[0] & 15)
	if tkl > message.MaxTokenSize || len(b) < headerSize+tkl {
		return 0, fmt.Errorf("%w: token length %d in %d bytes", ErrFormat, tkl, len(b))
	}
	switch class := b[1] >> 5; {
	case b[1] == 0 && len(b) > headerSize:
		return 0, fmt.Errorf("%w: an empty message of %d bytes", ErrFormat, len(b)) // RFC 7252 §4.1
	case class == 1, class > 5:
		return 0, fmt.Errorf("%w: reserved code %d.%02d", ErrFormat, class, b[1]&31) // §3
	}
	id := 0
	for b = b[headerSize+tkl:]; len(b) > 0 && b[0] != 0xff; options++ {
		delta, length, head, err := optionHead(b)
		if err != nil {
			return 0, err
		}
		if id += delta; id > 0xffff {
			return 0, fmt.Errorf("%w: option number %d", ErrFormat, id)
		}
		if m.Illegal == 0 && Critical(message.OptionID(id)) && !legal(message.OptionID(id), length) {
			m.Illegal = message.OptionID(id)
		}
		b = b[head+length:]
	}
	if len(b) == 1 {
		return 0, fmt.Errorf("%w: a payload marker and no payload", ErrFormat) // §3
	}
	return options, nil
}

// optionHead reads delta and length of the option that starts b, and the size
// of what holds them (RFC 7252 §3.1). The value lies within b.
func optionHead(b []byte) (delta, length, head int, err error) {
	head = 1
	extended := func(nibble byte) int {
		switch {
		case nibble == 13 && len(b) > head:
			head++
			return int(b[head-1]) + 13
		case nibble == 14 && len(b) > head+1:
			head += 2
			return int(binary.BigEndian.Uint16(b[head-2:])) + 269
		case nibble < 13:
			return int(nibble)
		}
		err = fmt.Errorf("%w: truncated or reserved option head", ErrFormat)
		return 0
	}
	delta = extended(b[0] >> 4)
	length = extended(b[0] & 15)
	if err == nil && len(b) < head+length {
		err = fmt.Errorf("%w: truncated option", ErrFormat)
	}
	return delta, length, head, err
}

// Header returns type and message id of a datagram of which Parse said
// ErrFormat.
func Header(b []byte) (message.Type, uint16) {
	return message.Type(b[0] >> 4 & 3), binary.BigEndian.Uint16(b[2:])
}

// Append appends the encoded message. A message that cannot be encoded is a
// programming error and panics: ours are built from checked parts.
func Append(dst []byte, m message.Message) []byte {
	at := len(dst)
	n, err := coder.DefaultCoder.Encode(m, dst[at:cap(dst)])
	if errors.Is(err, message.ErrTooSmall) {
		dst = append(dst, make([]byte, n)...)
		n, err = coder.DefaultCoder.Encode(m, dst[at:])
	}
	if err != nil {
		panic("coap: " + err.Error())
	}
	return dst[:at+n]
}

// AppendReset appends a Reset message (RFC 7252 §4.2).
func AppendReset(dst []byte, mid uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, 0x70, 0), mid)
}

// AppendACK appends an empty acknowledgement (RFC 7252 §4.2).
func AppendACK(dst []byte, mid uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, 0x60, 0), mid)
}

// Uint returns an option's value in the fewest bytes (RFC 7252 §3.2).
func Uint(v uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, v)
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

// FormatCode writes a code as 4.01.
func FormatCode(c codes.Code) string { return fmt.Sprintf("%d.%02d", c>>5, c&31) }
