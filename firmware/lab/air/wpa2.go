package air

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/binary"
	"fmt"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/wire"
)

// PSK derives the pairwise master key from a passphrase of 8 to 63 bytes
// (IEEE 802.11-2020 §J.4.1): 32 bytes.
func PSK(ssid, passphrase string) ([]byte, error) {
	if len(passphrase) < 8 || len(passphrase) > 63 {
		return nil, fmt.Errorf("WPA passphrase of %d bytes, 8 to 63 expected", len(passphrase))
	}
	return pbkdf2.Key(sha1.New, passphrase, []byte(ssid), 4096, 32)
}

// PTK is the pairwise transient key of CCMP.
type PTK struct{ KCK, KEK, TK []byte } // 16 bytes each

// DerivePTK expands the master key for one association: addresses of access
// point and station, and both nonces (IEEE 802.11-2020 §12.7.1.3).
func DerivePTK(pmk []byte, aa, spa wire.MAC, anonce, snonce [32]byte) PTK {
	seed := append([]byte("Pairwise key expansion\x00"), ordered(aa[:], spa[:])...)
	seed = append(seed, ordered(anonce[:], snonce[:])...)
	var out []byte
	for i := byte(0); len(out) < 48; i++ {
		m := hmac.New(sha1.New, pmk)
		m.Write(append(seed, i))
		out = m.Sum(out)
	}
	return PTK{KCK: out[:16], KEK: out[16:32], TK: out[32:48]}
}

// ordered concatenates the lesser and the greater.
func ordered(a, b []byte) []byte {
	if string(a) > string(b) {
		a, b = b, a
	}
	return append(append([]byte{}, a...), b...)
}

// Key information bits of an EAPOL-Key frame; descriptor version 2 is
// HMAC-SHA1 with AES key wrap (IEEE 802.11-2020 §12.7.2).
const (
	keyVersion2  = 0x0002
	keyPairwise  = 0x0008
	keyInstall   = 0x0040
	keyAck       = 0x0080
	keyMIC       = 0x0100
	keySecure    = 0x0200
	keyEncrypted = 0x1000
)

// EAPOLKey is one message of the 4-way handshake.
type EAPOLKey struct {
	info   uint16
	keyLen uint16
	replay uint64
	nonce  [32]byte
	data   []byte // key data, wrapped where keyEncrypted is set
}

// Handshake gives the four messages of the 4-way handshake as EAPOL frames.
// gtk has 16 bytes and goes out wrapped in message 3, under key id 1. Where
// replay is not 1 the keys are renewed, and message 2 says so, as stations do.
func Handshake(ptk PTK, anonce, snonce [32]byte, gtk []byte, replay uint64) ([4][]byte, error) {
	kde := append([]byte{}, RSN...)
	kde = append(kde, 0xDD, byte(6+len(gtk)), 0x00, 0x0F, 0xAC, 1, 1, 0)
	kde = append(kde, gtk...)
	wrapped, err := keyWrap(ptk.KEK, kde)
	if err != nil {
		return [4][]byte{}, err
	}
	second := uint16(keyVersion2 | keyPairwise | keyMIC)
	if replay != 1 {
		second |= keySecure
	}
	return [4][]byte{
		EAPOLKey{keyVersion2 | keyPairwise | keyAck, 16, replay, anonce, nil}.marshal(nil),
		EAPOLKey{second, 0, replay, snonce, RSN}.marshal(ptk.KCK),
		EAPOLKey{keyVersion2 | keyPairwise | keyInstall | keyAck | keyMIC | keySecure | keyEncrypted, 16, replay + 1, anonce, wrapped}.marshal(ptk.KCK),
		EAPOLKey{keyVersion2 | keyPairwise | keyMIC | keySecure, 0, replay + 1, [32]byte{}, nil}.marshal(ptk.KCK),
	}, nil
}

