package packet

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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
	// bufferSize is what is read ahead, bytes. It is more than maxBlock, so
	// that a whole block can be looked at in place.
	bufferSize = maxBlock + 1<<16
)

// Raw is a packet as it stands in the file. Data is valid until the next call
// of Next.
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

// Source gives the packets of one capture.
type Source struct {
	r      *bufio.Reader
	closer io.Closer
	next   func(*Source, *Raw) error
	order  binary.ByteOrder
	offset int64 // of what is at the front of r
	held   int   // bytes of r that the last Raw aliases
	frame  uint64
	counts Counts
	err    error // sticky

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
	s := &Source{r: bufio.NewReaderSize(r, bufferSize)}
	magic, err := s.r.Peek(2)
	if err == nil && magic[0] == 0x1F && magic[1] == 0x8B {
		z, err := gzip.NewReader(s.r)
		if err != nil {
			return nil, fmt.Errorf("%w: gzip: %w", ErrFormat, err)
		}
		s.r, s.closer = bufio.NewReaderSize(z, bufferSize), z
	}
	head, err := s.r.Peek(4)
	if err != nil {
		if errors.Is(err, io.EOF) && len(head) == 0 {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("%w: %d bytes: %w", ErrFormat, len(head), err)
	}
	switch m := binary.LittleEndian.Uint32(head); m {
	case magicSHB:
		s.next = (*Source).nextPcapng
		return s, s.readFirstSection()
	case magicMicros, magicNanos:
		s.order, s.nano = binary.LittleEndian, m == magicNanos
	case swap32(magicMicros), swap32(magicNanos):
		s.order, s.nano = binary.BigEndian, m == swap32(magicNanos)
	default:
		return nil, fmt.Errorf("%w: it begins with % x", ErrFormat, head)
	}
	s.next = (*Source).nextPcap
	return s, s.readPcapHeader()
}

func swap32(x uint32) uint32 {
	return x<<24 | x>>24 | x<<8&0xFF0000 | x>>8&0xFF00
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

// Ready reports whether the start of another packet is here already, so that
// Next need not wait for a live stream.
func (s *Source) Ready() bool { return s.r.Buffered() > s.held }

// Counts says what was met so far beside packets.
func (s *Source) Counts() Counts { return s.counts }

// Close ends the unpacking. The reader given to Open is the caller's.
func (s *Source) Close() error {
	if s.closer != nil {
		return s.closer.Close()
	}
	return nil
}

// take gives the next n bytes without copying; they stay until release.
func (s *Source) take(n int, what string) ([]byte, error) {
	b, err := s.r.Peek(n)
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

func (s *Source) release() {
	_, _ = s.r.Discard(s.held) // held bytes are in the buffer: it cannot fail
	s.offset += int64(s.held)
	s.counts.Bytes = s.offset
	s.held = 0
}

func (s *Source) damage(format string, args ...any) error {
	return &DamageError{s.offset, fmt.Sprintf(format, args...)}
}
