package image

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Image is a boot header with what it leads to.
type Image struct {
	Header   BootHeader
	Offset   int       // of the image in the file, from the header's start
	Size     int       // bytes of the file that header and image take
	Segments []Segment // empty with FlagNoSegment
	Checks   []Check   // every magic number, CRC and hash, the header's included
}

// Segment is data that the boot ROM puts into RAM.
type Segment struct {
	SegmentHeader
	Offset int // of the data in the file
	Data   []byte
}

// ParseImage reads a boot header and its image. What could be read is
// returned beside ErrMagic, ErrTruncated or ErrFormat; checksums are in
// Checks, and Image.Err sums them up.
func ParseImage(b []byte) (Image, error) {
	h, err := ParseBootHeader(b)
	if err != nil {
		return Image{}, err
	}
	m := Image{Header: h, Offset: BootHeaderSize, Size: BootHeaderSize, Checks: h.Checks()}
	if h.Segmented() {
		return m.readSegments(b)
	}
	return m.readFlat(b)
}

// Err is nil if every checksum holds or is meant to be ignored; otherwise it
// wraps ErrChecksum and names the first wrong one.
func (m Image) Err() error { return firstWrong(m.Checks) }

func firstWrong(checks []Check) error {
	for _, c := range checks {
		if !c.OK && !c.Ignored {
			return fmt.Errorf("%w: %s", ErrChecksum, c)
		}
	}
	return nil
}

// readFlat takes an image of Length bytes at 0x1000 or 0x2000. The header's
// flash offset may disagree with the file, so the hash decides between them.
func (m Image) readFlat(b []byte) (Image, error) {
	n := int64(m.Header.Length)
	m.Offset = FirmwareOffset
	if m.Header.FlashOffset == Boot2Offset {
		m.Offset = Boot2Offset
	}
	var best Check
	for _, off := range []int{m.Offset, FirmwareOffset, Boot2Offset} {
		if int64(off)+n > int64(len(b)) {
			continue
		}
		c := m.flatHash(b, off, int(n))
		if best.Name == "" || c.OK {
			best, m.Offset = c, off
		}
		if c.OK {
			break
		}
	}
	m.Size = min(len(b), m.Offset+int(min(n, int64(len(b)))))
	if best.Name == "" {
		return m, fmt.Errorf("image: %w: it starts at 0x%x and has %d bytes, the file ends at %d", ErrTruncated, m.Offset, n, len(b))
	}
	m.Checks = append(m.Checks, best)
	return m, nil
}

// flatHash compares the hash of n bytes at off, as they are and padded to a
// multiple of 16 in each of the ways in use: the file's own bytes, 0, 0xFF.
func (m Image) flatHash(b []byte, off, n int) Check {
	pad := -n & 15
	c := m.hashCheck(b[off : off+n])
	if pad == 0 || c.OK {
		return c
	}
	tails := [][]byte{make([]byte, pad), bytes.Repeat([]byte{0xFF}, pad)}
	if off+n+pad <= len(b) {
		tails = append(tails, b[off+n:off+n+pad])
	}
	for _, tail := range tails {
		h := sha256.New()
		h.Write(b[off : off+n])
		h.Write(tail)
		if bytes.Equal(h.Sum(nil), m.Header.Hash[:]) {
			c.OK, c.Ignored, c.Computed = true, false, c.Stored
			return c
		}
	}
	return c
}

func (m Image) hashCheck(over []byte) Check {
	want := sha256.Sum256(over)
	c := Check{
		Name:     "image SHA-256",
		Stored:   fmt.Sprintf("%x", m.Header.Hash),
		Computed: fmt.Sprintf("%x", want),
		OK:       want == m.Header.Hash,
	}
	c.Ignored = !c.OK && m.Header.Flags&FlagHashIgnore != 0
	return c
}

func (m Image) readSegments(b []byte) (Image, error) {
	if n := m.Header.Length; n < 1 || n > maxSegments {
		return m, fmt.Errorf("image: %w: %d segments, 1 to %d are possible", ErrFormat, n, maxSegments)
	}
	for i := range int(m.Header.Length) {
		s, err := ParseSegmentHeader(b[m.Size:])
		if err != nil {
			return m, fmt.Errorf("segment %d: %w", i, err)
		}
		at := m.Size + SegmentHeaderSize
		if int64(s.Length) > int64(len(b)-at) {
			return m, fmt.Errorf("segment %d: %w: %d of %d bytes of data", i, ErrTruncated, len(b)-at, s.Length)
		}
		data := b[at : at+int(s.Length)]
		m.Segments = append(m.Segments, Segment{SegmentHeader: s, Offset: at, Data: data})
		m.Checks = append(m.Checks, m.segmentChecks(i, s, data)...)
		m.Size = at + len(data)
	}
	m.Checks = append(m.Checks, m.hashCheck(b[BootHeaderSize:m.Size]))
	return m, nil
}

// segmentChecks judges one segment. Files that the ROM is told not to check
// may leave a CRC at zero or DEADBEEF; a CRC that is there must be right.
func (m Image) segmentChecks(i int, s SegmentHeader, data []byte) []Check {
	head := s.Check(fmt.Sprintf("segment %d header CRC", i))
	body := crcCheck(fmt.Sprintf("segment %d data CRC", i), s.DataCRC, data)
	lax := m.Header.Flags&FlagCRCIgnore != 0
	head.Ignored = !head.OK && lax && absent(s.HeaderCRC)
	body.Ignored = !body.OK && lax && absent(s.DataCRC)
	return []Check{head, body}
}

func absent(crc uint32) bool { return crc == 0 || crc == ignoredCRC }
