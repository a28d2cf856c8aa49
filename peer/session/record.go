package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/wire"
)

// Limits of a session; wire.MaxSessionSEQ is the third.
const (
	MaxAge        = 24 * time.Hour
	MaxFailedTags = 1 << 20
)

// Why a record was refused. Layout errors are wire.ErrPayload. Test with
// errors.Is.
var (
	ErrTag    = errors.New("the tag does not verify")
	ErrReplay = errors.New("the sequence number was used before")
	ErrOther  = errors.New("a record of another session")
	ErrEnded  = errors.New("the session has reached its limit")
)

// What the additional data says about a message.
const (
	codePOST    = 0x02 // RFC 7252 §12.1.1
	codeChanged = 0x44 // 2.04, RFC 7252 §12.1.2
	path        = "msg"
)

// Type of a message, T in the additional data.
const (
	handshakeRequest = 0x01
	dataRequest      = 0x02
	response         = 0x80 // added to the request's
)

func requestType(n wire.SessionNonce) byte {
	if n.SEQ() == 0 {
		return handshakeRequest
	}
	return dataRequest
}

// direction seals or opens under one key. It keeps its nonce and additional
// data in place, so that a record costs no allocation for them.
type direction struct {
	aead  cipher.AEAD
	iv    [wire.NonceSize]byte
	nonce [wire.NonceSize]byte
	aad   []byte
}

// newDirection sets up AES-CCM with L = 2, a 13-byte nonce and a 16-byte tag
// (RFC 3610; COSE algorithm 30, RFC 9053 §4.2).
func newDirection(key [16]byte, iv [wire.NonceSize]byte) (direction, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return direction{}, err
	}
	aead, err := ccm.NewCCM(block, wire.TagSize, wire.NonceSize)
	return direction{aead: aead, iv: iv, aad: make([]byte, 0, 48)}, err
}

// setNonce sets the AEAD nonce N XOR IV (RFC 8613 §5.2).
func (d *direction) setNonce(n *wire.SessionNonce) {
	subtle.XORBytes(d.nonce[:], n[:], d.iv[:])
}

// bind starts the additional data anew.
func (d *direction) bind(typ, code byte, contentFormat uint16, request *wire.SessionNonce) {
	d.aad = append(d.aad[:0], "pqiot1"...)
	d.aad = append(d.aad, typ, code)
	d.aad = binary.BigEndian.AppendUint16(d.aad, contentFormat)
	d.aad = append(append(d.aad, byte(len(path))), path...)
	d.aad = append(d.aad, request[:]...)
}

func (d *direction) bindRequest(n *wire.SessionNonce, suite Suite) {
	contentFormat := uint16(wire.ContentFormatRecord)
	if n.SEQ() == 0 {
		contentFormat = suite.ContentFormat()
	}
	d.bind(requestType(*n), codePOST, contentFormat, n)
	d.setNonce(n)
}

func (d *direction) bindResponse(n, request *wire.SessionNonce) {
	d.bind(response|requestType(*request), codeChanged, wire.ContentFormatRecord, request)
	d.aad = append(d.aad, n[:]...)
	d.setNonce(n)
}

func (d *direction) seal(dst []byte, n *wire.SessionNonce, data []byte) []byte {
	return d.aead.Seal(append(dst, n[:]...), d.nonce[:], data, d.aad)
}

func (d *direction) open(dst, sealed []byte) ([]byte, error) {
	out, err := d.aead.Open(dst, d.nonce[:], sealed, d.aad)
	if err != nil {
		return nil, ErrTag
	}
	return out, nil
}

// ends is what both ends of a session have.
type ends struct {
	sid    wire.SID
	suite  Suite
	c, g   direction // sender → gateway, gateway → sender
	born   time.Time
	failed int // tags
}

func newEnds(k *Keys, now time.Time) (ends, error) {
	c, errC := newDirection(k.Kc, k.IV)
	g, errG := newDirection(k.Kg, k.IV)
	return ends{sid: k.SID, suite: k.Suite, c: c, g: g, born: now}, errors.Join(errC, errG)
}

// SID returns the session's id.
func (e *ends) SID() wire.SID { return e.sid }

// Failed counts a tag that another protocol under this session's keys, OSCORE,
// found not to verify.
func (e *ends) Failed() { e.failed++ }

// Ended reports whether age or failed tags have used the session up.
func (e *ends) Ended(now time.Time) bool {
	return now.Sub(e.born) >= MaxAge || e.failed >= MaxFailedTags
}
