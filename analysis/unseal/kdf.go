package unseal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"pqiot/wire"
)

// Key descriptor versions (IEEE 802.11-2020 table 12-8).
const (
	versionAKM     = 0 // the AKM says: WPA3 and others
	versionTKIP    = 1 // HMAC-MD5, RC4
	versionSHA1    = 2 // AKM 2: HMAC-SHA1-128, AES key wrap
	versionAESCMAC = 3 // AKM 6: AES-128-CMAC, AES key wrap
)

// ptk is a pairwise transient key of CCMP: KCK ‖ KEK ‖ TK, 16 bytes each.
type ptk [48]byte

func (k *ptk) kck() []byte { return k[:16] }
func (k *ptk) kek() []byte { return k[16:32] }
func (k *ptk) tk() []byte  { return k[32:] }

const ptkLabel = "Pairwise key expansion"

// derivePTK is IEEE 802.11-2020 §12.7.1.3: the PRF over SHA-1 for AKM 2, the
// KDF over SHA-256 for AKM 6.
func derivePTK(pmk []byte, version uint16, ap, sta wire.MAC, anonce, snonce [32]byte) ptk {
	context := append(lesserFirst(ap[:], sta[:]), lesserFirst(anonce[:], snonce[:])...)
	var out []byte
	for i := 0; len(out) < len(ptk{}); i++ {
		if version == versionSHA1 {
			m := hmac.New(sha1.New, pmk)
			m.Write([]byte(ptkLabel))
			m.Write([]byte{0})
			m.Write(context)
			m.Write([]byte{byte(i)})
			out = m.Sum(out)
			continue
		}
		m := hmac.New(sha256.New, pmk)
		m.Write(binary.LittleEndian.AppendUint16(nil, uint16(i+1)))
		m.Write([]byte(ptkLabel))
		m.Write(context)
		m.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(ptk{})*8)))
		out = m.Sum(out)
	}
	return ptk(out[:len(ptk{})])
}

func lesserFirst(a, b []byte) []byte {
	if bytes.Compare(a, b) > 0 {
		a, b = b, a
	}
	return append(bytes.Clone(a), b...)
}

// micOK verifies the MIC of an EAPOL-Key frame; b is the whole EAPOL frame.
func micOK(kck []byte, version uint16, b []byte) bool {
	zeroed := bytes.Clone(b)
	clear(zeroed[micAt : micAt+micSize])
	var mac []byte
	switch version {
	case versionSHA1:
		m := hmac.New(sha1.New, kck)
		m.Write(zeroed)
		mac = m.Sum(nil)[:micSize]
	case versionAESCMAC:
		mac = cmac(kck, zeroed)
	default:
		return false
	}
	return subtle.ConstantTimeCompare(mac, b[micAt:micAt+micSize]) == 1
}

// cmac is AES-CMAC (RFC 4493).
func cmac(key, msg []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	sub := make([]byte, 16)
	block.Encrypt(sub, sub)
	double(sub)
	var x [16]byte
	for len(msg) > 16 {
		subtle.XORBytes(x[:], x[:], msg[:16])
		block.Encrypt(x[:], x[:])
		msg = msg[16:]
	}
	last := make([]byte, 16)
	if copy(last, msg); len(msg) < 16 {
		last[len(msg)] = 0x80
		double(sub)
	}
	subtle.XORBytes(x[:], x[:], last)
	subtle.XORBytes(x[:], x[:], sub)
	block.Encrypt(x[:], x[:])
	return x[:]
}

// double multiplies by x in GF(2^128) (RFC 4493 §2.3).
func double(b []byte) {
	carry := b[0] >> 7
	for i := range 15 {
		b[i] = b[i]<<1 | b[i+1]>>7
	}
	b[15] = b[15]<<1 ^ carry*0x87
}

// unwrap is AES key unwrap (RFC 3394 §2.2.2); nil where the check value is
// wrong.
func unwrap(kek, wrapped []byte) []byte {
	if len(wrapped) < 24 || len(wrapped)%8 != 0 {
		return nil
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil
	}
	out := bytes.Clone(wrapped)
	n := len(out)/8 - 1
	var b [16]byte
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(out)^uint64(n*j+i))
			copy(b[8:], out[8*i:8*i+8])
			block.Decrypt(b[:], b[:])
			copy(out[:8], b[:8])
			copy(out[8*i:], b[8:])
		}
	}
	if binary.BigEndian.Uint64(out) != 0xA6A6A6A6A6A6A6A6 {
		return nil
	}
	return out[8:]
}

func newAES(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is ours
	}
	return b
}
