package air

import (
	"encoding/hex"
	"testing"
)

// IEEE 802.11-2020 §J.4.2, test case 1.
func TestPSK(t *testing.T) {
	got, err := PSK("IEEE", "password")
	if err != nil {
		t.Fatal(err)
	}
	if s := hex.EncodeToString(got); s != "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e" {
		t.Errorf("PSK = %s", s)
	}
	if _, err := PSK("IEEE", "short"); err == nil {
		t.Error("a passphrase of 5 bytes was accepted")
	}
}

// RFC 3394 §4.1.
func TestKeyWrap(t *testing.T) {
	kek, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	key, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	got, err := keyWrap(kek, key)
	if err != nil {
		t.Fatal(err)
	}
	if s := hex.EncodeToString(got); s != "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5" {
		t.Errorf("wrapped = %s", s)
	}
}
