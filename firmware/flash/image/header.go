package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// What can be wrong with a file. Test with errors.Is.
var (
	ErrMagic     = errors.New("wrong magic number")
	ErrTruncated = errors.New("file is truncated")
	ErrChecksum  = errors.New("wrong checksum")
	ErrFormat    = errors.New("malformed")
)

// Sizes and offsets, bytes.
const (
	BootHeaderSize    = 176
	SegmentHeaderSize = 16
	FirmwareOffset    = 0x1000 // of a firmware's image after its header, in a file
	Boot2Offset       = 0x2000 // of the second stage's image
)

const (
	bootMagic    = "BFNP"
	flashMagic   = "FCFG"
	clockMagic   = "PCFG"
	ignoredCRC   = 0xDEADBEEF // with FlagCRCIgnore: the ROM checks no header CRC
	crcOffset    = 172
	maxSegments  = 16
	flashCfgSize = 84
	clockCfgSize = 8
)

// Flags are the boot configuration bits at byte 116.
type Flags uint32

// Boot configuration bits.
const (
	FlagNoSegment  Flags = 1 << 8 // one image; Length is its size
	FlagCache      Flags = 1 << 9
	FlagNotLoad    Flags = 1 << 10 // the ROM does not load it
	FlagAESLock    Flags = 1 << 11
	FlagCRCIgnore  Flags = 1 << 16
	FlagHashIgnore Flags = 1 << 17
	FlagHaltAP     Flags = 1 << 18
)

// Sign is the signature mode, 0 for none.
func (f Flags) Sign() uint8 { return uint8(f & 3) }

// Encrypt is the encryption mode: 0 none, 1 AES-128, 2 AES-256, 3 AES-192.
func (f Flags) Encrypt() uint8 { return uint8(f >> 2 & 3) }

// KeySel is the key slot.
func (f Flags) KeySel() uint8 { return uint8(f >> 4 & 3) }

// CacheWayDisable has one bit for each cache way that is off.
func (f Flags) CacheWayDisable() uint8 { return uint8(f >> 12 & 15) }

// BootHeader is the 176-byte header that the boot ROM reads first.
type BootHeader struct {
	Magic       [4]byte // BFNP
	Revision    uint32
	FlashMagic  [4]byte            // FCFG
	FlashConfig [flashCfgSize]byte // SPI commands and times of the flash chip
	FlashCRC    uint32             // of FlashConfig
	ClockMagic  [4]byte            // PCFG
	ClockConfig [clockCfgSize]byte // crystal, PLL, dividers
	ClockCRC    uint32             // of ClockConfig
	Flags       Flags
	Length      uint32   // image length in bytes (FlagNoSegment), else the number of segments
	Entry       uint32   // address of the first instruction
	FlashOffset uint32   // where the image lies; a file may disagree
	Hash        [32]byte // SHA-256 of the image padded to 16, or of all that follows the header
	Reserved    [8]byte
	CRC         uint32 // of the 172 bytes before it
}

// ParseBootHeader reads the first BootHeaderSize bytes of b. It returns
// ErrTruncated or ErrMagic; checksums are judged by Checks.
func ParseBootHeader(b []byte) (BootHeader, error) {
	var h BootHeader
	if len(b) < 4 || string(b[:4]) != bootMagic {
		return h, fmt.Errorf("boot header: %w, not BFNP", ErrMagic)
	}
	if len(b) < BootHeaderSize {
		return h, fmt.Errorf("boot header: %w: %d of %d bytes", ErrTruncated, len(b), BootHeaderSize)
	}
	// The struct mirrors the layout, without padding.
	_, err := binary.Decode(b[:BootHeaderSize], binary.LittleEndian, &h)
	return h, err
}

// AppendBootHeader appends h as it stands, stored checksums included.
func AppendBootHeader(b []byte, h BootHeader) []byte {
	b, err := binary.Append(b, binary.LittleEndian, h)
	if err != nil {
		panic("image: BootHeader holds only fixed-size fields: " + err.Error())
	}
	return b
}

