// Package vectors finds the test vectors that several packages answer to: our
// own in wire/testdata/vectors, NIST ACVP's in the circl module, and Google's
// Wycheproof. It is for tests only.
package vectors

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Wycheproof's module asks for a newer Go than ours does, so it is not in
// go.mod; its checksum stands here instead of in go.sum.
const (
	wycheproof    = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"
	wycheproofSum = "h1:pNbL2nztRsWfW/ispAwsvcDFxs9Id38uIsR2/Up5G2c="
)

// Own returns the named file of wire/testdata/vectors.
func Own(t testing.TB, name string) []byte {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	return read(t, filepath.Join(filepath.Dir(here), "..", "testdata", "vectors", name))
}

// Wycheproof returns the named file of Wycheproof's testvectors_v1.
func Wycheproof(t testing.TB, name string) []byte {
	t.Helper()
	var m struct{ Dir, Sum, Error string }
	out, err := run("go", "mod", "download", "-json", wycheproof)
	if jerr := json.Unmarshal(out, &m); jerr != nil || m.Error != "" || err != nil {
		t.Fatalf("go mod download %s: %v %s", wycheproof, err, m.Error)
	}
	if m.Sum != wycheproofSum {
		t.Fatalf("%s has checksum %s, expected %s", wycheproof, m.Sum, wycheproofSum)
	}
	return read(t, filepath.Join(m.Dir, "testvectors_v1", name))
}

// ACVP returns a file of circl's copy of NIST's ACVP vectors, unpacked, such
// as "ML-KEM-keyGen-FIPS203/prompt.json.gz".
func ACVP(t testing.TB, name string) []byte {
	t.Helper()
	out, err := run("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cloudflare/circl")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(out)), "kem", "mlkem", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return data
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func run(name string, args ...string) ([]byte, error) {
	out, err := exec.Command(name, args...).Output()
	if e, ok := err.(*exec.ExitError); ok {
		return out, fmt.Errorf("%w: %s", err, e.Stderr)
	}
	return out, err
}
