package session

import (
	"fmt"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"

	"pqiot/wire"
)

// Suite is an ML-KEM parameter set, by its number in the transcript.
type Suite uint8

// The parameter sets of FIPS 203 §8.
const (
	MLKEM512  Suite = 1
	MLKEM768  Suite = 2
	MLKEM1024 Suite = 3
)

// ParseSuite reads "512", "768" or "1024".
func ParseSuite(s string) (Suite, error) {
	for _, suite := range [...]Suite{MLKEM512, MLKEM768, MLKEM1024} {
		if s == fmt.Sprint(suite.Set()) {
			return suite, nil
		}
	}
	return 0, fmt.Errorf("%q is no ML-KEM parameter set: 512, 768 or 1024", s)
}

func (s Suite) String() string { return fmt.Sprintf("ML-KEM-%d", s.Set()) }

// Set returns 512, 768 or 1024.
func (s Suite) Set() int { return pick(s, 512, 768, 1024) }

// KeySize returns the size of an encapsulation key, bytes.
func (s Suite) KeySize() int {
	return pick(s, wire.EncapsulationKeySize512, wire.EncapsulationKeySize768, wire.EncapsulationKeySize1024)
}

// CiphertextSize returns the size of a ciphertext, bytes.
func (s Suite) CiphertextSize() int {
	return pick(s, wire.CiphertextSize512, wire.CiphertextSize768, wire.CiphertextSize1024)
}

// ContentFormat returns the CoAP number of a handshake with this set.
func (s Suite) ContentFormat() uint16 {
	return pick[uint16](s, wire.ContentFormatHandshake512, wire.ContentFormatHandshake768, wire.ContentFormatHandshake1024)
}

func (s Suite) scheme() kem.Scheme {
	return pick(s, mlkem512.Scheme(), mlkem768.Scheme(), mlkem1024.Scheme())
}

// pick panics on a Suite that is none of the constants: a programming error.
func pick[T any](s Suite, of512, of768, of1024 T) T {
	return [...]T{of512, of768, of1024}[s-1]
}
