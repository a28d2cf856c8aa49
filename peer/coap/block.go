package coap

import (
	"errors"
	"fmt"
)

// ErrBlock is given for a block option that means nothing.
var ErrBlock = errors.New("malformed block option")

// MaxSZX is the largest block: 1024 bytes (RFC 7959 §2.2).
const MaxSZX = 6

// Block is the value of a Block1 or Block2 option (RFC 7959 §2.2).
type Block struct {
	Num  uint32 // at most 2^20 − 1
	More bool
	SZX  uint8 // at most MaxSZX
}

// ParseBlock reads an option's value; SZX 7 is reserved.
func ParseBlock(value []byte) (Block, error) {
	if len(value) > 3 {
		return Block{}, fmt.Errorf("%w: %d bytes", ErrBlock, len(value))
	}
	var v uint32
	for _, b := range value {
		v = v<<8 | uint32(b)
	}
	b := Block{Num: v >> 4, More: v&8 != 0, SZX: uint8(v & 7)}
	if b.SZX > MaxSZX {
		return Block{}, fmt.Errorf("%w: SZX 7", ErrBlock)
	}
	return b, nil
}

// Value returns the option's value.
func (b Block) Value() []byte {
	v := b.Num<<4 | uint32(b.SZX)
	if b.More {
		v |= 8
	}
	return Uint(v)
}

// Size returns the block's size, bytes: 16 … 1024.
func (b Block) Size() int { return 16 << b.SZX }

// Offset returns where the block stands in the body, bytes.
func (b Block) Offset() int { return int(b.Num) << (b.SZX + 4) }
