package session

import (
	"bytes"
	"crypto/aes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/wire"
	"pqiot/wire/vectors"
)

// hexBytes is hex in JSON, of either case.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

var suites = [...]Suite{MLKEM512, MLKEM768, MLKEM1024}

// acvpTest is a test of ACVP's ML-KEM files; which fields hold depends on the
// file.
type acvpTest struct {
	TcID                  int
	D, Z, EK, DK, M, C, K hexBytes
}

type acvpGroup struct {
	TgID         int
	ParameterSet string
	Function     string
	DK           hexBytes
	Tests        []acvpTest
}

// acvp returns the prompts of a file and, by test id, what is expected.
func acvp(t *testing.T, name string) ([]acvpGroup, map[int]acvpTest) {
	t.Helper()
	var prompt, expected struct{ TestGroups []acvpGroup }
	for file, into := range map[string]any{"prompt": &prompt, "expectedResults": &expected} {
		if err := json.Unmarshal(vectors.ACVP(t, name+"/"+file+".json.gz"), into); err != nil {
			t.Fatal(err)
		}
	}
	want := map[int]acvpTest{}
	for _, g := range expected.TestGroups {
		for _, test := range g.Tests {
			want[test.TcID] = test
		}
	}
	return prompt.TestGroups, want
}

func suiteNamed(t *testing.T, name string) Suite {
	t.Helper()
	for _, s := range suites {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("parameter set %q", name)
	return 0
}

// expanded wraps a decapsulation key given in full, which our peers never
// take: they keep seeds.
func expanded(s Suite, dk []byte) (*PrivateKey, error) {
	key, err := s.scheme().UnmarshalBinaryPrivateKey(dk)
	return &PrivateKey{suite: s, key: key}, err
}

func TestACVPKeyGen(t *testing.T) {
	groups, want := acvp(t, "ML-KEM-keyGen-FIPS203")
	n := 0
	for _, g := range groups {
		for _, test := range g.Tests {
			key, err := NewPrivateKey(suiteNamed(t, g.ParameterSet), append(test.D, test.Z...))
			if err != nil || !bytes.Equal(key.EncapsulationKey(), want[test.TcID].EK) {
				t.Errorf("%s test %d: another ek, %v", g.ParameterSet, test.TcID, err)
				continue
			}
			if dk, err := key.key.MarshalBinary(); err != nil || !bytes.Equal(dk, want[test.TcID].DK) {
				t.Errorf("%s test %d: another dk, %v", g.ParameterSet, test.TcID, err)
			}
			n++
		}
	}
	counted(t, "ACVP keyGen", n, 75)
}

func TestACVPEncapDecap(t *testing.T) {
	groups, want := acvp(t, "ML-KEM-encapDecap-FIPS203")
	n := map[string]int{}
	for _, g := range groups {
		s := suiteNamed(t, g.ParameterSet)
		for _, test := range g.Tests {
			var ss [32]byte
			var ct []byte
			if g.Function == "encapsulation" {
				key, err := ParsePublicKey(s, test.EK)
				if err != nil {
					t.Fatalf("test %d: %v", test.TcID, err)
				}
				ct, ss, err = key.Encapsulate(test.M)
				if err != nil || !bytes.Equal(ct, want[test.TcID].C) {
					t.Errorf("%s test %d: another ciphertext, %v", g.ParameterSet, test.TcID, err)
				}
			} else {
				key, err := expanded(s, g.DK)
				if err != nil {
					t.Fatal(err)
				}
				if ss, err = key.Decapsulate(test.C); err != nil {
					t.Errorf("test %d: %v", test.TcID, err)
				}
			}
			if !bytes.Equal(ss[:], want[test.TcID].K) {
				t.Errorf("%s test %d: another shared secret", g.ParameterSet, test.TcID)
			}
			n[g.Function]++
		}
	}
	counted(t, "ACVP encapsulation", n["encapsulation"], 75)
	counted(t, "ACVP decapsulation", n["decapsulation"], 30)
}

// counted reports how many vectors ran: a file that became empty must fail.
func counted(t *testing.T, what string, got, want int) {
	t.Helper()
	t.Logf("%s: %d vectors", what, got)
	if got != want {
		t.Errorf("%s: %d vectors, %d expected", what, got, want)
	}
}

type wycheproofTest struct {
	TcID                       int
	Comment                    string
	Flags                      []string
	Result                     string
	Seed, EK, DK, M, C, K      hexBytes // ML-KEM
	Key, IV, AAD, Msg, CT, Tag hexBytes // AES-CCM
	IKM, Salt, Info, OKM       hexBytes // HKDF
	Size                       int
	group                      *wycheproofGroup
}

type wycheproofGroup struct {
	IVSize, KeySize, TagSize int // bits
	Tests                    []*wycheproofTest
}

func wycheproof(t *testing.T, name string) (tests []*wycheproofTest) {
	t.Helper()
	var file struct{ TestGroups []*wycheproofGroup }
	if err := json.Unmarshal(vectors.Wycheproof(t, name), &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, g := range file.TestGroups {
		for _, test := range g.Tests {
			test.group = g
			tests = append(tests, test)
		}
	}
	return tests
}

// verdict holds a test's outcome against the expected one.
func (w *wycheproofTest) verdict(t *testing.T, file string, ok bool) {
	t.Helper()
	if ok != (w.Result == "valid") {
		t.Errorf("%s test %d (%s %v): passes = %v, expected %s", file, w.TcID, w.Comment, w.Flags, ok, w.Result)
	}
}

func TestWycheproofMLKEM(t *testing.T) {
	for s, want := range map[Suite][4]int{MLKEM512: {200, 261, 100, 9}, MLKEM768: {201, 265, 100, 9}, MLKEM1024: {202, 269, 100, 9}} {
		set := fmt.Sprintf("mlkem_%d_", s.Set())
		var n [4]int
		for _, w := range wycheproof(t, set+"test.json") {
			n[0]++
			key, err := NewPrivateKey(s, w.Seed)
			ok := err == nil && bytes.Equal(key.EncapsulationKey(), w.EK)
			if ok {
				ss, err := key.Decapsulate(w.C)
				ok = err == nil && bytes.Equal(ss[:], w.K)
			}
			w.verdict(t, set+"test", ok)
		}
		for _, w := range wycheproof(t, set+"encaps_test.json") {
			n[1]++
			ok := false
			if key, err := ParsePublicKey(s, w.EK); err == nil {
				ct, ss, err := key.Encapsulate(w.M)
				ok = err == nil && bytes.Equal(ct, w.C) && bytes.Equal(ss[:], w.K)
			}
			w.verdict(t, set+"encaps_test", ok)
		}
		for _, w := range wycheproof(t, set+"keygen_seed_test.json") {
			n[2]++
			key, err := NewPrivateKey(s, w.Seed)
			w.verdict(t, set+"keygen_seed_test", err == nil && bytes.Equal(key.EncapsulationKey(), w.EK))
		}
		for _, w := range wycheproof(t, set+"semi_expanded_decaps_test.json") {
			n[3]++
			key, err := expanded(s, w.DK)
			ok := err == nil
			if ok {
				ss, err := key.Decapsulate(w.C)
				ok = err == nil && bytes.Equal(ss[:], w.K)
			}
			w.verdict(t, set+"semi_expanded_decaps_test", ok)
		}
		for i, what := range []string{"general", "encaps", "keygen", "semi-expanded decaps"} {
			counted(t, s.String()+" "+what, n[i], want[i])
		}
	}
}

// TestWycheproofCCM runs the vectors of our parameters (128-bit key, 13-byte
// nonce, 16-byte tag) through the calls that we make, and those of all other
// parameters through the library below them.
func TestWycheproofCCM(t *testing.T) {
	ran, other := 0, 0
	for _, w := range wycheproof(t, "aes_ccm_test.json") {
		if w.group.KeySize == 128 && w.group.IVSize == 8*wire.NonceSize && w.group.TagSize == 8*wire.TagSize {
			ran++
			w.ccmOurs(t)
		} else {
			other++
			w.ccmLibrary(t)
		}
	}
	counted(t, "AES-CCM, 128-bit key, 13-byte nonce, 16-byte tag", ran, 6)
	counted(t, "AES-CCM, other parameters, library only", other, 546)
}

func (w *wycheproofTest) ccmOurs(t *testing.T) {
	d, err := newDirection([16]byte(w.Key), [wire.NonceSize]byte{})
	if err != nil {
		t.Fatal(err)
	}
	n := wire.SessionNonce(w.IV)
	d.setNonce(&n)
	d.aad = w.AAD
	got, err := d.open(nil, append(bytes.Clone(w.CT), w.Tag...))
	w.verdict(t, "aes_ccm", err == nil && bytes.Equal(got, w.Msg))
	if sealed := d.seal(nil, &n, w.Msg); w.Result == "valid" && !bytes.Equal(sealed[wire.NonceSize:], append(w.CT, w.Tag...)) {
		t.Errorf("aes_ccm test %d: sealed to other bytes", w.TcID)
	}
}

func (w *wycheproofTest) ccmLibrary(t *testing.T) {
	block, err := aes.NewCipher(w.Key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := ccm.NewCCM(block, w.group.TagSize/8, w.group.IVSize/8)
	if err != nil {
		w.verdict(t, "aes_ccm", false) // sizes that RFC 3610 has not
		return
	}
	got, err := aead.Open(nil, w.IV, append(bytes.Clone(w.CT), w.Tag...), w.AAD)
	w.verdict(t, "aes_ccm", err == nil && bytes.Equal(got, w.Msg))
}

func TestWycheproofHKDF(t *testing.T) {
	n := 0
	for _, w := range wycheproof(t, "hkdf_sha256_test.json") {
		n++
		prk, err := hkdf.Extract(sha256.New, w.IKM, w.Salt)
		if err != nil {
			t.Fatal(err)
		}
		okm, err := hkdf.Expand(sha256.New, prk, string(w.Info), w.Size)
		w.verdict(t, "hkdf_sha256", err == nil && bytes.Equal(okm, w.OKM))
	}
	counted(t, "HKDF-SHA-256", n, 86)
}
