package flash

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// Stats says what a write did.
type Stats struct {
	Erased    []Range // sectors, in order of the commands
	Written   int     // bytes sent to be programmed
	Unchanged int     // bytes of the files that were there already
}

// MismatchError is the first byte of a file that the flash does not hold.
type MismatchError struct {
	File      string
	Addr      uint32
	Want, Got byte
	Cause     error // what the board said, or nil
}

func (e *MismatchError) Error() string {
	s := fmt.Sprintf("%s: the flash differs from 0x%06x on: it holds %02x, the file %02x", e.File, e.Addr, e.Got, e.Want)
	if e.Cause != nil {
		s += " (" + e.Cause.Error() + ")"
	}
	return s
}

func (e *MismatchError) Unwrap() error { return e.Cause }

// Write makes the flash hold the files and proves it: equal parts are found
// by SHA-256 and skipped; a sector is erased only if it is neither equal nor
// blank, and what no file covers in it is kept; after each block of 64 KiB
// program_check and SHA-256 are asked, and at the end the SHA-256 of
// everything. A block that fails is tried again before Write gives up with a
// MismatchError. Stats are valid beside an error.
func (b *Board) Write(p *Plan) (Stats, error) {
	var st Stats
	done, total := 0, p.Size()
	for _, block := range p.blocks() {
		size := 0
		for _, r := range runs(block) {
			size += len(r.data)
		}
		err := b.writeBlock(block, &st, func(n int) {
			b.tell(Event{Kind: EventProgress, Stage: "write", Done: done + min(n, size), Total: total})
		})
		if err != nil {
			if !gone(err) {
				err = b.locate(p, block[0].addr, err)
			}
			return st, err
		}
		done += size
		b.tell(Event{Kind: EventProgress, Stage: "write", Done: done, Total: total})
	}
	return st, b.Verify(p)
}

// locate turns the failure of a block into a MismatchError if its first
// differing byte can be found.
func (b *Board) locate(p *Plan, block uint32, cause error) error {
	var m *MismatchError
	if errors.As(b.Verify(p), &m) && m.Addr/blockSize == block/blockSize {
		m.Cause = cause
		return m
	}
	return cause
}

// writeBlock brings the sectors of one block to what they should hold.
func (b *Board) writeBlock(block []*sector, st *Stats, progress func(n int)) error {
	var failed error
	var todo []*sector
	for try := 0; try <= 1+retries; try++ {
		// Cells that failed to program may read back well for now.
		if !failedProgram(failed) {
			var err error
			if todo, err = b.unequal(block); err != nil {
				return err
			}
		}
		if try == 0 {
			st.Unchanged += pieceBytes(block) - pieceBytes(todo)
		}
		if len(todo) == 0 {
			return nil
		}
		if try > retries {
			break
		}
		failed = b.rewrite(todo, try > 0, st, progress)
		if failed != nil && gone(failed) {
			return failed
		}
	}
	if failed == nil {
		failed = errors.New("it reads back differently after every attempt; the flash chip may be worn out or write-protected")
	}
	return failed
}

func pieceBytes(sectors []*sector) (n int) {
	for _, s := range sectors {
		for _, p := range s.pieces {
			n += len(p.data)
		}
	}
	return n
}

// unequal asks for hashes and returns the sectors that differ: first whole
// runs, then the sectors of those that differ. On the way it marks which are
// not blank and so must be erased.
func (b *Board) unequal(block []*sector) (out []*sector, err error) {
	differs := make(map[*sector]bool)
	for len(block) > 0 {
		n := 1 // sectors in this run
		for n < len(block) && contiguous(block[n-1], block[n]) {
			n++
		}
		run := block[:n]
		block = block[n:]
		if n > 1 || len(run[0].pieces) > 1 {
			equal := true
			for _, p := range runs(run) {
				same, err := b.same(p.addr, p.data)
				if err != nil {
					return nil, err
				}
				equal = equal && same
			}
			if equal {
				continue
			}
		}
		for _, s := range run {
			if err := b.judge(s, differs); err != nil {
				return nil, err
			}
			if differs[s] {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

func contiguous(a, b *sector) bool {
	return a.pieces[len(a.pieces)-1].end() == b.pieces[0].addr
}

// judge compares one sector's pieces with the flash, and with blank flash.
func (b *Board) judge(s *sector, differs map[*sector]bool) error {
	for _, p := range s.pieces {
		got, err := b.hash(p.addr, len(p.data))
		if err != nil {
			return err
		}
		if got == sha256.Sum256(p.data) {
			continue
		}
		differs[s] = true
		if got != sha256.Sum256(blank(len(p.data))) {
			s.whole = true
		}
	}
	return nil
}

// rewrite erases and programs sectors. After a failure every one of them is
// erased, as only that clears the loader's memory of it.
func (b *Board) rewrite(todo []*sector, again bool, st *Stats, progress func(int)) error {
	for _, s := range todo {
		if s.whole = s.whole || again; s.whole {
			if err := b.complete(s); err != nil {
				return err
			}
		}
	}
	if err := b.eraseSectors(todo, st); err != nil {
		return err
	}
	sent := 0
	for _, r := range runs(todo) {
		if err := b.programRun(r, st, func(n int) { progress(sent + n) }); err != nil {
			return err
		}
		sent += len(r.data)
	}
	return b.programCheck()
}

// complete reads what the files do not cover of a sector that will be erased.
func (b *Board) complete(s *sector) error {
	full := make([]byte, 0, SectorSize)
	end := s.addr + SectorSize
	for _, p := range append(s.pieces, piece{addr: end}) {
		if at := s.addr + uint32(len(full)); at < p.addr {
			gap, err := b.read(Range{at, p.addr - at}, unseen)
			if err != nil {
				return fmt.Errorf("reading what must be kept at 0x%06x: %w", at, err)
			}
			full = append(full, gap...)
		}
		full = append(full, p.data...)
	}
	s.pieces = []piece{{s.addr, full}}
	return nil
}

// eraseSectors erases those marked, neighbours by one command.
func (b *Board) eraseSectors(sectors []*sector, st *Stats) error {
	for i := 0; i < len(sectors); {
		s := sectors[i]
		n := 0
		for i+n < len(sectors) && sectors[i+n].whole && sectors[i+n].addr == s.addr+uint32(n)*SectorSize {
			n++
		}
		i += max(n, 1)
		if n == 0 {
			continue
		}
		r := Range{s.addr, uint32(n) * SectorSize}
		if err := b.erase(r.Addr, r.Length); err != nil {
			return err
		}
		st.Erased = append(st.Erased, r)
	}
	return nil
}

// programRun sends a run in chunks and leaves out those of 0xFF only, which
// erased flash holds already.
func (b *Board) programRun(r piece, st *Stats, progress func(int)) error {
	for done := 0; done < len(r.data); {
		addr := r.addr + uint32(done)
		n := min(len(r.data)-done, chunkSize-int(addr%chunkSize))
		if chunk := r.data[done : done+n]; !isBlank(chunk) {
			if err := b.program(addr, chunk); err != nil {
				return err
			}
			st.Written += n
		}
		done += n
		progress(done)
	}
	return nil
}
