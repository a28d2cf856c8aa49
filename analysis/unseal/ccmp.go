package unseal

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"

	"pqiot/analysis/packet"
)

const (
	ccmpHead = 8
	ccmpMIC  = 8
)

// ccmp opens frames under one temporal key. Its scratch space makes opening
// free of allocation, and the value unfit for two goroutines.
type ccmp struct {
	block   cipher.Block
	id      uint32   // of the key, from 1
	key     [16]byte // of a group key, to know it again
	counter [16]byte
	stream  [16]byte
	mac     [16]byte
	aad     [48]byte
}

// open decrypts the frame's body to the end of dst, and reports whether the
// MIC is right; where it is not, dst comes back as it was (RFC 3610;
// IEEE 802.11-2020 §12.5.3.4).
func (c *ccmp) open(dst []byte, h *packet.Dot11) ([]byte, bool) {
	n := len(h.Body) - ccmpHead - ccmpMIC
	if n < 0 {
		return dst, false
	}
	in := h.Body[ccmpHead:]
	c.start(h, n)

	from := len(dst)
	dst = append(dst, in[:n]...)
	out := dst[from:]
	for i := uint16(1); len(out) > 0; i++ {
		binary.BigEndian.PutUint16(c.counter[14:], i)
		c.block.Encrypt(c.stream[:], c.counter[:])
		k := min(16, len(out))
		subtle.XORBytes(out[:k], out[:k], c.stream[:k])
		subtle.XORBytes(c.mac[:k], c.mac[:k], out[:k])
		c.block.Encrypt(c.mac[:], c.mac[:])
		out = out[k:]
	}
	binary.BigEndian.PutUint16(c.counter[14:], 0)
	c.block.Encrypt(c.stream[:], c.counter[:])
	subtle.XORBytes(c.mac[:], c.mac[:], c.stream[:])
	if subtle.ConstantTimeCompare(c.mac[:ccmpMIC], in[n:]) != 1 {
		return dst[:from], false
	}
	return dst, true
}

// start sets the counter block and runs the MAC over B0 and the AAD.
func (c *ccmp) start(h *packet.Dot11, n int) {
	priority := byte(0)
	if h.TID < 16 {
		priority = h.TID
	}
	c.counter[0], c.counter[1] = 1, priority
	copy(c.counter[2:8], h.TA[:])
	for i := range 6 {
		c.counter[8+i] = byte(h.PN >> (40 - 8*i))
	}
	c.mac = c.counter
	c.mac[0] = 0x59 // AAD, M = 8, L = 2
	binary.BigEndian.PutUint16(c.mac[14:], uint16(n))
	c.block.Encrypt(c.mac[:], c.mac[:])

	aad := c.aad[:2+c.header(h)]
	binary.BigEndian.PutUint16(aad, uint16(len(aad)-2))
	for len(aad) > 0 {
		k := min(16, len(aad))
		subtle.XORBytes(c.mac[:k], c.mac[:k], aad[:k])
		c.block.Encrypt(c.mac[:], c.mac[:])
		aad = aad[k:]
	}
}

// header lays out the AAD behind its length and returns its size: the MAC
// header with what a retry or the power state may change set to zero
// (IEEE 802.11-2020 §12.5.3.3.3).
func (c *ccmp) header(h *packet.Dot11) int {
	a := c.aad[2:]
	qos := h.TID < 16
	a[0] = h.Header[0] &^ 0x70
	a[1] = h.Flags&^0x38 | packet.Protected
	if qos {
		a[1] &^= packet.Order
	}
	copy(a[2:20], h.Header[4:22])
	a[20], a[21] = h.Frag, 0
	n := 22
	if h.FourAddr {
		n += copy(a[n:], h.Header[24:30])
	}
	if qos {
		a[n], a[n+1] = h.TID, 0
		n += 2
	}
	return n
}
