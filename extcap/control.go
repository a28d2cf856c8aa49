package extcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Command is what a toolbar message asks for (Wireshark Developer's Guide,
// "Extcap: toolbar control protocol").
type Command uint8

// Commands. Initialized comes from Wireshark; Set and the button presses come
// from both sides; the others go to Wireshark.
const (
	CommandInitialized Command = 0 // Wireshark has sent its initial values
	CommandSet         Command = 1 // a control's value; no payload: button pressed, logger cleared
	CommandAdd         Command = 2 // a selector's entry (value NUL display), a logger's text
	CommandRemove      Command = 3 // a selector's entry; no payload: all
	CommandEnable      Command = 4
	CommandDisable     Command = 5
	CommandStatusBar   Command = 6 // text for the status bar
	CommandInfo        Command = 7 // text for a dialog
	CommandWarning     Command = 8
	CommandError       Command = 9
	commandStop        Command = 255 // of this package: a quit message came
)

const (
	controlSync     = 'T' // toolbar message
	controlQuit     = 'Q' // newer versions: stop the capture
	controlHeader   = 4   // sync and u24 length, bytes
	maxControlText  = 65535
	maxControlTotal = controlHeader + 2 + maxControlText // a whole message, bytes
)

// What can be wrong on a control pipe. Test with errors.Is.
var (
	ErrControlShort = errors.New("control message is not complete")
	ErrControl      = errors.New("no control message")
)

// Message is one toolbar message.
type Message struct {
	Control uint8
	Command Command
	Payload []byte // at most 65535 bytes
}

// AppendMessage appends m: 'T', u24 big-endian length of what follows, u8
// control, u8 command, payload. A payload over 65535 bytes is cut: Wireshark
// refuses longer ones.
func AppendMessage(dst []byte, m Message) []byte {
	if len(m.Payload) > maxControlText {
		m.Payload = m.Payload[:maxControlText]
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(controlSync)<<24|uint32(len(m.Payload)+2))
	return append(append(dst, m.Control, byte(m.Command)), m.Payload...)
}

// ParseMessage reads one message from the start of b and returns its size in
// bytes. Payload aliases b. Errors are ErrControlShort, which asks for more
// bytes, and ErrControl, after which nothing in the stream can be trusted.
// The quit message of newer versions comes back as a command of its own.
func ParseMessage(b []byte) (Message, int, error) {
	if len(b) > 0 && b[0] != controlSync && b[0] != controlQuit {
		return Message{}, 0, fmt.Errorf("%w: it starts with byte 0x%02x, expected 'T'", ErrControl, b[0])
	}
	if len(b) < controlHeader {
		return Message{}, 0, ErrControlShort
	}
	n := int(binary.BigEndian.Uint32(b) & 0xFFFFFF)
	if n > 2+maxControlText {
		return Message{}, 0, fmt.Errorf("%w: length %d, at most %d", ErrControl, n, 2+maxControlText)
	}
	if b[0] == controlSync && n < 2 {
		return Message{}, 0, fmt.Errorf("%w: length %d, at least 2", ErrControl, n)
	}
	end := controlHeader + n
	if len(b) < end {
		return Message{}, 0, ErrControlShort
	}
	if b[0] == controlQuit {
		return Message{Command: commandStop}, end, nil
	}
	return Message{Control: b[4], Command: Command(b[5]), Payload: b[6:end:end]}, end, nil
}

// MessageReader reads toolbar messages from a stream.
type MessageReader struct {
	r  *bufio.Reader
	at int64 // offset of the next message, bytes
	n  int   // size of the message given out last
}

// NewMessageReader returns a reader of the messages in r.
func NewMessageReader(r io.Reader) *MessageReader {
	return &MessageReader{r: bufio.NewReaderSize(r, maxControlTotal)}
}

// Next returns the next message; its payload is valid until the call after.
// At the end of the stream it returns io.EOF, or io.ErrUnexpectedEOF within a
// message. Errors name the offset in the stream.
func (r *MessageReader) Next() (Message, error) {
	r.r.Discard(r.n) // the message before; it is in the buffer
	r.at += int64(r.n)
	r.n = 0
	want := controlHeader
	for {
		b, err := r.r.Peek(want)
		m, n, perr := ParseMessage(b)
		switch {
		case perr == nil:
			r.n = n
			return m, nil
		case !errors.Is(perr, ErrControlShort):
			return Message{}, fmt.Errorf("control pipe, byte %d: %w", r.at, perr)
		case err == io.EOF && len(b) == 0:
			return Message{}, io.EOF
		case err == io.EOF:
			return Message{}, fmt.Errorf("control pipe, byte %d: %w", r.at, io.ErrUnexpectedEOF)
		case err != nil:
			return Message{}, fmt.Errorf("control pipe, byte %d: %w", r.at, err)
		}
		want = controlHeader + int(binary.BigEndian.Uint32(b)&0xFFFFFF)
	}
}
