package keyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"pqiot/wire"
)

// ParsePSKs reads a PSK file's bytes. It gives ErrPSK, the line and what is
// wrong with it, and never quotes a key.
func ParsePSKs(b []byte) (map[string][]byte, error) {
	psks := map[string][]byte{}
	n := 0
	for line := range bytes.Lines(b) {
		n++
		fields := bytes.Fields(line)
		if len(fields) == 0 || fields[0][0] == '#' {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("%w: line %d: %d fields, \"kid hex64\" expected", ErrPSK, n, len(fields))
		}
		kid := string(fields[0])
		psk, err := ParsePSK(kid, string(fields[1]))
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrPSK, n, err)
		}
		if _, twice := psks[kid]; twice {
			return nil, fmt.Errorf("%w: line %d: %q stands there twice", ErrPSK, n, kid)
		}
		psks[kid] = psk
	}
	return psks, nil
}

// ParsePSK checks a PSK's name and reads its 64 digits of hex.
func ParsePSK(kid, digits string) ([]byte, error) {
	if len(kid) < 1 || len(kid) > wire.MaxKID {
		return nil, fmt.Errorf("a kid of %d bytes, 1 to %d expected", len(kid), wire.MaxKID)
	}
	if strings.ContainsFunc(kid, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, fmt.Errorf("kid %q: printable ASCII without blanks expected", kid)
	}
	psk, err := hex.DecodeString(digits)
	if err != nil || len(psk) != wire.PSKSize {
		return nil, fmt.Errorf("the key of %q is not %d digits of hex", kid, 2*wire.PSKSize)
	}
	return psk, nil
}

// LoadPSKs reads the PSK file at path.
func LoadPSKs(path string) (map[string][]byte, error) {
	b, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	psks, err := ParsePSKs(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return psks, nil
}

// ParsePin reads a pin: H(ek) in hex, of either case.
func ParsePin(s string) (pin [sha256.Size]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(pin) {
		return pin, fmt.Errorf("%w, not %q", ErrPin, clip(s))
	}
	return [sha256.Size]byte(b), nil
}

func clip(s string) string {
	if len(s) > 70 {
		return s[:70] + "…"
	}
	return s
}

// LoadPin reads the pin file at path.
func LoadPin(path string) (pin [sha256.Size]byte, err error) {
	b, err := read(path)
	if err != nil {
		return pin, err
	}
	if pin, err = ParsePin(string(b)); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return pin, err
}

// SavePin makes a pin file, never in the place of another.
func SavePin(path string, pin [sha256.Size]byte) error {
	return writeNew(path, fmt.Appendf(nil, "%x\n", pin))
}
