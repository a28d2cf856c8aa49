package image

import (
	"encoding/binary"
	"fmt"
)

// Fields of a 32-bit little-endian ELF file (System V gABI, chapters 4 and 5).
const (
	elfHeaderSize  = 52
	elfProgramSize = 32
	elfMachineRV   = 243
	elfLoad        = 1 // PT_LOAD
	elfMaxPrograms = 128
)

// ELF is what an executable wants to have loaded.
type ELF struct {
	Entry uint32
	Loads []LoadRange
}

// LoadRange is one PT_LOAD program header.
type LoadRange struct {
	Virtual, Physical uint32 // addresses
	FileSize, MemSize uint32 // bytes; the rest of MemSize is zero
	Flags             uint32 // 1 execute, 2 write, 4 read
	Data              []byte // FileSize bytes
}

// IsELF reports whether b starts as an ELF file.
func IsELF(b []byte) bool { return len(b) >= 4 && string(b[:4]) == "\x7fELF" }

// ParseELF reads the load ranges of a 32-bit RISC-V executable. Errors are
// ErrMagic, ErrFormat and ErrTruncated; ranges before the fault are returned.
func ParseELF(b []byte) (ELF, error) {
	if !IsELF(b) {
		return ELF{}, fmt.Errorf("ELF: %w", ErrMagic)
	}
	if len(b) < elfHeaderSize {
		return ELF{}, fmt.Errorf("ELF: %w: %d of %d header bytes", ErrTruncated, len(b), elfHeaderSize)
	}
	le := binary.LittleEndian
	if b[4] != 1 || b[5] != 1 || le.Uint16(b[18:]) != elfMachineRV {
		return ELF{}, fmt.Errorf("ELF: %w: not 32-bit little-endian RISC-V", ErrFormat)
	}
	f := ELF{Entry: le.Uint32(b[24:])}
	off, size, n := int64(le.Uint32(b[28:])), int64(le.Uint16(b[42:])), int64(le.Uint16(b[44:]))
	if n > 0 && size < elfProgramSize || n > elfMaxPrograms {
		return f, fmt.Errorf("ELF: %w: %d program headers of %d bytes", ErrFormat, n, size)
	}
	if off+n*size > int64(len(b)) {
		return f, fmt.Errorf("ELF: %w: program headers end at %d, the file at %d", ErrTruncated, off+n*size, len(b))
	}
	for i := range n {
		r, err := parseLoad(b, b[off+i*size:])
		if err != nil {
			return f, fmt.Errorf("program header %d: %w", i, err)
		}
		if r != nil {
			f.Loads = append(f.Loads, *r)
		}
	}
	return f, nil
}

// parseLoad reads one program header p of file b; nil if it loads nothing.
func parseLoad(b, p []byte) (*LoadRange, error) {
	u := func(at int) uint32 { return binary.LittleEndian.Uint32(p[at:]) }
	if u(0) != elfLoad || u(20) == 0 {
		return nil, nil
	}
	r := LoadRange{Virtual: u(8), Physical: u(12), FileSize: u(16), MemSize: u(20), Flags: u(24)}
	start, end := int64(u(4)), int64(u(4))+int64(r.FileSize)
	if end > int64(len(b)) {
		return nil, fmt.Errorf("%w: its data end at %d, the file at %d", ErrTruncated, end, len(b))
	}
	if r.FileSize > r.MemSize {
		return nil, fmt.Errorf("%w: %d bytes in the file for %d in memory", ErrFormat, r.FileSize, r.MemSize)
	}
	r.Data = b[start:end]
	return &r, nil
}
