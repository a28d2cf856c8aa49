package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// romLoad is the boot ROM's state while an image comes in.
type romLoad struct {
	header   []byte // 176 bytes, once accepted
	image    []byte // segment headers and data
	left     uint32 // bytes due of the segment
	segments uint32 // due
	inData   bool
	checked  bool
	modern   bool // the loader that was sent is a newer one
}

// bootInfo is what a real board answered.
var bootInfo = [20]byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 3, 0, 0xDD, 0x88, 0x47, 0x94, 0x94, 0x24, 0x1C, 0}

// rom obeys one command of the boot ROM.
func (b *Board) rom(now time.Duration, cmd byte, p []byte) {
	code := uint16(0)
	switch cmd {
	case 0x10:
		b.data(now, cmd, bootInfo[:])
		return
	case 0x11:
		code = b.bootHeader(p)
	case 0x17:
		if code = b.segmentHeader(p); code == 0 {
			b.data(now, cmd, p)
			return
		}
	case 0x18:
		code = b.segmentData(p)
	case 0x19:
		code = b.checkImage()
	case 0x1A:
		if !b.checked {
			code = 0x0104
		}
	case 0x20:
		code = b.changeRate(p)
	case 0x21:
		b.ok(now, cmd)
		b.state = romSync
		return
	default:
		code = 0x0101
	}
	b.okUnless(now, cmd, code != 0, code)
	if cmd == 0x1A && code == 0 {
		b.state, b.synced, b.rx = loaderSync, 0, nil
		b.deafTo = now + 100*time.Millisecond
	}
}

func (b *Board) changeRate(p []byte) uint16 {
	if len(p) != 8 || binary.LittleEndian.Uint32(p[4:]) == 0 {
		return 0x0301
	}
	b.baud = int(binary.LittleEndian.Uint32(p[4:]))
	return 0
}

func (b *Board) bootHeader(p []byte) uint16 {
	b.romLoad = romLoad{}
	if len(p) != 176 {
		return 0x0201
	}
	flags, crc := binary.LittleEndian.Uint32(p[116:]), binary.LittleEndian.Uint32(p[172:])
	ignore := flags&(1<<16) != 0 && crc == 0xDEADBEEF
	switch {
	case flags&(1<<10) != 0:
		return 0x0202
	case !ignore && crc != crc32.ChecksumIEEE(p[:172]):
		return 0x0204
	case string(p[:4]) != "BFNP":
		return 0x0203
	}
	n := binary.LittleEndian.Uint32(p[120:])
	if n == 0 || n > 16 {
		return 0x0207
	}
	b.header, b.segments, b.modern = bytes.Clone(p), n, flags&(1<<8) != 0
	return 0
}

func (b *Board) segmentHeader(p []byte) uint16 {
	switch {
	case b.header == nil || b.inData || b.segments == 0:
		return 0x0104
	case len(p) != 16:
		return 0x020F
	case binary.LittleEndian.Uint32(p[12:]) != crc32.ChecksumIEEE(p[:12]):
		return 0x0210
	}
	b.image = append(b.image, p...)
	b.left, b.inData = binary.LittleEndian.Uint32(p[4:]), true
	return 0
}

func (b *Board) segmentData(p []byte) uint16 {
	switch {
	case !b.inData:
		return 0x0104
	case uint32(len(p)) > b.left:
		return 0x0214
	}
	b.image = append(b.image, p...)
	if b.left -= uint32(len(p)); b.left == 0 {
		b.inData = false
		b.segments--
	}
	return 0
}

func (b *Board) checkImage() uint16 {
	if b.header == nil || b.segments != 0 || b.inData {
		return 0x0216
	}
	flags := binary.LittleEndian.Uint32(b.header[116:])
	if sum := sha256.Sum256(b.image); flags&(1<<17) == 0 && !bytes.Equal(sum[:], b.header[132:164]) {
		return 0x0217
	}
	b.checked = true
	return 0
}

// Loader makes a file of the form of the vendor's eflash_loader, filled with
// n bytes that are no program: of the older form, whose header has its hash
// and CRCs, or of the newer one, which asks to ignore them.
func Loader(modern bool, n int) []byte {
	le := binary.LittleEndian
	data := bytes.Repeat([]byte{0x13, 0, 0, 0}, n/4) // RISC-V nop
	seg := le.AppendUint32(nil, 0x22010000)
	seg = le.AppendUint32(seg, uint32(len(data)))
	seg = le.AppendUint32(seg, crc32.ChecksumIEEE(data))
	seg = append(le.AppendUint32(seg, crc32.ChecksumIEEE(seg)), data...)
	h := make([]byte, 176)
	copy(h, "BFNP\x01")
	copy(h[8:], "FCFG")
	le.PutUint32(h[96:], crc32.ChecksumIEEE(h[12:96]))
	copy(h[100:], "PCFG\x04\x04\x00\x01\x03")
	le.PutUint32(h[112:], crc32.ChecksumIEEE(h[104:112]))
	le.PutUint32(h[120:], 1)
	le.PutUint32(h[124:], 0x22010000)
	sum := sha256.Sum256(seg)
	copy(h[132:], sum[:])
	if modern {
		le.PutUint32(h[116:], 1<<8|1<<16|1<<17)
		copy(h[132:], make([]byte, 32))
		le.PutUint32(h[172:], 0xDEADBEEF)
	} else {
		le.PutUint32(h[172:], crc32.ChecksumIEEE(h[:172]))
	}
	return append(h, seg...)
}

// Firmware makes a boot image of the given program, as the SDK lays it out:
// a header, and the program at 0x1000.
func Firmware(program []byte) []byte {
	le := binary.LittleEndian
	h := make([]byte, 0x1000, 0x1000+len(program)+16)
	copy(h, "BFNP\x01\x00\x00\x00FCFG")
	copy(h[100:], "PCFG\x04\x04\x00\x01\x03\x01")
	le.PutUint32(h[96:], crc32.ChecksumIEEE(h[12:96]))
	le.PutUint32(h[112:], crc32.ChecksumIEEE(h[104:112]))
	le.PutUint32(h[116:], 1<<8|1<<9|3<<12)
	program = append(bytes.Clone(program), make([]byte, -len(program)&15)...)
	le.PutUint32(h[120:], uint32(len(program)))
	le.PutUint32(h[128:], 0x1000)
	sum := sha256.Sum256(program)
	copy(h[132:], sum[:])
	le.PutUint32(h[172:], crc32.ChecksumIEEE(h[:172]))
	for i := 176; i < len(h); i++ {
		h[i] = 0xFF
	}
	return append(h, program...)
}
