// Package board runs a gateway's or sender's firmware as a process in virtual
// time, over the link that firmware/port/posix/lab_link.h describes: the lab
// says what happens and what time it is, the board says what came of it and
// when it wants to be called next.
package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
)

// Kind is the type of a message of the link.
type Kind byte

// Lab to board.
const (
	Address  Kind = 'N' // the station's address, 4 bytes; empty: none
	Arrived  Kind = 'U' // endpoint and payload of a datagram
	Typed    Kind = 'C' // on the console
	PowerCut Kind = 'R'
	Time     Kind = 'T' // µs, 8 bytes
)

// Board to lab.
const (
	Leaves  Kind = 'u' // endpoint and payload of a datagram
	Printed Kind = 'c' // on the console
	LED     Kind = 'l' // colours, 1 byte
	Screen  Kind = 'o' // its text
	Join    Kind = 'w' // name, 0, passphrase
	Busy    Kind = 'b' // µs that the board has worked since Time, 8 bytes: what follows comes so much later
	Done    Kind = 't' // µs of the next call, 8 bytes
)

// MaxBody is the longest body of a message, bytes.
const MaxBody = 4096

// Never is the time of a board that waits for something to happen.
const Never uint64 = math.MaxUint64

const (
	headSize     = 5 // kind, length
	endpointSize = 6 // IPv4, port
)

// ErrLink means that the other side does not keep to the protocol.
var ErrLink = errors.New("not the protocol of the link")

// A Message is one message of the link.
type Message struct {
	Kind Kind
	Body []byte
}

// AppendMessage appends a message as it goes over the link.
func AppendMessage(dst []byte, m Message) []byte {
	dst = append(dst, byte(m.Kind))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(m.Body)))
	return append(dst, m.Body...)
}

// ReadMessage reads one. It returns io.EOF where the stream ends between two
// messages, and ErrLink for a length that cannot be.
func ReadMessage(r io.Reader) (Message, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Message{}, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > MaxBody {
		return Message{}, fmt.Errorf("%w: message %q of %d bytes, at most %d expected", ErrLink, head[0], n, MaxBody)
	}
	m := Message{Kind: Kind(head[0]), Body: make([]byte, n)}
	if _, err := io.ReadFull(r, m.Body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Message{}, err
	}
	return m, nil
}

// AddressMessage tells a board its address; the zero Addr: it has none.
func AddressMessage(a netip.Addr) Message {
	if !a.IsValid() {
		return Message{Kind: Address}
	}
	b := a.As4()
	return Message{Address, b[:]}
}

// TimeMessage tells a board the time, µs since the lab's start.
func TimeMessage(us uint64) Message {
	return Message{Time, binary.LittleEndian.AppendUint64(nil, us)}
}

// Datagram makes the message of one that has come from an endpoint (Arrived)
// or goes to one (Leaves).
func Datagram(k Kind, e netip.AddrPort, payload []byte) Message {
	a := e.Addr().As4()
	b := binary.BigEndian.AppendUint16(a[:], e.Port())
	return Message{k, append(b, payload...)}
}

// ParseDatagram reads what Datagram makes.
func ParseDatagram(body []byte) (netip.AddrPort, []byte, error) {
	if len(body) < endpointSize {
		return netip.AddrPort{}, nil, fmt.Errorf("%w: datagram message of %d bytes, at least %d expected", ErrLink, len(body), endpointSize)
	}
	a := netip.AddrFrom4([4]byte(body[:4]))
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[4:])), body[endpointSize:], nil
}

// ParseTime reads the body of Time, Busy and Done.
func ParseTime(body []byte) (uint64, error) {
	if len(body) != 8 {
		return 0, fmt.Errorf("%w: time of %d bytes, 8 expected", ErrLink, len(body))
	}
	return binary.LittleEndian.Uint64(body), nil
}

// ParseJoin reads the body of Join: a network's name, and its passphrase,
// which is empty for open air.
func ParseJoin(body []byte) (ssid, passphrase string, err error) {
	for i, b := range body {
		if b == 0 {
			return string(body[:i]), string(body[i+1:]), nil
		}
	}
	return "", "", fmt.Errorf("%w: network of %d bytes without the zero after its name", ErrLink, len(body))
}
