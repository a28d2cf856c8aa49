package image

import (
	"errors"
	"fmt"
)

// LoaderPath is where an SDK checkout keeps the loader for boards with a
// 40 MHz crystal, PineCone among them.
const LoaderPath = "tools/bflb_tools/bouffalo_flash_cube/chips/bl602/eflash_loader/eflash_loader_40m.bin"

// ErrNotLoader: the file is something else than an eflash_loader.
var ErrNotLoader = errors.New("not an eflash_loader for the BL602")

// The BL602's RAM as seen through the instruction bus: ITCM, DTCM, Wi-Fi RAM.
const (
	ramBase = 0x22008000
	ramEnd  = 0x2204C000
)

// Loader is the vendor's flash loader, cut into what the boot ROM is sent.
type Loader struct {
	Header   []byte // BootHeaderSize bytes, command 11
	Segments []LoaderSegment
}

// LoaderSegment is one segment: commands 17 and 18.
type LoaderSegment struct {
	Header []byte // SegmentHeaderSize bytes
	Data   []byte
}

// ParseLoader accepts a whole and undamaged eflash_loader: the boot header's
// and segments' CRCs hold wherever the file does not ask to ignore them, the
// segments lie in RAM, and the file ends where they end. Errors wrap
// ErrNotLoader, ErrTruncated, ErrChecksum or ErrFormat.
func ParseLoader(b []byte) (Loader, error) {
	m, err := ParseImage(b)
	if errors.Is(err, ErrMagic) {
		return Loader{}, fmt.Errorf("%w: it has no boot header (BFNP)", ErrNotLoader)
	}
	if err == nil && len(m.Segments) == 0 {
		return Loader{}, fmt.Errorf("%w: it is an image for the flash, not for RAM", ErrNotLoader)
	}
	if err == nil {
		err = m.Err()
	}
	if err != nil {
		return Loader{}, fmt.Errorf("loader: %w", err)
	}
	if n := len(b) - m.Size; n > 0 {
		return Loader{}, fmt.Errorf("loader: %w: %d bytes after the last segment", ErrFormat, n)
	}
	l := Loader{Header: b[:BootHeaderSize]}
	for i, s := range m.Segments {
		if s.Dest < ramBase || s.Dest >= ramEnd || s.Length > ramEnd-s.Dest || s.Length == 0 {
			return Loader{}, fmt.Errorf("%w: segment %d (%d bytes for 0x%08x) is not for this chip's RAM", ErrNotLoader, i, s.Length, s.Dest)
		}
		l.Segments = append(l.Segments, LoaderSegment{Header: b[s.Offset-SegmentHeaderSize : s.Offset], Data: s.Data})
	}
	return l, nil
}
