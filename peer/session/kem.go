package session

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/kem"

	"pqiot/wire"
)

// Sizes of ML-KEM's random inputs, bytes.
const (
	SeedSize = 64 // d ‖ z of FIPS 203 Algorithm 16
	CoinSize = 32 // m of FIPS 203 Algorithm 17
)

// Errors of the KEM; test with errors.Is.
var (
	ErrSeed       = errors.New("an ML-KEM seed has 64 bytes")
	ErrCoin       = errors.New("encapsulation takes 32 random bytes")
	ErrPublicKey  = errors.New("not a valid encapsulation key")
	ErrCiphertext = errors.New("a ciphertext of the wrong length")
)

// PrivateKey is a gateway's long-term decapsulation key.
type PrivateKey struct {
	suite Suite
	key   kem.PrivateKey
	ek    []byte
	pin   [sha256.Size]byte
}

// NewPrivateKey expands a seed of SeedSize bytes (FIPS 203 Algorithm 16). The
// seed is the caller's to wipe. A key from a seed needs none of the
// decapsulation input checks of §7.3 but the ciphertext's length.
func NewPrivateKey(suite Suite, seed []byte) (*PrivateKey, error) {
	if len(seed) != SeedSize {
		return nil, fmt.Errorf("%w, not %d", ErrSeed, len(seed))
	}
	pub, key := suite.scheme().DeriveKeyPair(seed)
	ek, err := pub.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return &PrivateKey{suite, key, ek, sha256.Sum256(ek)}, nil
}

// Suite returns the key's parameter set.
func (k *PrivateKey) Suite() Suite { return k.suite }

// EncapsulationKey returns the raw public key; it is not to be changed.
func (k *PrivateKey) EncapsulationKey() []byte { return k.ek }

// Pin returns H(ek), which senders are provisioned with.
func (k *PrivateKey) Pin() [sha256.Size]byte { return k.pin }

// Decapsulate recovers the shared secret (FIPS 203 Algorithm 21). An altered
// ciphertext of the right length gives another secret and no error (implicit
// rejection); a wrong length gives ErrCiphertext.
func (k *PrivateKey) Decapsulate(ct []byte) (ss [wire.SharedSecretSize]byte, err error) {
	if len(ct) != k.suite.CiphertextSize() {
		return ss, fmt.Errorf("%w: %d bytes, %d expected", ErrCiphertext, len(ct), k.suite.CiphertextSize())
	}
	secret, err := k.suite.scheme().Decapsulate(k.key, ct)
	if err != nil {
		return ss, err
	}
	defer clear(secret)
	return [wire.SharedSecretSize]byte(secret), nil
}

// PublicKey is a gateway's encapsulation key that passed the input checks.
type PublicKey struct {
	suite Suite
	key   kem.PublicKey
	pin   [sha256.Size]byte
}

// ParsePublicKey checks type and modulus of a raw encapsulation key (FIPS 203
// §7.2). It gives ErrPublicKey for a wrong length or a coefficient ≥ q.
func ParsePublicKey(suite Suite, ek []byte) (*PublicKey, error) {
	if len(ek) != suite.KeySize() {
		return nil, fmt.Errorf("%w: %d bytes, %d expected for %v", ErrPublicKey, len(ek), suite.KeySize(), suite)
	}
	key, err := suite.scheme().UnmarshalBinaryPublicKey(ek)
	if err != nil {
		return nil, fmt.Errorf("%w: a coefficient is not reduced modulo q", ErrPublicKey)
	}
	return &PublicKey{suite, key, sha256.Sum256(ek)}, nil
}

// Suite returns the key's parameter set.
func (k *PublicKey) Suite() Suite { return k.suite }

// Pin returns H(ek).
func (k *PublicKey) Pin() [sha256.Size]byte { return k.pin }

// Encapsulate makes a shared secret and its ciphertext from CoinSize random
// bytes, never used twice (FIPS 203 Algorithm 17).
func (k *PublicKey) Encapsulate(coin []byte) (ct []byte, ss [wire.SharedSecretSize]byte, err error) {
	if len(coin) != CoinSize {
		return nil, ss, fmt.Errorf("%w, not %d", ErrCoin, len(coin))
	}
	ct, secret, err := k.suite.scheme().EncapsulateDeterministically(k.key, coin)
	if err != nil {
		return nil, ss, err
	}
	defer clear(secret)
	return ct, [wire.SharedSecretSize]byte(secret), nil
}