// marshal lays the message out: 4 bytes of EAPOL header, 95 of key
// descriptor, key data; the MIC at byte 81 where there is a key for it.
func (k EAPOLKey) marshal(kck []byte) []byte {
	b := []byte{2, 3}
	b = binary.BigEndian.AppendUint16(b, uint16(95+len(k.data)))
	b = append(b, 2) // RSN key descriptor
	b = binary.BigEndian.AppendUint16(b, k.info)
	b = binary.BigEndian.AppendUint16(b, k.keyLen)
	b = binary.BigEndian.AppendUint64(b, k.replay)
	b = append(b, k.nonce[:]...)
	b = append(b, make([]byte, 16+8+8+16)...) // IV, RSC, reserved, MIC
	b = binary.BigEndian.AppendUint16(b, uint16(len(k.data)))
	b = append(b, k.data...)
	if kck != nil {
		m := hmac.New(sha1.New, kck)
		m.Write(b)
		copy(b[81:97], m.Sum(nil))
	}
	return b
}

// keyWrap is RFC 3394 §2.2.1, with the padding of IEEE 802.11-2020 §12.7.2:
// 0xDD, then zeros.
func keyWrap(kek, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	p := append([]byte{}, plain...)
	if len(p)%8 != 0 || len(p) < 16 {
		p = append(p, 0xDD)
		for len(p)%8 != 0 || len(p) < 16 {
			p = append(p, 0)
		}
	}
	n := len(p) / 8
	out := append([]byte{0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6}, p...)
	var b [16]byte
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[:8], out[:8])
			copy(b[8:], out[8*i:])
			block.Encrypt(b[:], b[:])
			binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:8])^uint64(n*j+i))
			copy(out[8*i:], b[8:])
		}
	}
	return out, nil
}

// CCMP encrypts data frames under one temporal key.
type CCMP struct {
	aead  cipher.AEAD
	keyID byte
}

// NewCCMP takes a temporal key of 16 bytes: AES-128-CCM with an 8-byte MIC
// and a 13-byte nonce (IEEE 802.11-2020 §12.5.3).
func NewCCMP(tk []byte, keyID byte) (*CCMP, error) {
	block, err := aes.NewCipher(tk)
	if err != nil {
		return nil, err
	}
	aead, err := ccm.NewCCM(block, 8, 13)
	if err != nil {
		return nil, err
	}
	return &CCMP{aead, keyID}, nil
}

// Append appends header, CCMP header, encrypted body and MIC. It sets the
// protected bit. pn is the 48-bit packet number, from 1.
func (c *CCMP) Append(dst []byte, h Header, pn uint64, body []byte) []byte {
	h.Flags |= Protected
	dst = h.Append(dst)
	p := [6]byte{byte(pn), byte(pn >> 8), byte(pn >> 16), byte(pn >> 24), byte(pn >> 32), byte(pn >> 40)}
	dst = append(dst, p[0], p[1], 0, 0x20|c.keyID<<6, p[2], p[3], p[4], p[5])
	prio := byte(0)
	if h.QoS() {
		prio = h.TID & 0xF
	}
	nonce := append([]byte{prio}, h.A2[:]...)
	nonce = append(nonce, p[5], p[4], p[3], p[2], p[1], p[0])
	return c.aead.Seal(dst, nonce, body, h.aad())
}

// aad is the header with what a retry may change set to zero
// (IEEE 802.11-2020 §12.5.3.3.3).
func (h Header) aad() []byte {
	fc := h.FC
	if h.FC&0x0C == 0x08 {
		fc &^= 0x70
	}
	a := []byte{fc, h.Flags &^ (Retry | PwrMgt | 0x20)}
	a = append(append(append(a, h.A1[:]...), h.A2[:]...), h.A3[:]...)
	a = append(a, h.Frag&0xF, 0)
	if h.QoS() {
		a = append(a, h.TID&0xF, 0)
	}
	return a
}
