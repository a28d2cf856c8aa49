package flash

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Reasons to refuse files before anything is written. Test with errors.Is.
var (
	ErrOverlap   = errors.New("files overlap")
	ErrNoFit     = errors.New("file does not fit")
	ErrEmpty     = errors.New("file is empty")
	ErrProtected = errors.New("range holds keys or settings")
)

// File is data and its place in the flash.
type File struct {
	Name string
	Addr uint32
	Data []byte
}

// end is the address after the last byte.
func (f File) end() uint64 { return uint64(f.Addr) + uint64(len(f.Data)) }

// Plan is a set of files that do not overlap, in order of address.
type Plan struct{ files []File }

// NewPlan checks that the files suit each other and a flash of the given size
// in bytes. Two files in one sector are fine.
func NewPlan(files []File, flashSize uint32) (*Plan, error) {
	p := &Plan{slices.Clone(files)}
	slices.SortStableFunc(p.files, func(a, b File) int { return cmp.Compare(a.Addr, b.Addr) })
	for i, f := range p.files {
		if len(f.Data) == 0 {
			return nil, fmt.Errorf("%w: %s", ErrEmpty, f.Name)
		}
		if f.end() > uint64(flashSize) {
			return nil, fmt.Errorf("%w: %s is to take 0x%x to 0x%x and the flash ends at 0x%x", ErrNoFit, f.Name, f.Addr, f.end()-1, flashSize-1)
		}
		if i > 0 && p.files[i-1].end() > uint64(f.Addr) {
			return nil, fmt.Errorf("%w: %s ends at 0x%x and %s starts at 0x%x", ErrOverlap, p.files[i-1].Name, p.files[i-1].end()-1, f.Name, f.Addr)
		}
	}
	return p, nil
}

// Size is the number of bytes in all files.
func (p *Plan) Size() (n int) {
	for _, f := range p.files {
		n += len(f.Data)
	}
	return n
}

// Range is a part of the flash.
type Range struct {
	Addr   uint32 `json:"address"`
	Length uint32 `json:"length"`
}

func (r Range) String() string { return fmt.Sprintf("0x%06x-0x%06x", r.Addr, r.Addr+r.Length-1) }

// Erases lists the sectors that the plan touches, neighbours joined: what is
// erased at most.
func (p *Plan) Erases() (out []Range) {
	for _, f := range p.files {
		lo := f.Addr &^ (SectorSize - 1)
		hi := uint32((f.end() + SectorSize - 1) &^ (SectorSize - 1)) // 16 MiB at most
		if n := len(out); n > 0 && out[n-1].Addr+out[n-1].Length >= lo {
			out[n-1].Length = max(out[n-1].Length, hi-out[n-1].Addr)
			continue
		}
		out = append(out, Range{lo, hi - lo})
	}
	return out
}

// piece is a part of a file within one sector.
type piece struct {
	addr uint32
	data []byte
}

func (p piece) end() uint32 { return p.addr + uint32(len(p.data)) }

// sector is one sector of the flash and what it is meant to hold. Once it has
// to be erased, whole is set and it holds one piece: the files' bytes and,
// around them, what was there before.
type sector struct {
	addr   uint32
	pieces []piece
	whole  bool // to be erased first
}

// blocks cuts the plan into sectors and groups them by blocks of 64 KiB.
func (p *Plan) blocks() (out [][]*sector) {
	var last *sector
	for _, f := range p.files {
		for data, addr := f.Data, f.Addr; len(data) > 0; {
			base := addr &^ (SectorSize - 1)
			n := min(len(data), int(base+SectorSize-addr))
			if last == nil || last.addr != base {
				s := &sector{addr: base}
				if last == nil || last.addr/blockSize != base/blockSize {
					out = append(out, nil)
				}
				out[len(out)-1] = append(out[len(out)-1], s)
				last = s
			}
			last.pieces = append(last.pieces, piece{addr, data[:n]})
			addr, data = addr+uint32(n), data[n:]
		}
	}
	return out
}

// runs joins the pieces of neighbouring sectors.
func runs(sectors []*sector) (out []piece) {
	for _, s := range sectors {
		for _, p := range s.pieces {
			if n := len(out); n > 0 && out[n-1].end() == p.addr {
				out[n-1].data = append(slices.Clip(out[n-1].data), p.data...)
				continue
			}
			out = append(out, p)
		}
	}
	return out
}

// Sum is the SHA-256 of the file.
func (f File) Sum() [sha256.Size]byte { return sha256.Sum256(f.Data) }

// Files are the plan's files in order of address.
func (p *Plan) Files() iter.Seq[File] { return slices.Values(p.files) }
