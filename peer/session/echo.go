package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"pqiot/wire"
)

// EchoKey is K_boot: 32 random bytes that live from boot to boot.
type EchoKey [32]byte

// Echo is the value of the Echo option (RFC 9175 §2.2.1):
//
//	uptime in seconds (4) ‖ HMAC-SHA-256(K_boot, uptime ‖ address ‖ port)[0:8]
//
// with the address in its 4 or 16 bytes and the port in 2.
type Echo [wire.EchoSize]byte

// Mint makes the token for a source at an uptime in seconds.
func (k *EchoKey) Mint(uptime uint32, source netip.AddrPort) (e Echo) {
	binary.BigEndian.PutUint32(e[:], uptime)
	mac := hmac.New(sha256.New, k[:])
	mac.Write(e[:4])
	mac.Write(source.Addr().Unmap().AsSlice())
	mac.Write(binary.BigEndian.AppendUint16(nil, source.Port()))
	copy(e[4:], mac.Sum(nil))
	return e
}

// Fresh reports whether token was minted by this key for this source at most
// EchoLifetime ago. It compares in constant time.
func (k *EchoKey) Fresh(token []byte, uptime uint32, source netip.AddrPort) bool {
	if len(token) != wire.EchoSize {
		return false
	}
	at := binary.BigEndian.Uint32(token)
	want := k.Mint(at, source)
	return hmac.Equal(token, want[:]) && at <= uptime && uptime-at <= wire.EchoLifetime
}
