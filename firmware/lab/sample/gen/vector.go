package main

import (
	"crypto/aes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/wire"
)

// vector is what the sample needs of session vector A.
type vector struct {
	EK, CT, SID, Kc, Kg, IV, Echo, Rec0, Resp0 hexBytes
	KID                                        string
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

func loadVector(path string) (vector, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return vector{}, err
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		return vector{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(vs) == 0 {
		return vector{}, fmt.Errorf("%s holds no vector", path)
	}
	return vs[0], nil
}

func (v vector) keyLog() []byte {
	return fmt.Appendf(nil, "%s %x 512 %x %x %x\n", wire.KeyLogSession, v.SID, v.Kc, v.Kg, v.IV)
}

// nonce is N = 07 ‖ SID ‖ SEQ.
func (v vector) nonce(seq uint64) []byte {
	n := append([]byte{wire.NonceLead}, v.SID...)
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seq)
	return append(n, b[8-wire.SEQSize:]...)
}

// request seals data as the sender's record seq, response the gateway's
// answer to it.
func (v vector) request(seq uint64, data string) ([]byte, error) {
	return v.seal(v.Kc, 0x02, 2, v.nonce(seq), nil, data)
}

func (v vector) response(reqSeq, seq uint64, data string) ([]byte, error) {
	return v.seal(v.Kg, 0x82, 0x44, v.nonce(reqSeq), v.nonce(seq), data)
}

func (v vector) seal(key []byte, typ, code byte, req, resp []byte, data string) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := ccm.NewCCM(block, wire.TagSize, wire.NonceSize)
	if err != nil {
		return nil, err
	}
	aad := append([]byte("pqiot1"), typ, code, wire.ContentFormatRecord>>8, wire.ContentFormatRecord&0xFF, 3, 'm', 's', 'g')
	aad = append(append(aad, req...), resp...)
	n := req
	if resp != nil {
		n = resp
	}
	nonce := make([]byte, wire.NonceSize)
	for i := range nonce {
		nonce[i] = n[i] ^ v.IV[i]
	}
	return aead.Seal(append([]byte{}, n...), nonce, []byte(data), aad), nil
}
