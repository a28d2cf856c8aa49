package flash

import "encoding/binary"

// Command is the first byte of a frame.
type Command byte

// Commands of the boot ROM. It ignores a frame's checksum.
const (
	CmdBootInfo      Command = 0x10 // newer loaders know it too
	CmdBootHeader    Command = 0x11 // 176 bytes
	CmdPublicKey     Command = 0x12 // 68 bytes; 13 for the second one
	CmdSignature     Command = 0x14 // length, signature, CRC; 15 for the second one
	CmdAESIV         Command = 0x16 // 16 bytes and a CRC
	CmdSegmentHeader Command = 0x17 // 16 bytes; echoed
	CmdSegmentData   Command = 0x18 // at most maxROMData bytes
	CmdCheckImage    Command = 0x19
	CmdRunImage      Command = 0x1A
	CmdChangeRate    Command = 0x20 // old and new rate; answered at the new one
	CmdReset         Command = 0x21 // loaders know it too
)

// Commands of the eflash_loader.
const (
	CmdErase        Command = 0x30 // first and LAST address
	CmdWrite        Command = 0x31 // address, data; answered before it is done
	CmdRead         Command = 0x32 // address, length
	CmdFlashBoot    Command = 0x33 // jumps to the flash
	CmdXIPRead      Command = 0x34
	CmdJEDEC        Command = 0x36
	CmdProgramCheck Command = 0x3A
	CmdSetFlashPara Command = 0x3B
	CmdChipErase    Command = 0x3C
	CmdSHA256       Command = 0x3D // address, length
	CmdXIPSHA256    Command = 0x3E // between CmdXIPStart and CmdXIPFinish
	CmdXZWrite      Command = 0x3F // newer loaders only
	CmdEfuseWrite   Command = 0x40 // cannot be undone; never sent by this package
	CmdEfuseRead    Command = 0x41
	CmdEfuseMAC     Command = 0x42
	CmdXIPStart     Command = 0x60
	CmdXIPFinish    Command = 0x61
)

// Sizes, bytes.
const (
	frameHeaderSize = 4
	maxROMData      = 4092 // 4096 with the header
	chunkSize       = 2048 // of a read or write; what the vendor's tool uses
	SectorSize      = 4096 // least that can be erased
	blockSize       = 0x10000
)

// AppendFrame appends the frame of one command: id, checksum, length (u16),
// payload of at most 65535 bytes. The checksum is the sum modulo 256 of all
// that follows it; loaders refuse a frame where it is wrong.
func AppendFrame(b []byte, id Command, payload []byte) []byte {
	at := len(b)
	b = append(b, byte(id), 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, payload...)
	for _, c := range b[at+2:] {
		b[at+1] += c
	}
	return b
}

// words is a payload of 32-bit numbers.
func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
