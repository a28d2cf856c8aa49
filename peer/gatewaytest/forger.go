package gatewaytest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/peer/session"
	"pqiot/wire"
)

// forger seals records with any nonce. It is written from the protocol's page
// and not from package session, whose Client refuses to repeat a number.
type forger struct {
	aead cipher.AEAD
	iv   [wire.NonceSize]byte
}

func newForger(k *session.Keys) (*forger, error) {
	block, err := aes.NewCipher(k.Kc[:])
	if err != nil {
		return nil, err
	}
	aead, err := ccm.NewCCM(block, wire.TagSize, wire.NonceSize)
	return &forger{aead, k.IV}, err
}

// record seals a data request: N ‖ encrypted data ‖ tag.
func (f *forger) record(n wire.SessionNonce, data []byte) []byte {
	return f.seal(n, 0x02, wire.ContentFormatRecord, data)
}

func (f *forger) seal(n wire.SessionNonce, typ byte, format uint16, data []byte) []byte {
	aad := append([]byte("pqiot1"), typ, 0x02)
	aad = binary.BigEndian.AppendUint16(aad, format)
	aad = append(append(aad, 3), "msg"...)
	aad = append(aad, n[:]...)
	nonce := n
	for i := range nonce {
		nonce[i] ^= f.iv[i]
	}
	return f.aead.Seal(n[:], nonce[:], data, aad)
}
