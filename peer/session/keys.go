package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"pqiot/wire"
)

// Labels of the key schedule.
const (
	labelSID        = "pqiot1 sid"
	labelTH         = "pqiot1 th"
	labelMS         = "pqiot1 ms"
	labelSalt       = "pqiot1 salt"
	labelOSCOREMS   = "pqiot1 oscore ms"
	labelOSCORESalt = "pqiot1 oscore salt"
)

// ErrTranscript is given for a transcript that the key schedule cannot take.
var ErrTranscript = errors.New("unusable transcript")

// Transcript is what both sides saw of a handshake and what they share.
type Transcript struct {
	Suite Suite
	KID   []byte            // PSK's name, 1–32 bytes in mode 1, none in mode 0
	PSK   []byte            // 32 bytes: mode 1; none: mode 0
	Echo  []byte            // value of the Echo option, at most 40 bytes (RFC 9175 §2.2.1)
	Pin   [sha256.Size]byte // H(ek)
	CT    []byte            // ML-KEM ciphertext
}

// Keys are a session's keys. Wipe them when they are not needed any more.
type Keys struct {
	SID    wire.SID
	Suite  Suite
	Kc, Kg [16]byte // AES-128: sender → gateway, gateway → sender
	IV     [wire.NonceSize]byte

	OSCORESecret [32]byte // input of RFC 8613 §3.2 for the OSCORE profile
	OSCORESalt   [8]byte
}

// Wipe zeroes the keys.
func (k *Keys) Wipe() { *k = Keys{} }

// KeyLog returns the two key log lines of the session.
func (k *Keys) KeyLog() (records, oscore wire.KeyLogLine) {
	records = wire.KeyLogLine{SID: k.SID, Set: k.Suite.Set(), Kc: k.Kc, Kg: k.Kg, IV: k.IV}
	oscore = wire.KeyLogLine{SID: k.SID, OSCORE: true, MasterSecret: k.OSCORESecret, MasterSalt: k.OSCORESalt}
	return records, oscore
}

// SID returns a ciphertext's session id.
func SID(ct []byte) wire.SID {
	h := sha256.New()
	h.Write([]byte(labelSID))
	h.Write(ct)
	return wire.SID(h.Sum(nil)[:wire.SIDSize])
}

// hash returns TH.
func (t *Transcript) hash() []byte {
	mode := byte(0)
	if t.PSK != nil {
		mode = 1
	}
	ct := sha256.Sum256(t.CT)
	b := append([]byte(labelTH), byte(t.Suite), mode, byte(len(t.KID)))
	b = append(append(b, t.KID...), byte(len(t.Echo)))
	b = append(append(append(b, t.Echo...), t.Pin[:]...), ct[:]...)
	th := sha256.Sum256(b)
	return th[:]
}

func (t *Transcript) check() error {
	switch {
	case len(t.CT) != t.Suite.CiphertextSize():
		return fmt.Errorf("%w: ciphertext of %d bytes", ErrTranscript, len(t.CT))
	case len(t.Echo) > 40:
		return fmt.Errorf("%w: Echo of %d bytes", ErrTranscript, len(t.Echo))
	case t.PSK == nil && len(t.KID) != 0:
		return fmt.Errorf("%w: a PSK's name and no PSK", ErrTranscript)
	case t.PSK != nil && (len(t.PSK) != wire.PSKSize || len(t.KID) < 1 || len(t.KID) > wire.MaxKID):
		return fmt.Errorf("%w: PSK of %d bytes, name of %d bytes", ErrTranscript, len(t.PSK), len(t.KID))
	}
	return nil
}

// extract returns PRK and TH. The transcript goes into the info input of the
// expansion and never into the salt (RFC 5869 §3.4).
func (t *Transcript) extract(ss []byte) (prk, th []byte, err error) {
	if err := t.check(); err != nil {
		return nil, nil, err
	}
	ikm := make([]byte, 0, wire.SharedSecretSize+wire.PSKSize)
	ikm = append(append(ikm, ss...), t.PSK...)
	defer clear(ikm)
	prk, err = hkdf.Extract(sha256.New, ikm, nil)
	return prk, t.hash(), err
}

// expand is X(label, len(out)) of the key schedule.
func expand(out, prk, th []byte, label string) error {
	info := append(append([]byte{byte(len(label))}, label...), th...)
	key, err := hkdf.Expand(sha256.New, prk, string(info), len(out))
	defer clear(key)
	copy(out, key)
	return err
}

// Derive runs the key schedule on a shared secret of 32 bytes, which stays the
// caller's to wipe.
func Derive(t *Transcript, ss []byte) (*Keys, error) {
	prk, th, err := t.extract(ss)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	k := &Keys{SID: SID(t.CT), Suite: t.Suite}
	var ms [32]byte
	var salt [8]byte
	defer clear(ms[:])
	err = errors.Join(
		expand(ms[:], prk, th, labelMS), expand(salt[:], prk, th, labelSalt),
		expand(k.OSCORESecret[:], prk, th, labelOSCOREMS), expand(k.OSCORESalt[:], prk, th, labelOSCORESalt))
	if err != nil {
		return nil, err
	}
	return k, k.contexts(ms[:], salt[:])
}

// AES-CCM-16-128-128, the AEAD of records (RFC 9053 §4.2).
const algRecord = 30

// GatewayID is the gateway's identifier in RFC 8613's terms; the sender's is
// the SID.
const GatewayID = 0x01

// contexts derives both keys and the IV as RFC 8613 §3.2.1 does.
func (k *Keys) contexts(ms, salt []byte) error {
	prk, err := hkdf.Extract(sha256.New, ms, salt)
	if err != nil {
		return err
	}
	defer clear(prk)
	return errors.Join(
		expandInfo(k.Kc[:], prk, k.SID[:], "Key"),
		expandInfo(k.Kg[:], prk, []byte{GatewayID}, "Key"),
		expandInfo(k.IV[:], prk, nil, "IV"))
}

// expandInfo expands with info = CBOR [id, null, alg, type, L] (RFC 8613
// §3.2.1); every element here is short enough for a head of one or two bytes.
func expandInfo(out, prk, id []byte, typ string) error {
	info := append([]byte{0x85, 0x40 | byte(len(id))}, id...)
	info = append(info, 0xf6, 0x18, algRecord, 0x60|byte(len(typ)))
	info = append(append(info, typ...), byte(len(out)))
	key, err := hkdf.Expand(sha256.New, prk, string(info), len(out))
	defer clear(key)
	copy(out, key)
	return err
}