// Sealed is h with its magic numbers and CRCs put right.
func (h BootHeader) Sealed() BootHeader {
	copy(h.Magic[:], bootMagic)
	copy(h.FlashMagic[:], flashMagic)
	copy(h.ClockMagic[:], clockMagic)
	h.FlashCRC = crc32.ChecksumIEEE(h.FlashConfig[:])
	h.ClockCRC = crc32.ChecksumIEEE(h.ClockConfig[:])
	h.CRC = h.headerCRC()
	return h
}

func (h BootHeader) headerCRC() uint32 {
	return crc32.ChecksumIEEE(AppendBootHeader(nil, h)[:crcOffset])
}

// CRCIgnored reports whether the boot ROM skips the header's CRC: the flag is
// set and the field holds DEADBEEF.
func (h BootHeader) CRCIgnored() bool {
	return h.Flags&FlagCRCIgnore != 0 && h.CRC == ignoredCRC
}

// Segmented reports whether segments with headers of their own follow. The
// newer loader files set FlagNoSegment and a length of 1, and have one segment
// all the same.
func (h BootHeader) Segmented() bool {
	return h.Flags&FlagNoSegment == 0 || h.Length == 1
}

// Check is one verdict on a checksum or a magic number.
type Check struct {
	Name     string `json:"name"`
	Stored   string `json:"stored"`
	Computed string `json:"computed"`
	OK       bool   `json:"ok"`
	Ignored  bool   `json:"ignored,omitempty"` // wrong or absent, and meant not to be looked at
}

func (c Check) String() string {
	switch {
	case c.OK:
		return fmt.Sprintf("%s %s ok", c.Name, c.Stored)
	case c.Ignored:
		return fmt.Sprintf("%s %s ignored", c.Name, c.Stored)
	}
	return fmt.Sprintf("%s is %s and should be %s", c.Name, c.Stored, c.Computed)
}

func crcCheck(name string, stored uint32, over []byte) Check {
	want := crc32.ChecksumIEEE(over)
	return Check{Name: name, Stored: hex32(stored), Computed: hex32(want), OK: stored == want}
}

func magicCheck(name string, stored [4]byte, want string) Check {
	return Check{Name: name, Stored: printable(stored[:]), Computed: want, OK: string(stored[:]) == want}
}

// Checks judges the magic numbers and CRCs inside the header.
func (h BootHeader) Checks() []Check {
	head := crcCheck("header CRC", h.CRC, AppendBootHeader(nil, h)[:crcOffset])
	head.Ignored = !head.OK && h.CRCIgnored()
	return []Check{
		head,
		magicCheck("flash configuration magic", h.FlashMagic, flashMagic),
		crcCheck("flash configuration CRC", h.FlashCRC, h.FlashConfig[:]),
		magicCheck("clock configuration magic", h.ClockMagic, clockMagic),
		crcCheck("clock configuration CRC", h.ClockCRC, h.ClockConfig[:]),
	}
}

// SegmentHeader stands before each segment's data.
type SegmentHeader struct {
	Dest      uint32 // RAM address
	Length    uint32 // bytes of data
	DataCRC   uint32
	HeaderCRC uint32 // of the 12 bytes before it
}

// ParseSegmentHeader reads the first SegmentHeaderSize bytes of b. Its
// checksum is judged by Check.
func ParseSegmentHeader(b []byte) (SegmentHeader, error) {
	var s SegmentHeader
	if len(b) < SegmentHeaderSize {
		return s, fmt.Errorf("segment header: %w: %d of %d bytes", ErrTruncated, len(b), SegmentHeaderSize)
	}
	_, err := binary.Decode(b[:SegmentHeaderSize], binary.LittleEndian, &s)
	return s, err
}

// AppendSegmentHeader appends s as it stands.
func AppendSegmentHeader(b []byte, s SegmentHeader) []byte {
	for _, v := range [...]uint32{s.Dest, s.Length, s.DataCRC, s.HeaderCRC} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// Check judges the header's own CRC.
func (s SegmentHeader) Check(name string) Check {
	return crcCheck(name, s.HeaderCRC, AppendSegmentHeader(nil, s)[:12])
}

func hex32(v uint32) string { return fmt.Sprintf("0x%08x", v) }

// printable shows magic bytes as text where they are text.
func printable(b []byte) string {
	if bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return string(b)
	}
	return fmt.Sprintf("%x", b)
}
