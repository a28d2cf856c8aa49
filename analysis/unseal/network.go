package unseal

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
)

// Network is an SSID and its pairwise master key, 32 bytes.
type Network struct {
	SSID string
	pmk  [32]byte
}

// ParsePassphrase reads SSID:PASSPHRASE. The first colon parts them; for an
// SSID with a colon in it there is ParsePSK.
func ParsePassphrase(s string) (Network, error) {
	ssid, pass, ok := strings.Cut(s, ":")
	if !ok || ssid == "" || len(ssid) > 32 {
		return Network{}, fmt.Errorf("%q is not SSID:PASSPHRASE with an SSID of 1 to 32 bytes", hide(s))
	}
	if len(pass) < 8 || len(pass) > 63 {
		return Network{}, fmt.Errorf("the passphrase for %q has %d bytes, WPA2 wants 8 to 63", ssid, len(pass))
	}
	key, err := pbkdf2.Key(sha1.New, pass, []byte(ssid), 4096, 32) // IEEE 802.11-2020 §J.4.1
	if err != nil {
		return Network{}, err
	}
	return Network{ssid, [32]byte(key)}, nil
}

// ParsePSK reads SSID:HEX64; the SSID may hold colons.
func ParsePSK(s string) (Network, error) {
	at := strings.LastIndexByte(s, ':')
	if at < 1 || at > 32 {
		return Network{}, fmt.Errorf("%q is not SSID:HEX64 with an SSID of 1 to 32 bytes", hide(s))
	}
	key, err := hex.DecodeString(s[at+1:])
	if err != nil || len(key) != 32 {
		return Network{}, fmt.Errorf("the PSK for %q is not 64 hex digits", s[:at])
	}
	return Network{s[:at], [32]byte(key)}, nil
}

// hide keeps a secret out of an error message.
func hide(s string) string {
	ssid, _, ok := strings.Cut(s, ":")
	if !ok {
		return "…"
	}
	return ssid + ":…"
}
