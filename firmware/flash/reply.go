package flash

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What a reply is.
const (
	replyOK      = "OK"
	replyFail    = "FL"
	replyPending = "PD"
)

// noData is the want of ParseReply for a command that answers a bare OK.
const noData = -1

// What can go wrong on the line. Test with errors.Is.
var (
	ErrShort   = errors.New("reply is not complete")
	ErrGarbled = errors.New("the board's reply is garbled")
	ErrTimeout = errors.New("no reply in time")
	ErrLost    = errors.New("the port failed: is the cable still in?")
	ErrSilent  = errors.New("the board does not answer")
	ErrChatter = errors.New("the board sends data of its own: it runs its firmware")
)

// Reply is one answer of the board.
type Reply struct {
	Pending bool   // PD: it is still at work
	Data    []byte // aliases the parsed bytes; nil for a bare OK
}

// ParseReply reads one reply from the start of b and returns its size. want is
// how many bytes of data the command gives, or -1 for a bare OK: the protocol
// does not tell the two apart. Errors are ErrShort, ErrGarbled and BoardError
// (which is a whole reply, so its size is returned).
func ParseReply(b []byte, want int) (Reply, int, error) {
	if len(b) < 2 {
		if len(b) == 1 && b[0] != replyOK[0] && b[0] != replyFail[0] && b[0] != replyPending[0] {
			return Reply{}, 0, ErrGarbled
		}
		return Reply{}, 0, ErrShort
	}
	switch string(b[:2]) {
	case replyPending:
		return Reply{Pending: true}, 2, nil
	case replyFail:
		if len(b) < 4 {
			return Reply{}, 0, ErrShort
		}
		return Reply{}, 4, BoardError{Code: binary.LittleEndian.Uint16(b[2:])}
	case replyOK:
		return parseOK(b, want)
	}
	return Reply{}, 0, fmt.Errorf("%w: % x", ErrGarbled, b[:2])
}

func parseOK(b []byte, want int) (Reply, int, error) {
	if want == noData {
		return Reply{}, 2, nil
	}
	if len(b) < 4 {
		return Reply{}, 0, ErrShort
	}
	if n := int(binary.LittleEndian.Uint16(b[2:])); n != want {
		return Reply{}, 0, fmt.Errorf("%w: %d bytes of data, %d were due", ErrGarbled, n, want)
	}
	if len(b) < 4+want {
		return Reply{}, 0, ErrShort
	}
	return Reply{Data: b[4 : 4+want]}, 4 + want, nil
}

// BootInfo is what command 10 tells.
type BootInfo struct {
	Version uint32 // of the boot ROM; loaderVersion if a loader answered
	Sign    uint8  // 0: unsigned images are run
	Encrypt uint8  // 0: plain images are run
	MAC     [6]byte
}

const (
	bootInfoSize  = 20
	loaderVersion = 0xFFFFFFFF
)

// ParseBootInfo reads the 20 bytes of command 10's reply.
func ParseBootInfo(b []byte) (BootInfo, error) {
	if len(b) != bootInfoSize {
		return BootInfo{}, fmt.Errorf("boot info: %w: %d of %d bytes", ErrGarbled, len(b), bootInfoSize)
	}
	i := BootInfo{Version: binary.LittleEndian.Uint32(b), Sign: b[4], Encrypt: b[5]}
	for k := range i.MAC {
		i.MAC[k] = b[17-k]
	}
	return i, nil
}

// JEDEC is the flash chip's id, command 36.
type JEDEC struct {
	ID         [3]byte // maker, type, log2 of the size
	Recognised bool    // the loader knows how to drive it
}

const jedecSize = 4

// ParseJEDEC reads the 4 bytes of command 36's reply.
func ParseJEDEC(b []byte) (JEDEC, error) {
	if len(b) != jedecSize {
		return JEDEC{}, fmt.Errorf("JEDEC id: %w: %d of %d bytes", ErrGarbled, len(b), jedecSize)
	}
	return JEDEC{ID: [3]byte(b), Recognised: b[3] == 0x80}, nil
}

// Size is the flash's size in bytes, 0 if the id does not tell it.
func (j JEDEC) Size() uint32 {
	if c := j.ID[2]; c >= 0x10 && c <= 0x18 { // 64 KiB to 16 MiB
		return 1 << c
	}
	return 0
}

// Maker is the manufacturer by JEP106, or "".
func (j JEDEC) Maker() string {
	switch j.ID[0] {
	case 0xEF:
		return "Winbond"
	case 0xC8:
		return "GigaDevice"
	case 0x0B:
		return "XTX"
	case 0x85:
		return "Puya"
	case 0x20:
		return "XMC"
	case 0x68:
		return "Boya"
	case 0xC2:
		return "Macronix"
	}
	return ""
}
