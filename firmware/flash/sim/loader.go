package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"time"
)

const sectorSize = 4096

// loader obeys one command of the eflash_loader. Unknown ones get no reply.
func (b *Board) loader(now time.Duration, cmd byte, p []byte) {
	switch cmd {
	case 0x10:
		if b.modern {
			info := bootInfo
			copy(info[:], "\xFF\xFF\xFF\xFF")
			b.data(now, cmd, info[:])
		}
	case 0x21:
		b.ok(now, cmd)
		b.state = romSync
	case 0x30:
		b.erase(now, cmd, p)
	case 0x31:
		b.write(now, cmd, p)
	case 0x32, 0x3D:
		b.readOrHash(now, cmd, p)
	case 0x33:
		b.ok(now, cmd)
		b.state = running
	case 0x36:
		b.data(now, cmd, b.jedec())
	case 0x3A:
		b.okUnless(now, cmd, b.latch, 0x0006)
	case 0x3B:
		b.okUnless(now, cmd, len(p) != 4 && len(p) != 88, 0x0008)
	case 0x3C:
		b.Ops = append(b.Ops, Op{"chip", 0, len(b.Flash)})
		b.eraseRange(now, cmd, 0, uint32(len(b.Flash)))
	case 0x42:
		mac := []byte{0x24, 0x94, 0x94, 0x47, 0x88, 0xDD}
		b.data(now, cmd, binary.LittleEndian.AppendUint32(mac, crc32.ChecksumIEEE(mac)))
	case 0x60, 0x61:
		b.ok(now, cmd)
	}
}

func (b *Board) okUnless(now time.Duration, cmd byte, failed bool, code uint16) {
	if failed {
		b.fail(now, cmd, code)
		return
	}
	b.ok(now, cmd)
}

func (b *Board) jedec() []byte {
	if b.opts.JEDEC != nil {
		return b.opts.JEDEC
	}
	return []byte{0xEF, 0x40, byte(bits.Len(uint(len(b.Flash))) - 1), 0x80}
}

// erase takes a first and a last address and erases whole sectors.
func (b *Board) erase(now time.Duration, cmd byte, p []byte) {
	if len(p) != 8 {
		b.fail(now, cmd, 0x0002)
		return
	}
	start, last := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
	if start > last || last >= uint32(len(b.Flash)) {
		b.fail(now, cmd, 0x0002)
		return
	}
	start &^= sectorSize - 1
	end := (last + sectorSize) &^ (sectorSize - 1)
	b.Ops = append(b.Ops, Op{"erase", start, int(end - start)})
	b.eraseRange(now, cmd, start, end)
}

func (b *Board) eraseRange(now time.Duration, cmd byte, start, end uint32) {
	for i := start; i < end; i++ {
		b.Flash[i] = 0xFF
	}
	b.latch = false
	done := now + b.opts.PDFor + time.Duration((end-start)/sectorSize)*b.opts.EraseTime
	if b.modern {
		for t := now; t < done; t += time.Second {
			b.reply(t, cmd, []byte("PD"))
		}
	}
	b.busy = done
	b.ok(done, cmd)
}

// write answers first and programs then.
func (b *Board) write(now time.Duration, cmd byte, p []byte) {
	if len(p) < 5 {
		b.fail(now, cmd, 0x0004)
		return
	}
	addr, data := binary.LittleEndian.Uint32(p), p[4:]
	if uint64(addr)+uint64(len(data)) > uint64(len(b.Flash)) {
		b.fail(now, cmd, 0x0005)
		return
	}
	b.Ops = append(b.Ops, Op{"write", addr, len(data)})
	b.ok(now, cmd)
	failed := false
	for i, c := range data {
		if at := addr + uint32(i); b.opts.BadCells != nil && b.opts.BadCells(at) {
			failed = true
		} else {
			b.Flash[at] &= c // NOR: ones become zeros, never the other way
		}
	}
	b.busy = now + b.opts.Latency + time.Duration((len(data)+255)/256)*b.opts.PageTime
	if failed {
		b.latch = true
		b.fail(b.busy, cmd, 0x0006)
	}
}

func (b *Board) readOrHash(now time.Duration, cmd byte, p []byte) {
	if len(p) != 8 {
		b.fail(now, cmd, 0x0002)
		return
	}
	addr, n := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
	if uint64(addr)+uint64(n) > uint64(len(b.Flash)) || cmd == 0x32 && n > 8192 {
		b.fail(now, cmd, 0x0002)
		return
	}
	data := b.read(addr, n)
	if cmd == 0x32 {
		b.data(now, cmd, data)
		return
	}
	if b.opts.HashRate > 0 {
		now += time.Duration(n) * time.Second / time.Duration(b.opts.HashRate)
		b.busy = now
	}
	sum := sha256.Sum256(data)
	b.data(now, cmd, sum[:])
}

// read is the flash with its stuck cells.
func (b *Board) read(addr, n uint32) []byte {
	data := append([]byte(nil), b.Flash[addr:addr+n]...)
	if b.opts.Stuck != nil {
		for i := range data {
			if v, stuck := b.opts.Stuck(addr + uint32(i)); stuck {
				data[i] = v
			}
		}
	}
	return data
}
