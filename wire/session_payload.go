package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrPayload is what every malformed session payload gives; test with
// errors.Is.
var ErrPayload = errors.New("malformed session payload")

// SID is a session id: the first bytes of H("pqiot1 sid" ‖ ciphertext).
type SID [SIDSize]byte

func (s SID) String() string { return fmt.Sprintf("%x", s[:]) }

// SessionNonce is N as it travels: lead, session id, sequence number.
type SessionNonce [NonceSize]byte

// NewSessionNonce lays out N. A seq of more than 40 bits is a programming error and
// panics: cut down it would repeat a nonce.
func NewSessionNonce(sid SID, seq uint64) SessionNonce {
	if seq>>(8*SEQSize) != 0 {
		panic(fmt.Sprintf("wire: sequence number %d over 40 bits", seq))
	}
	var n SessionNonce
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], seq)
	n[0] = NonceLead
	copy(n[1:], sid[:])
	copy(n[1+SIDSize:], wide[8-SEQSize:])
	return n
}

// SID returns the session id within the nonce.
func (n SessionNonce) SID() SID { return SID(n[1 : 1+SIDSize]) }

// SEQ returns the sequence number within the nonce.
func (n SessionNonce) SEQ() uint64 {
	var wide [8]byte
	copy(wide[8-SEQSize:], n[1+SIDSize:])
	return binary.BigEndian.Uint64(wide[:])
}

// SessionRecord is the payload of a later POST and of every 2.04.
type SessionRecord struct {
	Nonce  SessionNonce
	Sealed []byte // encrypted data ‖ tag, at least TagSize bytes; aliases the payload
}

// ParseSessionRecord reads a whole payload as one record. It gives ErrPayload
// for fewer than RecordOverhead bytes and for a nonce without its lead byte;
// upper limits are the receiver's, as their CoAP answer is another.
func ParseSessionRecord(b []byte) (SessionRecord, error) {
	if len(b) < RecordOverhead {
		return SessionRecord{}, fmt.Errorf("%w: record of %d bytes, at least %d expected", ErrPayload, len(b), RecordOverhead)
	}
	if b[0] != NonceLead {
		return SessionRecord{}, fmt.Errorf("%w: nonce starts with %02x, not %02x", ErrPayload, b[0], NonceLead)
	}
	return SessionRecord{Nonce: SessionNonce(b[:NonceSize]), Sealed: b[NonceSize:]}, nil
}

// AppendSessionRecord appends the payload that ParseSessionRecord reads.
func AppendSessionRecord(dst []byte, r SessionRecord) []byte {
	return append(append(dst, r.Nonce[:]...), r.Sealed...)
}

// Handshake is the payload of the first POST.
type Handshake struct {
	Ciphertext []byte // ML-KEM ciphertext; aliases the payload
	Record     SessionRecord
}

// ParseHandshake reads a first payload whose ciphertext has ctSize bytes
// (CiphertextSize512 …). Errors are those of ParseSessionRecord; whether the
// session id is the ciphertext's is for the session layer to say.
func ParseHandshake(b []byte, ctSize int) (Handshake, error) {
	if len(b) < ctSize+RecordOverhead {
		return Handshake{}, fmt.Errorf("%w: handshake of %d bytes, at least %d expected", ErrPayload, len(b), ctSize+RecordOverhead)
	}
	r, err := ParseSessionRecord(b[ctSize:])
	if err != nil {
		return Handshake{}, err
	}
	return Handshake{Ciphertext: b[:ctSize:ctSize], Record: r}, nil
}

// AppendHandshake appends the payload that ParseHandshake reads.
func AppendHandshake(dst []byte, h Handshake) []byte {
	return AppendSessionRecord(append(dst, h.Ciphertext...), h.Record)
}
