package extcap

import (
	"encoding/binary"
	"io"
	"strings"
	"time"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng §4).
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6
)

// Option codes (draft-ietf-opsawg-pcapng §3.5, §4.1–4.6). The same number
// means another thing in another block.
const (
	optEnd     = 0
	optComment = 1

	shbHardware = 2
	shbOS       = 3
	shbUserAppl = 4

	ifName        = 2
	ifDescription = 3
	ifMACAddr     = 6
	ifTSResol     = 9
	ifFilter      = 11
	ifOS          = 12
	ifHardware    = 15

	epbFlags     = 2
	epbDropCount = 4

	isbStartTime    = 2
	isbEndTime      = 3
	isbIfRecv       = 4
	isbIfDrop       = 5
	isbFilterAccept = 6
	isbOSDrop       = 7
	isbUsrDeliv     = 8
)

const (
	linkRadiotap   = 127    // LINKTYPE_IEEE802_11_RADIOTAP
	maxBlock       = 262144 // bytes; dumpcap refuses longer ones
	maxOption      = 4096   // bytes of one option; long ones are cut
	maxPacketBytes = maxBlock - 2*maxOption
	flagInbound    = 1 // epb_flags: direction "inbound"
	tsMicroseconds = 6 // if_tsresol: 10^-6 s
)

// section is what the section header block says of the whole file. Empty
// strings are left out.
type section struct{ hardware, os, application string }

// iface is what the interface description block says.
type iface struct {
	link        uint16 // 0: radiotap
	snapLen     uint32 // longest captured packet, bytes; radiotap included
	name        string
	description string
	filter      string // the capture filter in the user's words
	os          string
	hardware    string // the board and its firmware
	mac         []byte // 6 bytes, or none
}

// packet is one enhanced packet block. The captured bytes are head followed by
// data.
type packet struct {
	iface   uint32 // number of its interface
	time    time.Time
	head    []byte // radiotap
	data    []byte // 802.11
	origLen int    // bytes on air, with head; never less than the captured bytes
	drops   uint64 // frames lost between the packet before and this one
	comment string
}

// counters is one interface statistics block. Counts run from the start of
// the capture; known says whether the board's own (received, accepted,
// dropped) were ever heard.
type counters struct {
	start, end time.Time
	known      bool
	received   uint64 // frames the radio heard
	accepted   uint64 // frames the board's filter let pass
	boardDrops uint64 // frames dropped on the board: ring full, radio
	lineDrops  uint64 // frames lost between the board and this program
	delivered  uint64 // packet blocks written
	comment    string
}

// pcapngWriter writes one section: interface 0 is the sniffer's. Each block is
// one Write, in the byte order of this machine, as dumpcap wants it. Blocks
// are built in one buffer: a packet costs no allocation.
type pcapngWriter struct {
	w   io.Writer
	buf []byte
}

func newPcapngWriter(w io.Writer) *pcapngWriter {
	return &pcapngWriter{w: w, buf: make([]byte, 0, 16<<10)}
}

func (p *pcapngWriter) section(s section) error {
	p.begin(blockSection)
	p.u32(0x1A2B3C4D) // byte-order magic
	p.u16(1)          // version 1.0
	p.u16(0)
	p.u64(^uint64(0)) // length of the section: not known
	p.str(shbHardware, s.hardware)
	p.str(shbOS, s.os)
	p.str(shbUserAppl, s.application)
	return p.end()
}

func (p *pcapngWriter) iface(i iface) error {
	p.begin(blockInterface)
	if i.link == 0 {
		i.link = linkRadiotap
	}
	p.u16(i.link)
	p.u16(0)
	p.u32(i.snapLen)
	p.str(ifName, i.name)
	p.str(ifDescription, i.description)
	if len(i.mac) == 6 {
		p.opt(ifMACAddr, i.mac)
	}
	p.opt(ifTSResol, []byte{tsMicroseconds})
	if i.filter != "" {
		p.str(ifFilter, "\x00"+i.filter) // 0: the filter is a string
	}
	p.str(ifOS, i.os)
	p.str(ifHardware, i.hardware)
	return p.end()
}

