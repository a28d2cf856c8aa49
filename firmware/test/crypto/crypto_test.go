// Package crypto_test puts vectors to the C core's SHA-256, HKDF and AES-CCM,
// built for the host with sanitizers and for the RV32 emulator.
package crypto_test

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mrand "math/rand/v2"
	"os/exec"
	"testing"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/firmware/test/internal/rig"
	"pqiot/wire/vectors"
)

// Errors of pq_error.h.
const (
	errLength = -5
	errTag    = -12
)

// A request is one for c/harness.c, and the answer that must come back.
type request struct {
	name   string
	what   byte
	fields [4][]byte
	err    int32
	out    []byte
}

// check puts the requests to the harness, on this computer and on the RV32
// emulator, and compares.
func check(t *testing.T, requests []request) {
	t.Helper()
	var in bytes.Buffer
	for _, r := range requests {
		in.WriteByte(r.what)
		for _, f := range r.fields {
			in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(f))))
			in.Write(f)
		}
	}
	for name, ask := range map[string]func(*testing.T, []byte) []byte{"host": onHost, "rv32": onRV32} {
		t.Run(name, func(t *testing.T) {
			answers := ask(t, in.Bytes())
			for _, r := range requests {
				answers = r.compare(t, answers)
			}
			if len(answers) != 0 {
				t.Errorf("%d bytes too many", len(answers))
			}
		})
	}
}

