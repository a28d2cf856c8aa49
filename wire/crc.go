package wire

import (
	"encoding/binary"
	"hash/crc32"
)

// crc16Table is CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected. Row k
// is what a byte does to the CRC once k more bytes have followed, so that a
// header's 16 bytes are 16 look-ups that do not wait for each other.
var crc16Table = makeCRC16Table()

func makeCRC16Table() *[16][256]uint16 {
	t := new([16][256]uint16)
	for i := range t[0] {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[0][i] = c
	}
	for k := 1; k < len(t); k++ {
		for i, c := range t[k-1] {
			t[k][i] = c<<8 ^ t[0][c>>8]
		}
	}
	return t
}

// CRC16 is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, no
// reflection): "123456789" gives 0x29B1. It guards a record's header.
func CRC16(b []byte) uint16 {
	c, t := uint16(0xFFFF), crc16Table
	for ; len(b) >= 16; b = b[16:] {
		c = t[15][b[0]^byte(c>>8)] ^ t[14][b[1]^byte(c)] ^ t[13][b[2]] ^ t[12][b[3]] ^
			t[11][b[4]] ^ t[10][b[5]] ^ t[9][b[6]] ^ t[8][b[7]] ^
			t[7][b[8]] ^ t[6][b[9]] ^ t[5][b[10]] ^ t[4][b[11]] ^
			t[3][b[12]] ^ t[2][b[13]] ^ t[1][b[14]] ^ t[0][b[15]]
	}
	for _, x := range b {
		c = c<<8 ^ t[0][byte(c>>8)^x]
	}
	return c
}

// crc32Table is the IEEE CRC-32 in the same manner, reflected.
var crc32Table = makeCRC32Table()

func makeCRC32Table() *[16][256]uint32 {
	t := new([16][256]uint32)
	t[0] = *crc32.IEEETable
	for k := 1; k < len(t); k++ {
		for i, c := range t[k-1] {
			t[k][i] = c>>8 ^ t[0][byte(c)]
		}
	}
	return t
}

// CRC32 is the IEEE CRC-32 ("123456789" gives 0xCBF43926). It guards a whole
// record. Package crc32 is many times faster from 64 bytes on, and several
// times slower below, where acknowledgements lie.
func CRC32(b []byte) uint32 {
	if len(b) >= 64 {
		return crc32.ChecksumIEEE(b)
	}
	c, t := ^uint32(0), crc32Table
	for ; len(b) >= 16; b = b[16:] {
		c ^= binary.LittleEndian.Uint32(b)
		c = t[15][byte(c)] ^ t[14][byte(c>>8)] ^ t[13][byte(c>>16)] ^ t[12][c>>24] ^
			t[11][b[4]] ^ t[10][b[5]] ^ t[9][b[6]] ^ t[8][b[7]] ^
			t[7][b[8]] ^ t[6][b[9]] ^ t[5][b[10]] ^ t[4][b[11]] ^
			t[3][b[12]] ^ t[2][b[13]] ^ t[1][b[14]] ^ t[0][b[15]]
	}
	for _, x := range b {
		c = c>>8 ^ t[0][byte(c)^x]
	}
	return ^c
}
