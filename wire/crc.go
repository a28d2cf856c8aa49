package wire

import "hash/crc32"

// crc16Table is CRC-16/CCITT-FALSE: polynomial 0x1021, not reflected.
var crc16Table = makeCRC16Table()

func makeCRC16Table() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}

// CRC16 is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, no
// reflection): "123456789" gives 0x29B1. It guards a record's header.
func CRC16(b []byte) uint16 {
	c := uint16(0xFFFF)
	for _, x := range b {
		c = c<<8 ^ crc16Table[byte(c>>8)^x]
	}
	return c
}

// CRC32 is the IEEE CRC-32 ("123456789" gives 0xCBF43926). It guards a whole
// record.
func CRC32(b []byte) uint32 { return crc32.ChecksumIEEE(b) }