func (p *pcapngWriter) packet(k packet) error {
	head, data := k.head, k.data
	if len(head)+len(data) > maxPacketBytes {
		data = data[:maxPacketBytes-len(head)]
	}
	p.begin(blockPacket)
	p.u32(k.iface)
	p.time(k.time)
	p.u32(uint32(len(head) + len(data)))
	p.u32(uint32(max(k.origLen, len(head)+len(data))))
	p.buf = append(append(p.buf, head...), data...)
	p.pad()
	p.u16(epbFlags)
	p.u16(4)
	p.u32(flagInbound)
	if k.drops > 0 {
		p.count(epbDropCount, k.drops)
	}
	p.str(optComment, k.comment)
	return p.end()
}

func (p *pcapngWriter) statistics(c counters) error {
	p.begin(blockStatistics)
	p.u32(0) // interface
	p.time(c.end)
	p.optTime(isbStartTime, c.start)
	p.optTime(isbEndTime, c.end)
	if c.known {
		p.count(isbIfRecv, c.received)
		p.count(isbIfDrop, c.boardDrops)
		p.count(isbFilterAccept, c.accepted)
	}
	p.count(isbOSDrop, c.lineDrops)
	p.count(isbUsrDeliv, c.delivered)
	p.str(optComment, c.comment)
	return p.end()
}

// begin starts a block; its length is filled in by end.
func (p *pcapngWriter) begin(kind uint32) {
	p.buf = p.buf[:0]
	p.u32(kind)
	p.u32(0)
}

// end closes the options and the block and writes it.
func (p *pcapngWriter) end() error {
	p.u32(optEnd)
	n := uint32(len(p.buf) + 4)
	p.u32(n)
	binary.NativeEndian.PutUint32(p.buf[4:], n)
	_, err := p.w.Write(p.buf)
	return err
}

func (p *pcapngWriter) u16(v uint16) { p.buf = binary.NativeEndian.AppendUint16(p.buf, v) }
func (p *pcapngWriter) u32(v uint32) { p.buf = binary.NativeEndian.AppendUint32(p.buf, v) }
func (p *pcapngWriter) u64(v uint64) { p.buf = binary.NativeEndian.AppendUint64(p.buf, v) }

// pad fills up to a multiple of four: every block starts at one.
func (p *pcapngWriter) pad() {
	for len(p.buf)%4 != 0 {
		p.buf = append(p.buf, 0)
	}
}

func (p *pcapngWriter) opt(code uint16, v []byte) {
	p.u16(code)
	p.u16(uint16(len(v)))
	p.buf = append(p.buf, v...)
	p.pad()
}

// str writes a text option, cut to what fits, or nothing if there is no text.
// Bytes that are not UTF-8 are replaced: readers expect UTF-8.
func (p *pcapngWriter) str(code uint16, s string) {
	if s == "" {
		return
	}
	s = cutText(s, maxOption)
	p.u16(code)
	p.u16(uint16(len(s)))
	p.buf = append(p.buf, s...)
	p.pad()
}

func (p *pcapngWriter) count(code uint16, n uint64) {
	p.u16(code)
	p.u16(8)
	p.u64(n)
}

// time writes a timestamp as two words, the high one first, whatever the byte
// order.
func (p *pcapngWriter) time(t time.Time) {
	us := uint64(max(t.UnixMicro(), 0))
	p.u32(uint32(us >> 32))
	p.u32(uint32(us))
}

func (p *pcapngWriter) optTime(code uint16, t time.Time) {
	p.u16(code)
	p.u16(8)
	p.time(t)
}

// cutText returns s as valid UTF-8 of at most limit bytes.
func cutText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
