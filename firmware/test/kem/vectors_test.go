package kem_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pqiot/wire/vectors"
)

// What the core returns (firmware/core/pq_error.h).
const (
	errLength = -5
	errKey    = -10
)

// set is one row of FIPS 203 table 3: the lengths in bytes.
type set struct {
	name       string // "512"
	ek, dk, ct int
}

func sets() []set {
	return []set{{"512", 800, 1632, 768}, {"768", 1184, 2400, 1088}, {"1024", 1568, 3168, 1568}}
}

func setNamed(t *testing.T, name string) set {
	t.Helper()
	for _, s := range sets() {
		if "ML-KEM-"+s.name == name {
			return s
		}
	}
	t.Fatalf("no parameter set %q", name)
	return set{}
}

// zeros and untouched are what an output of n bytes holds after an error inside
// the core, and after one that the core was never asked to see.
func zeros(n int) string     { return strings.Repeat("00", n) }
func untouched(n int) string { return strings.Repeat("a5", n) }

// A case of any ACVP or Wycheproof file; the files use disjoint subsets.
type vector struct {
	TcID                        int
	Seed, D, Z, Ek, Dk, M, C, K string
	Result, Comment             string
	Flags                       []string
}

type group struct {
	ParameterSet, Function, Type, Dk string
	Tests                            []vector
}

func parse(t *testing.T, data []byte) []group {
	t.Helper()
	var f struct{ TestGroups []group }
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f.TestGroups
}