func onHost(t *testing.T, requests []byte) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(rig.Make(t, "Makefile", "../build/firmware/crypto-harness"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(requests), &stderr
	answers, err := cmd.Output()
	if err != nil {
		t.Fatalf("harness: %v\n%s", err, &stderr)
	}
	return answers
}

func onRV32(t *testing.T, requests []byte) []byte {
	t.Helper()
	return rig.Ask(t, rig.Make(t, "session.mk", "../build/session/rv32/crypto.elf"), bytes.NewReader(requests))
}

// compare holds the first answer against r, and returns the others.
func (r *request) compare(t *testing.T, answers []byte) []byte {
	t.Helper()
	if len(answers) < 8+len(r.out) {
		t.Fatalf("%s: no answer", r.name)
	}
	err, n := int32(binary.BigEndian.Uint32(answers)), binary.BigEndian.Uint32(answers[4:])
	if out := answers[8 : 8+n]; err != r.err || !bytes.Equal(out, r.out) {
		t.Errorf("%s: result %d, %x; expected %d, %x", r.name, err, out, r.err, r.out)
	}
	return answers[8+n:]
}

// A vector of any Wycheproof file; the files use disjoint subsets.
type vector struct {
	TcID                       int
	Key, IV, AAD, Msg, CT, Tag string
	IKM, Salt, Info, OKM       string
	Size                       int
	Comment, Result            string
}

type group struct {
	KeySize, IVSize, TagSize int // bits
	Tests                    []vector
}

func wycheproof(t *testing.T, file string) []group {
	t.Helper()
	var f struct{ TestGroups []group }
	if err := json.Unmarshal(vectors.Wycheproof(t, file), &f); err != nil {
		t.Fatal(err)
	}
	return f.TestGroups
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCCM: Wycheproof's vectors of our sizes, all of them valid.
func TestCCM(t *testing.T) {
	var requests []request
	for _, g := range wycheproof(t, "aes_ccm_test.json") {
		if g.KeySize != 128 || g.IVSize != 104 || g.TagSize != 128 {
			continue
		}
		for _, v := range g.Tests {
			name := fmt.Sprintf("aes_ccm %d %s", v.TcID, v.Comment)
			sealed := append(unhex(t, v.CT), unhex(t, v.Tag)...)
			requests = append(requests, ccmRequests(name, [4][]byte{unhex(t, v.Key), unhex(t, v.IV), unhex(t, v.AAD), unhex(t, v.Msg)}, sealed)...)
		}
	}
	t.Logf("%d requests", len(requests))
	if len(requests) < 18 {
		t.Error("few vectors of our sizes")
	}
	check(t, requests)
}

// ccmRequests seal, open, and do both in place. fields are key, nonce, additional
// data and data.
func ccmRequests(name string, fields [4][]byte, sealed []byte) []request {
	open := fields
	open[3] = sealed
	data := fields[3]
	return []request{{name, 'e', fields, 0, sealed}, {name, 'd', open, 0, data},
		{name, 'w', fields, 0, append(bytes.Clone(data), sealed[len(data):]...)}}
}

// TestRandomCCM: another implementation's results, and that no bit of them may
// change.
func TestRandomCCM(t *testing.T) {
	var requests []request
	for i := range 400 {
		f := [4][]byte{make([]byte, 16), make([]byte, 13), make([]byte, i%67), make([]byte, i*i%2047)}
		for _, b := range f {
			rand.Read(b)
		}
		block, err := aes.NewCipher(f[0])
		if err != nil {
			t.Fatal(err)
		}
		aead, err := ccm.NewCCM(block, 16, 13)
		if err != nil {
			t.Fatal(err)
		}
		sealed := aead.Seal(nil, f[1], f[3], f[2])
		requests = append(requests, ccmRequests(fmt.Sprintf("random %d", i), f, sealed)...)
		f[3] = sealed
		for part := range f {
			if len(f[part]) == 0 {
				continue
			}
			bad := f
			bad[part] = bytes.Clone(f[part])
			bit := mrand.IntN(8 * len(bad[part]))
			bad[part][bit/8] ^= 1 << (bit % 8)
			requests = append(requests, request{fmt.Sprintf("random %d with bit %d of field %d flipped", i, bit, part), 'd', bad, errTag, make([]byte, len(sealed)-16)})
		}
	}
	t.Logf("%d requests", len(requests))
	check(t, requests)
}

// TestHKDF: all of Wycheproof's; what is invalid there asks for too much.
func TestHKDF(t *testing.T) {
	var requests []request
	for _, g := range wycheproof(t, "hkdf_sha256_test.json") {
		for _, v := range g.Tests {
			r := request{name: fmt.Sprintf("hkdf %d %s", v.TcID, v.Comment), what: 'k', out: unhex(t, v.OKM)}
			r.fields = [4][]byte{unhex(t, v.Salt), unhex(t, v.IKM), unhex(t, v.Info), binary.BigEndian.AppendUint32(nil, uint32(v.Size))}
			if v.Result == "invalid" {
				r.err, r.out = errLength, make([]byte, v.Size)
			}
			requests = append(requests, r)
		}
	}
	t.Logf("%d requests", len(requests))
	if len(requests) < 80 {
		t.Error("few vectors")
	}
	check(t, requests)
}

// TestHashes: random inputs against Go's own.
func TestHashes(t *testing.T) {
	var requests []request
	for n := range 300 {
		data, key := make([]byte, n), make([]byte, n%100)
		rand.Read(data)
		rand.Read(key)
		hash := sha256.Sum256(data)
		mac := hmac.New(sha256.New, key)
		mac.Write(data)
		name := fmt.Sprintf("%d bytes", n)
		requests = append(requests, request{name, 'h', [4][]byte{data}, 0, hash[:]},
			request{name, 'm', [4][]byte{key, data}, 0, mac.Sum(nil)})
	}
	check(t, requests)
}

// TestLimits: what is too short or too long, with nothing left in the output.
func TestLimits(t *testing.T) {
	key, nonce := make([]byte, 16), make([]byte, 13)
	check(t, []request{
		{"15 bytes sealed", 'd', [4][]byte{key, nonce, nil, make([]byte, 15)}, errLength, nil},
		{"65536 bytes to seal", 'e', [4][]byte{key, nonce, nil, make([]byte, 65536)}, errLength, make([]byte, 65552)},
		{"65552 bytes sealed", 'd', [4][]byte{key, nonce, nil, make([]byte, 65552)}, errLength, make([]byte, 65536)},
	})
}
