package extcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Console is the text line of a gateway or sender board, whose lines stand
// in the capture beside the frames: one line a packet, on an interface of its
// own.
type Console struct {
	Name string // such as "gateway": 1 to 32 of a–z, 0–9, hyphen
	Port string // path of its serial port
	Open Opener // opens the port; nil: nothing is read
}

// ConsoleDissector is the Wireshark dissector that shows console lines.
const ConsoleDissector = "pqiot_console"

// Link type and tags of a packet that names its dissector (Wireshark's
// epan/exported_pdu.h).
const (
	linkUpperPDU     = 252 // LINKTYPE_WIRESHARK_UPPER_PDU
	tagDissectorName = 12
	tagEnd           = 0
)

const (
	maxConsoles    = 8
	maxConsoleLine = 1024 // bytes; longer lines come as several
)

var consoleName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// parseConsoles reads "gateway=/dev/ttyUSB1,sender=/dev/ttyUSB2".
func parseConsoles(s string) ([]Console, error) {
	var cs []Console
	for part := range strings.SplitSeq(s, ",") {
		name, port, ok := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !ok || port == "":
			return nil, fmt.Errorf("%q is not NAME=PORT, such as gateway=/dev/ttyUSB1", part)
		case !consoleName.MatchString(name):
			return nil, fmt.Errorf("name %q: 1 to 32 of a-z, 0-9 and hyphen expected", name)
		case slices.ContainsFunc(cs, func(c Console) bool { return c.Name == name }):
			return nil, fmt.Errorf("console %s is given twice", name)
		case slices.ContainsFunc(cs, func(c Console) bool { return c.Port == port }):
			return nil, fmt.Errorf("port %s is given twice", port)
		}
		cs = append(cs, Console{Name: name, Port: port})
	}
	if len(cs) > maxConsoles {
		return nil, fmt.Errorf("%d consoles, at most %d can be", len(cs), maxConsoles)
	}
	return cs, nil
}

// ConsoleWriter writes the interfaces of consoles and their lines as blocks of
// a pcapng file, in the byte order of this machine. Each block is one Write.
type ConsoleWriter struct {
	w     *pcapngWriter
	first int
	names []string
	body  []byte
}

// NewConsoleWriter writes to w, into a section that has first interfaces
// before those of the consoles.
func NewConsoleWriter(w io.Writer, first int, names ...string) *ConsoleWriter {
	return &ConsoleWriter{w: newPcapngWriter(w), first: first, names: names}
}

// Interfaces writes the interface block of every console.
func (c *ConsoleWriter) Interfaces() error {
	for _, name := range c.names {
		err := c.w.iface(iface{link: linkUpperPDU, snapLen: maxConsoleLine + 128, name: name,
			description: "console of the " + name + " board", os: osName()})
		if err != nil {
			return err
		}
	}
	return nil
}

// Line writes one line, without its end, of the console with that index among
// the names: at most maxConsoleLine bytes of it.
func (c *ConsoleWriter) Line(console int, at time.Time, text string) error {
	c.body = appendConsoleLine(c.body[:0], c.names[console], text)
	return c.w.packet(packet{iface: uint32(c.first + console), time: at, data: c.body, origLen: len(c.body)})
}

// appendConsoleLine appends a packet: the tag that names the dissector, the
// end tag, then "name: text".
func appendConsoleLine(dst []byte, name, text string) []byte {
	tag := []byte(ConsoleDissector)
	for len(tag)%4 != 0 {
		tag = append(tag, 0)
	}
	dst = binary.BigEndian.AppendUint16(dst, tagDissectorName)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(tag)))
	dst = append(dst, tag...)
	dst = append(dst, tagEnd, 0, 0, 0)
	return append(dst, name+": "+printable(cutText(text, maxConsoleLine))...)
}

// printable replaces what would spoil a line of text.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, s)
}
