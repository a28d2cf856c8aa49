package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with a record. Test with errors.Is.
var (
	ErrShort     = errors.New("record is not complete")
	ErrSync      = errors.New("no record starts here")
	ErrHeaderCRC = errors.New("bad header CRC")
	ErrLength    = errors.New("body length over 8192")
	ErrRecordCRC = errors.New("bad record CRC")
	ErrVersion   = errors.New("another major wire version")
	ErrBody      = errors.New("malformed body")
)

// VersionError says which wire version was met instead of ours.
// errors.Is(err, ErrVersion) holds.
type VersionError struct{ Got uint8 }

func (e VersionError) Error() string {
	return fmt.Sprintf("the board speaks wire version %d, this program version %d: install matching firmware", e.Got, Major)
}

// Is makes errors.Is(err, ErrVersion) true.
func (VersionError) Is(target error) bool { return target == ErrVersion }

// Header is what stands before a body, its CRC checked.
type Header struct {
	Type Type
	Len  int    // body length, bytes, at most MaxBody
	Seq  uint16 // counts every record the board made, dropped ones included; wraps
	Time uint64 // µs since the board's boot; 0 from the host
}

// Record is one whole record. Body aliases the parsed bytes.
type Record struct {
	Type Type
	Seq  uint16
	Time uint64 // µs since the board's boot; 0 from the host
	Body []byte // at most MaxBody bytes
}

// ParseHeader reads the first HeaderSize bytes of b. It returns ErrSync,
// ErrShort, ErrHeaderCRC, ErrLength or a VersionError; the CRC is judged
// before anything that it guards.
func ParseHeader(b []byte) (Header, error) {
	if len(b) > 0 && b[0] != Sync0 || len(b) > 1 && b[1] != Sync1 {
		return Header{}, ErrSync
	}
	if len(b) < HeaderSize {
		return Header{}, ErrShort
	}
	if CRC16(b[:16]) != binary.LittleEndian.Uint16(b[16:]) {
		return Header{}, ErrHeaderCRC
	}
	if b[3] != Major {
		return Header{}, VersionError{b[3]}
	}
	h := Header{
		Type: Type(b[2]),
		Len:  int(binary.LittleEndian.Uint16(b[4:])),
		Seq:  binary.LittleEndian.Uint16(b[6:]),
		Time: binary.LittleEndian.Uint64(b[8:]),
	}
	if h.Len > MaxBody {
		return Header{}, ErrLength
	}
	return h, nil
}

// ParseRecord reads one record from the start of b and returns its size in
// bytes. Errors are those of ParseHeader, ErrShort and ErrRecordCRC.
func ParseRecord(b []byte) (Record, int, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Record{}, 0, err
	}
	end := HeaderSize + h.Len
	if len(b) < end+TrailerSize {
		return Record{}, 0, ErrShort
	}
	if CRC32(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return Record{}, 0, ErrRecordCRC
	}
	return Record{h.Type, h.Seq, h.Time, b[HeaderSize:end:end]}, end + TrailerSize, nil
}

// AppendRecord appends r to dst with both CRCs. A body longer than MaxBody is
// a programming error and panics: nothing could read such a record.
func AppendRecord(dst []byte, r Record) []byte {
	if len(r.Body) > MaxBody {
		panic(fmt.Sprintf("wire: body of %d bytes, limit %d", len(r.Body), MaxBody))
	}
	at := len(dst)
	dst = append(dst, Sync0, Sync1, byte(r.Type), Major)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(r.Body)))
	dst = binary.LittleEndian.AppendUint16(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint64(dst, r.Time)
	dst = binary.LittleEndian.AppendUint16(dst, CRC16(dst[at:]))
	dst = append(dst, r.Body...)
	return binary.LittleEndian.AppendUint32(dst, CRC32(dst[at:]))
}