// acvp joins an ACVP prompt with its expected results.
func acvp(t *testing.T, dir string) []group {
	t.Helper()
	groups := parse(t, vectors.ACVP(t, dir+"/prompt.json.gz"))
	expected := make(map[int]vector)
	for _, g := range parse(t, vectors.ACVP(t, dir+"/expectedResults.json.gz")) {
		for _, v := range g.Tests {
			expected[v.TcID] = v
		}
	}
	for _, g := range groups {
		for i, v := range g.Tests {
			e, ok := expected[v.TcID]
			if !ok {
				t.Fatalf("%s: case %d has no result", dir, v.TcID)
			}
			v.Ek, v.Dk, v.C, v.K = first(v.Ek, e.Ek), first(v.Dk, g.Dk, e.Dk), first(v.C, e.C), first(v.K, e.K)
			g.Tests[i] = v
		}
	}
	return groups
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func keypairRequest(name string, s set, seed, ek, dk string) request {
	return request{name, "keypair " + s.name + " " + lower(seed), "0 " + lower(ek) + " " + lower(dk)}
}

func encapsRequest(name string, s set, ek, m, c, k string) request {
	return request{name, "encaps " + s.name + " " + orDash(ek) + " " + lower(m), "0 " + lower(c) + " " + lower(k)}
}

func decapsRequest(name string, s set, dk, c, k string) request {
	return request{name, "decaps " + s.name + " " + orDash(dk) + " " + orDash(c), "0 " + lower(k)}
}

func lower(hex string) string { return strings.ToLower(hex) }

// TestACVP: NIST's vectors, 25 key pairs, 25 encapsulations and 10
// decapsulations of each set.
func TestACVP(t *testing.T) {
	var requests []request
	count := make(map[string]int)
	for _, dir := range []string{"ML-KEM-keyGen-FIPS203", "ML-KEM-encapDecap-FIPS203"} {
		for _, g := range acvp(t, dir) {
			s := setNamed(t, g.ParameterSet)
			for _, v := range g.Tests {
				name := fmt.Sprintf("%s %s %d", dir, s.name, v.TcID)
				kind := first(g.Function, "keyGen") + s.name
				count[kind]++
				switch g.Function {
				case "":
					requests = append(requests, keypairRequest(name, s, v.D+v.Z, v.Ek, v.Dk))
				case "encapsulation":
					requests = append(requests, encapsRequest(name, s, v.Ek, v.M, v.C, v.K))
				case "decapsulation":
					requests = append(requests, decapsRequest(name, s, v.Dk, v.C, v.K))
				default:
					t.Errorf("%s: unknown function %q", name, g.Function)
				}
			}
		}
	}
	for _, s := range sets() {
		for kind, want := range map[string]int{"keyGen": 25, "encapsulation": 25, "decapsulation": 10} {
			if got := count[kind+s.name]; got != want {
				t.Errorf("%s %s: %d vectors, expected %d", kind, s.name, got, want)
			}
		}
	}
	check(t, targets(t), requests)
}

// TestWycheproof: all four files of each set, invalid inputs included.
func TestWycheproof(t *testing.T) {
	var requests []request
	invalid := 0
	for _, s := range sets() {
		for _, kind := range []string{"test", "keygen_seed_test", "encaps_test", "semi_expanded_decaps_test"} {
			file := fmt.Sprintf("mlkem_%s_%s.json", s.name, kind)
			for _, g := range parse(t, vectors.Wycheproof(t, file)) {
				for _, v := range g.Tests {
					name := fmt.Sprintf("%s %d %s", file, v.TcID, v.Comment)
					if v.Result == "invalid" {
						invalid++
					}
					requests = append(requests, wycheproofRequests(t, name, g.Type, s, v)...)
				}
			}
		}
	}
	t.Logf("%d requests, %d invalid cases", len(requests), invalid)
	check(t, targets(t), requests)
}

func wycheproofRequests(t *testing.T, name, kind string, s set, v vector) []request {
	t.Helper()
	switch {
	case kind == "MLKEMKeyGen" && v.Result == "valid":
		return []request{keypairRequest(name, s, v.Seed, v.Ek, v.Dk)}
	case kind == "MLKEMEncapsTest" && v.Result == "valid":
		return []request{encapsRequest(name, s, v.Ek, v.M, v.C, v.K)}
	case kind == "MLKEMEncapsTest":
		return []request{badEncaps(name, s, v)}
	case kind == "MLKEMDecapsValidationTest" && v.Result == "valid":
		return []request{decapsRequest(name, s, v.Dk, v.C, v.K)}
	case kind == "MLKEMDecapsValidationTest":
		return []request{badDecaps(name, s, v.Dk, v.C)}
	case kind == "MLKEMTest":
		return []request{fromSeed(name, s, v)}
	}
	t.Errorf("%s: unknown type %q", name, kind)
	return nil
}

// badEncaps expects the refusal of an encapsulation key: by its length before
// the core sees it, else by the modulus check, which leaves zeros.
func badEncaps(name string, s set, v vector) request {
	line := "encaps " + s.name + " " + orDash(v.Ek) + " " + lower(v.M)
	if len(v.Ek)/2 != s.ek {
		return request{name, line, fmt.Sprintf("%d %s %s", errLength, untouched(s.ct), untouched(32))}
	}
	return request{name, line, fmt.Sprintf("%d %s %s", errKey, zeros(s.ct), zeros(32))}
}

// badDecaps expects the refusal of a decapsulation key or a ciphertext.
func badDecaps(name string, s set, dk, c string) request {
	line := "decaps " + s.name + " " + orDash(dk) + " " + orDash(c)
	if len(dk)/2 != s.dk || len(c)/2 != s.ct {
		return request{name, line, fmt.Sprintf("%d %s", errLength, untouched(32))}
	}
	return request{name, line, fmt.Sprintf("%d %s", errKey, zeros(32))}
}

// fromSeed decapsulates with a key that was kept as its seed.
func fromSeed(name string, s set, v vector) request {
	line := "seed " + s.name + " " + orDash(v.Seed) + " " + orDash(v.C)
	if v.Result == "invalid" {
		return request{name, line, fmt.Sprintf("%d %s %s", errLength, untouched(s.ek), untouched(32))}
	}
	return request{name, line, "0 " + lower(v.Ek) + " " + lower(v.K)}
}

// TestVectorA: the KEM's part of the session protocol's own vector.
func TestVectorA(t *testing.T) {
	var vs []struct{ Suite, Seed_dz, M, Ek, Ct, Ss string }
	if err := json.Unmarshal(vectors.Own(t, "session-v1.json"), &vs); err != nil {
		t.Fatal(err)
	}
	var requests []request
	for i, v := range vs {
		s, name := setNamed(t, v.Suite), fmt.Sprintf("session vector %d", i)
		requests = append(requests, encapsRequest(name, s, v.Ek, v.M, v.Ct, v.Ss),
			request{name, "seed " + s.name + " " + v.Seed_dz + " " + v.Ct, "0 " + v.Ek + " " + v.Ss})
	}
	check(t, targets(t), requests)
}
