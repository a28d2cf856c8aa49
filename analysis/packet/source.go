package packet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// What can be wrong with a capture. Test with errors.Is.
var (
	ErrFormat  = errors.New("not a pcap or pcapng capture")
	ErrDamaged = errors.New("damaged capture")
)

// DamageError says where a capture became unreadable. What came before is
// intact. errors.Is(err, ErrDamaged) holds.
type DamageError struct {
	Offset int64 // of the block or record that could not be read, bytes from the start
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged at byte %d: %s", e.Offset, e.Reason)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (*DamageError) Is(target error) bool { return target == ErrDamaged }

const (
	// maxBlock bounds what one block or record may claim, and so the memory
	// that a hostile length can ask for. Wireshark refuses packets over
	// 262144 bytes; the rest is room for options.
	maxBlock = 1 << 20
	// maxInterfaces bounds the interface table of a pcapng section.
	maxInterfaces = 1 << 12
	// bufferSize is what is read ahead, bytes, where Use gives no buffer.
	bufferSize = 1 << 16
)

// Raw is a packet as it stands in the file. Data aliases the source's buffer
// and stays until the caller writes over a buffer that it gave to Use.
type Raw struct {
	Data   []byte
	Time   int64  // ns since 1970, UTC
	Orig   int    // length on the wire, bytes
	Link   Link   // of the interface
	Iface  int    // number of the interface, from 0, counted over all sections
	Frame  uint64 // number of the packet in its file, from 1, as Wireshark counts
	Offset int64  // of its block or record in the file
}

// Counts is what was met that is not a packet.
type Counts struct {
	Bytes         int64 // read from the file, unpacked
	UnknownBlocks int64 // pcapng blocks of types that are not read
	BadBlocks     int64 // pcapng blocks whose own fields contradict each other, skipped
}

// Source gives the packets of one capture. Blocks are looked at in place: a
// buffer that has no more room is left to those who still look at it, and
// reading goes on in another one.
type Source struct {
	in      io.Reader
	inErr   error // of in; what was read before it is good
	closer  io.Closer
	next    func(*Source, *Raw) error
	ng      bool // pcapng
	swapped bool // big-endian
	buf     []byte
	at, end int   // buf[at:end] is read and not yet released
	offset  int64 // of buf[at] in the file
	held    int   // bytes from at that the last Raw aliases
	frame   uint64
	counts  Counts
	err     error // sticky

	nano   bool // pcap: times in ns
	ifaces []iface
	base   int // pcapng: number of the section's first interface
}

// iface is what a packet needs of its pcapng interface, or of the pcap header.
type iface struct {
	link     Link
	snap     uint32
	perSec   uint64 // ticks in a second
	offsetNS int64
}

// Open looks at the first bytes of r and returns a source for its format.
// Compressed input (gzip) is unpacked. An input of another format gives
// ErrFormat, an empty one io.EOF.
func Open(r io.Reader) (*Source, error) {
	s := &Source{in: r}
	if magic, err := s.peek(2); err == nil && magic[0] == 0x1F && magic[1] == 0x8B {
		packed := io.MultiReader(bytes.NewReader(s.buf[:s.end]), r)
		z, err := gzip.NewReader(bufio.NewReaderSize(packed, bufferSize))
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", ErrFormat, err)
		}
		s = &Source{in: z, closer: z}
	}
	head, err := s.peek(4)
	if err != nil {
		if errors.Is(err, io.EOF) && len(head) == 0 {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: %d bytes: %w", ErrFormat, len(head), err)
	}
	switch m := binary.LittleEndian.Uint32(head); m {
	case magicSHB:
		s.next, s.ng = (*Source).nextPcapng, true
		return s, s.readFirstSection()
	case magicMicros, magicNanos:
		s.nano = m == magicNanos
	case bits.ReverseBytes32(magicMicros), bits.ReverseBytes32(magicNanos):
		s.swapped, s.nano = true, m == bits.ReverseBytes32(magicNanos)
	default:
		return nil, fmt.Errorf("%w: it begins with % x", ErrFormat, head)
	}
	s.next = (*Source).nextPcap
	return s, s.readPcapHeader()
}

// u16, u32 and u64 read fields in the capture's byte order.
func (s *Source) u16(b []byte) uint16 {
	x := binary.LittleEndian.Uint16(b)
	if s.swapped {
		x = bits.ReverseBytes16(x)
	}
	return x
}

func (s *Source) u32(b []byte) uint32 {
	x := binary.LittleEndian.Uint32(b)
	if s.swapped {
		x = bits.ReverseBytes32(x)
	}
	return x
}

func (s *Source) u64(b []byte) uint64 {
	x := binary.LittleEndian.Uint64(b)
	if s.swapped {
		x = bits.ReverseBytes64(x)
	}
	return x
}

// Next reads the next packet into raw. It returns io.EOF at a clean end, a
// *DamageError where the capture cannot be read on, and the error of the
// underlying reader. The error stays.
func (s *Source) Next(raw *Raw) error {
	if s.err == nil {
		s.release()
		s.err = s.next(s, raw)
	}
	return s.err
}

// Use makes the source read into buf from now on. What Raws alias before the
// call stays as it is.
func (s *Source) Use(buf []byte) {
	s.release()
	s.move(buf)
}

// Ready reports whether another whole packet is here already, so that Next
// need not wait for a live stream.
func (s *Source) Ready() bool {
	for rest := s.buf[s.at+s.held : s.end]; len(rest) >= pcapRecordSize; {
		if !s.ng {
			return int64(len(rest)) >= pcapRecordSize+int64(s.u32(rest[8:]))
		}
		n := s.u32(rest[4:])
		if n < minBlock || int64(n) > int64(len(rest)) {
			return false
		}
		switch s.u32(rest) {
		case blockEPB, blockPB, blockSPB:
			return true
		}
		rest = rest[n:]
	}
	return false
}

// Counts says what was met so far beside packets.
func (s *Source) Counts() Counts { return s.counts }

// Close ends the unpacking. The reader given to Open is the caller's.
func (s *Source) Close() error {
	if s.closer != nil {
		return s.closer.Close()
	}
	return nil
}

// take gives the next n bytes without copying.
func (s *Source) take(n int, what string) ([]byte, error) {
	b, err := s.peek(n)
	if err == nil {
		s.held = n
		return b, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if len(b) == 0 {
			return nil, io.EOF
		}
		return nil, s.damage("the file ends %d bytes into %s of %d", len(b), what, n)
	}
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		return nil, s.damage("gzip: %v", err)
	}
	return nil, err
}

// peek gives the next n bytes; with an error, those that there are.
func (s *Source) peek(n int) ([]byte, error) {
	for s.end-s.at < n {
		if s.inErr != nil {
			return s.buf[s.at:s.end], s.inErr
		}
		if s.at+n > len(s.buf) {
			s.move(make([]byte, max(n, bufferSize)))
		}
		s.read()
	}
	return s.buf[s.at : s.at+n], nil
}

// move goes on in another buffer.
func (s *Source) move(buf []byte) {
	rest := s.buf[s.at:s.end]
	if len(rest) > len(buf) {
		buf = make([]byte, len(rest))
	}
	s.buf, s.at, s.end = buf, 0, copy(buf, rest)
}

// read reads once into the room that the buffer has.
func (s *Source) read() {
	for range 100 { // readers may give nothing now and then, but not for ever
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		if s.inErr = err; n > 0 || err != nil {
			return
		}
	}
	s.inErr = io.ErrNoProgress
}

func (s *Source) release() {
	s.at += s.held
	s.offset += int64(s.held)
	s.counts.Bytes = s.offset
	s.held = 0
}

func (s *Source) damage(format string, args ...any) error {
	return &DamageError{s.offset, fmt.Sprintf(format, args...)}
}
