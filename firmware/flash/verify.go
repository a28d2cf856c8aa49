package flash

import (
	"bytes"
	"fmt"
)

// Verify compares the flash with the files by SHA-256. If they differ, the
// error is a MismatchError of the lowest address.
func (b *Board) Verify(p *Plan) error {
	done, total := 0, p.Size()
	for _, f := range p.files {
		for at := 0; at < len(f.Data); {
			n := min(len(f.Data)-at, blockSize-int(f.Addr+uint32(at))%blockSize)
			if err := b.verifyBlock(f, at, f.Data[at:at+n]); err != nil {
				return err
			}
			at += n
			done += n
			b.tell(Event{Kind: EventProgress, Stage: "verify", Done: done, Total: total})
		}
	}
	return nil
}

// verifyBlock compares data, which stands at offset at of f. A hash that
// differs may be a garbled reply, so only bytes that were read, and proved by
// another hash, are called different.
func (b *Board) verifyBlock(f File, at int, data []byte) error {
	addr := f.Addr + uint32(at)
	equal, err := b.same(addr, data)
	if err != nil || equal {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), SectorSize-int(addr%SectorSize))
		if equal, err = b.same(addr, data[:n]); err != nil {
			return err
		}
		if !equal {
			got, err := b.read(Range{addr, uint32(n)}, unseen)
			if err != nil {
				return err
			}
			for i := range got {
				if got[i] != data[i] {
					return &MismatchError{File: f.Name, Addr: addr + uint32(i), Want: data[i], Got: got[i]}
				}
			}
		}
		addr, data = addr+uint32(n), data[n:]
	}
	return nil
}

// Read reads a range and proves it by the board's SHA-256.
func (b *Board) Read(r Range) ([]byte, error) {
	return b.read(r, func(done int) {
		b.tell(Event{Kind: EventProgress, Stage: "read", Done: done, Total: int(r.Length)})
	})
}

func (b *Board) read(r Range, progress func(done int)) ([]byte, error) {
	if err := b.within(r); err != nil {
		return nil, err
	}
	out := make([]byte, 0, r.Length)
	for addr, end := r.Addr, r.Addr+r.Length; addr < end; {
		n := min(end-addr, blockSize)
		data, err := b.readBlock(addr, int(n))
		if err != nil {
			return nil, err
		}
		out, addr = append(out, data...), addr+n
		progress(len(out))
	}
	return out, nil
}

// unseen is the progress of a read that is part of something else.
func unseen(int) {}

func (b *Board) readBlock(addr uint32, length int) ([]byte, error) {
	for range 1 + retries {
		data := make([]byte, 0, length)
		for len(data) < length {
			chunk, err := b.readChunk(addr+uint32(len(data)), min(length-len(data), chunkSize))
			if err != nil {
				return nil, err
			}
			data = append(data, chunk...)
		}
		if equal, err := b.same(addr, data); err != nil || equal {
			return data, err
		}
	}
	return nil, fmt.Errorf("%w: 0x%06x reads differently from its SHA-256 after %d attempts: the line or the flash is unreliable", ErrGarbled, addr, 1+retries)
}

func (b *Board) within(r Range) error {
	if size := b.jedec.Size(); uint64(r.Addr)+uint64(r.Length) > uint64(size) {
		return fmt.Errorf("%w: 0x%x bytes from 0x%x on, and the flash ends at 0x%x", ErrNoFit, r.Length, r.Addr, size-1)
	}
	return nil
}

// Erase erases whole sectors, leaves those alone that are blank already, and
// proves that all are blank. It returns what it erased.
func (b *Board) Erase(r Range) ([]Range, error) {
	if r.Addr%SectorSize != 0 || r.Length%SectorSize != 0 || r.Length == 0 {
		return nil, fmt.Errorf("%w: %s is not made of whole sectors of %d bytes", ErrNoFit, r, SectorSize)
	}
	if err := b.within(r); err != nil {
		return nil, err
	}
	p, err := NewPlan([]File{{Name: "erased range", Addr: r.Addr, Data: blank(int(r.Length))}}, b.jedec.Size())
	if err != nil {
		return nil, err
	}
	st, err := b.Write(p)
	return st.Erased, err
}

// EraseChip erases the whole flash, keys and settings included, and proves
// that it is blank.
func (b *Board) EraseChip() error {
	b.tell(Event{Kind: EventNote, Text: "erasing the whole flash takes up to a minute"})
	if err := b.eraseChip(); err != nil {
		return err
	}
	size := b.jedec.Size()
	p, err := NewPlan([]File{{Name: "erased flash", Data: bytes.Repeat([]byte{0xFF}, int(size))}}, size)
	if err != nil {
		return err
	}
	return b.Verify(p)
}
