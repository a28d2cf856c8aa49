package oscore

import "fmt"

// Option is the value of the OSCORE option (RFC 8613 §6.1).
//
//	0 0 0 h k n(3) ‖ Partial IV (n) ‖ [s(1) ‖ kid context (s)] ‖ [kid]
type Option struct {
	PIV        []byte // Partial IV, 0–5 bytes
	KIDContext []byte // nil: none
	KID        []byte // nil: none
}

// Flag bits of the option's first byte.
const (
	flagPIV        = 0x07
	flagKID        = 0x08
	flagKIDContext = 0x10
)

// maxPIV is the size of the longest Partial IV, bytes (RFC 8613 §5).
const maxPIV = 5

// ParseOption reads an option's value; the fields alias it. It gives
// ErrOption.
func ParseOption(b []byte) (o Option, err error) {
	if len(b) == 0 {
		return o, nil
	}
	flags, n := b[0], int(b[0]&flagPIV)
	if flags&^(flagPIV|flagKID|flagKIDContext) != 0 || n > maxPIV || flags == 0 {
		return Option{}, fmt.Errorf("%w: flags %02x", ErrOption, flags)
	}
	if b = b[1:]; len(b) < n {
		return Option{}, fmt.Errorf("%w: Partial IV cut", ErrOption)
	}
	o.PIV, b = b[:n:n], b[n:]
	if flags&flagKIDContext != 0 {
		if len(b) < 1 || len(b) < 1+int(b[0]) {
			return Option{}, fmt.Errorf("%w: kid context cut", ErrOption)
		}
		s := 1 + int(b[0])
		o.KIDContext, b = b[1:s:s], b[s:]
	}
	if flags&flagKID != 0 {
		o.KID, b = b[:len(b):len(b)], nil
	}
	if len(b) != 0 {
		return Option{}, fmt.Errorf("%w: %d bytes left over", ErrOption, len(b))
	}
	return o, nil
}

// AppendOption appends the option's value, which is empty if o is.
func AppendOption(dst []byte, o Option) []byte {
	flags := byte(len(o.PIV))
	if o.KIDContext != nil {
		flags |= flagKIDContext
	}
	if o.KID != nil {
		flags |= flagKID
	}
	if flags == 0 {
		return dst
	}
	dst = append(append(dst, flags), o.PIV...)
	if o.KIDContext != nil {
		dst = append(append(dst, byte(len(o.KIDContext))), o.KIDContext...)
	}
	return append(dst, o.KID...)
}
