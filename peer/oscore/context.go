// Package oscore protects CoAP messages as RFC 8613 lays down, with the
// mandatory algorithms: AES-CCM-16-64-128 and HKDF-SHA-256. Observe, group
// communication and inner block-wise transfers are not for our peers.
package oscore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/peer/session"
)

// Sizes of AES-CCM-16-64-128, COSE algorithm 10 (RFC 9053 §4.2), bytes.
const (
	algorithm = 10
	keySize   = 16
	nonceSize = 13
	tagSize   = 8
	maxID     = nonceSize - 6 // RFC 8613 §3.3
)

// Errors, which a server answers with the codes of RFC 8613 §8.2. Test with
// errors.Is.
var (
	ErrOption  = errors.New("malformed OSCORE option")        // 4.02
	ErrContext = errors.New("no such OSCORE context")         // 4.01 Security context not found
	ErrReplay  = errors.New("the Partial IV was used before") // 4.01 Replay detected
	ErrDecrypt = errors.New("the tag does not verify")        // 4.00 Decryption failed
	ErrSpent   = errors.New("no sequence number is left")
	ErrParams  = errors.New("unusable context parameters")
)

// Params are the inputs of RFC 8613 §3.2. Nil IDContext: none.
type Params struct {
	MasterSecret, MasterSalt, IDContext []byte
	SenderID, RecipientID               []byte // at most 7 bytes
	NextSEQ                             uint64 // to send; not 0 where a context is taken up again (RFC 8613 Appendix B.1)
	MaxSEQ                              uint64 // highest sequence number to send; 0: 2^40 − 1
}

// Context is a security context (RFC 8613 §3.1). It is not safe for concurrent
// use.
type Context struct {
	senderID, recipientID, idContext []byte
	sender, recipient                cipher.AEAD
	iv                               []byte
	next, max                        uint64
	window                           session.Window
}

// New derives a context from its parameters (RFC 8613 §3.2.1), which stay the
// caller's to wipe.
func New(p Params) (*Context, error) {
	if len(p.SenderID) > maxID || len(p.RecipientID) > maxID || len(p.IDContext) > 255 {
		return nil, fmt.Errorf("%w: identifiers of %d and %d bytes", ErrParams, len(p.SenderID), len(p.RecipientID))
	}
	prk, err := hkdf.Extract(sha256.New, p.MasterSecret, p.MasterSalt)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	c := &Context{idContext: clone(p.IDContext), senderID: notNil(p.SenderID), recipientID: notNil(p.RecipientID), next: p.NextSEQ, max: 1<<40 - 1}
	if p.MaxSEQ != 0 {
		c.max = p.MaxSEQ
	}
	var errS, errR, errIV error
	c.sender, errS = newAEAD(prk, c.senderID, c.idContext)
	c.recipient, errR = newAEAD(prk, c.recipientID, c.idContext)
	c.iv, errIV = expand(prk, []byte{}, c.idContext, "IV", nonceSize)
	return c, errors.Join(errS, errR, errIV)
}

// notNil returns a copy that CBOR writes as a byte string even if empty.
func notNil(b []byte) []byte { return append([]byte{}, b...) }

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return notNil(b)
}

// expand derives key or IV with info = [id, id_context, alg, type, L].
func expand(prk, id, idContext []byte, typ string, size int) ([]byte, error) {
	info, err := cbor.Marshal([]any{id, idContext, algorithm, typ, size})
	if err != nil {
		return nil, err
	}
	return hkdf.Expand(sha256.New, prk, string(info), size)
}

func newAEAD(prk, id, idContext []byte) (cipher.AEAD, error) {
	key, err := expand(prk, id, idContext, "Key", keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return ccm.NewCCM(block, tagSize, nonceSize)
}

// nonce builds the AEAD nonce (RFC 8613 §5.2): length of the id, id, Partial
// IV, each padded on the left, XORed with the common IV.
func (c *Context) nonce(id, piv []byte) []byte {
	n := make([]byte, nonceSize)
	n[0] = byte(len(id))
	copy(n[nonceSize-maxPIV-len(id):], id)
	copy(n[nonceSize-len(piv):], piv)
	for i := range n {
		n[i] ^= c.iv[i]
	}
	return n
}

// aad builds the additional data (RFC 8613 §5.4): an Enc_structure around the
// external_aad.
func aad(req Request) ([]byte, error) {
	external, err := cbor.Marshal([]any{1, []any{algorithm}, req.KID, req.PIV, []byte{}})
	if err != nil {
		return nil, err
	}
	return cbor.Marshal([]any{"Encrypt0", []byte{}, external})
}

// encodePIV writes a sequence number in the fewest bytes, at least one (RFC
// 8613 §6.1).
func encodePIV(seq uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, seq)
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

func decodePIV(piv []byte) (seq uint64) {
	for _, b := range piv {
		seq = seq<<8 | uint64(b)
	}
	return seq
}

// takePIV spends a sequence number.
func (c *Context) takePIV() ([]byte, error) {
	if c.next > c.max {
		return nil, ErrSpent
	}
	c.next++
	return encodePIV(c.next - 1), nil
}
