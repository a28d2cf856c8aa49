package kem_test

import (
	"compress/flate"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSHA3Vectors: the Keccak team's known answers for byte strings, as circl
// carries them: SHA3-256, SHA3-512, SHAKE128, SHAKE256.
func TestSHA3Vectors(t *testing.T) {
	var requests []request
	for algorithm, kats := range keccakKATs(t) {
		n := 0
		for _, k := range kats {
			if k.Length%8 != 0 {
				continue // a message that ends within a byte: not offered
			}
			msg, want := orDash(k.Message), lower(k.Digest)
			if k.Length == 0 {
				msg = "-"
			}
			name := fmt.Sprintf("%s, %d bits", algorithm, k.Length)
			switch algorithm {
			case "SHA3-256", "SHA3-512":
				requests = append(requests, request{name, "sha3 " + algorithm[5:] + " " + msg, "0 " + want})
			case "SHAKE128", "SHAKE256":
				line := fmt.Sprintf("shake %s %d %d %s", algorithm[5:], len(want)/2, n%9, msg)
				requests = append(requests, request{name, line, "0 " + want})
			default:
				continue
			}
			n++
		}
	}
	if len(requests) < 100 {
		t.Fatalf("only %d known answers found", len(requests))
	}
	t.Logf("%d known answers", len(requests))
	check(t, targets(t), requests)
}

type kat struct {
	Digest, Message string
	Length          int64
}

func keccakKATs(t *testing.T) map[string][]kat {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cloudflare/circl").Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "internal/sha3/testdata/keccakKats.json.deflate"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var set struct{ Kats map[string][]kat }
	if err := json.NewDecoder(flate.NewReader(f)).Decode(&set); err != nil {
		t.Fatal(err)
	}
	return set.Kats
}

// TestSHA3Lengths: every length around the block sizes, in pieces of several
// sizes, against Go's crypto/sha3.
func TestSHA3Lengths(t *testing.T) {
	data := make([]byte, 400)
	for i := range data {
		data[i] = byte(i*7 + 1)
	}
	var requests []request
	for n := range len(data) {
		in, text := data[:n], orDash(hex.EncodeToString(data[:n]))
		h256, h512 := sha3.Sum256(in), sha3.Sum512(in)
		name := fmt.Sprintf("%d bytes", n)
		requests = append(requests,
			request{name, "sha3 256 " + text, fmt.Sprintf("0 %x", h256)},
			request{name, "sha3 512 " + text, fmt.Sprintf("0 %x", h512)})
		for _, split := range []int{0, 1, 3, 5, 64, 167} {
			requests = append(requests,
				request{name, fmt.Sprintf("shake 128 %d %d %s", n+1, split, text), fmt.Sprintf("0 %x", sha3.SumSHAKE128(in, n+1))},
				request{name, fmt.Sprintf("shake 256 %d %d %s", n+1, split, text), fmt.Sprintf("0 %x", sha3.SumSHAKE256(in, n+1))})
		}
	}
	check(t, targets(t), requests)
}
