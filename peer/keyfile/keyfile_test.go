package keyfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/peer/session"
)

func zeros() io.Reader { return bytes.NewReader(make([]byte, session.SeedSize)) }

func TestKeyRoundTrip(t *testing.T) {
	for _, suite := range []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024} {
		k := Key{Suite: suite, Seed: [session.SeedSize]byte{1, 2, 3}}
		b := AppendKey(nil, k)
		got, err := ParseKey(b)
		if err != nil || got != k {
			t.Errorf("%v: %+v, %v", suite, got, err)
		}
		for i := range b {
			for bit := range 8 {
				bad := bytes.Clone(b)
				bad[i] ^= 1 << bit
				if got, err := ParseKey(bad); !errors.Is(err, ErrDamaged) || got != (Key{}) {
					t.Fatalf("%v: bit %d of byte %d does not matter: %v", suite, bit, i, err)
				}
			}
		}
		for n := range b {
			if _, err := ParseKey(b[:n]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut at %d: %v", n, err)
			}
		}
	}
}

func TestLoadOrMake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, isNew, err := LoadOrMake(path, session.MLKEM512, zeros())
	if err != nil || !isNew {
		t.Fatal(isNew, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, isNew, err := LoadOrMake(path, session.MLKEM512, nil)
	if err != nil || isNew || again.Pin() != made.Pin() {
		t.Errorf("another key the second time: %v", err)
	}
	if _, _, err := LoadOrMake(path, session.MLKEM768, nil); !errors.Is(err, ErrSuite) {
		t.Errorf("another suite: %v", err)
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Errorf("%d files are left in the folder", len(left))
	}
}

// TestRefused holds that whatever is wrong with a key file, it stays as it is.
func TestRefused(t *testing.T) {
	good := AppendKey(nil, Key{Suite: session.MLKEM512})
	for _, c := range []struct {
		name string
		data []byte
		mode fs.FileMode
		want error
	}{
		{"empty", nil, 0o600, ErrDamaged},
		{"half", good[:len(good)/2], 0o600, ErrDamaged},
		{"zeros", make([]byte, len(good)), 0o600, ErrDamaged},
		{"one digit", bytes.Replace(good, []byte("000"), []byte("010"), 1), 0o600, ErrDamaged},
		{"huge", bytes.Repeat(good, MaxSize/len(good)+1), 0o600, nil},
		{"open to the group", good, 0o640, ErrMode},
		{"open to all", good, 0o604, ErrMode},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, c.data, c.mode); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, c.mode)
		_, _, err := LoadOrMake(path, session.MLKEM512, zeros())
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", c.name, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.data) {
			t.Errorf("%s: the file has changed", c.name)
		}
	}
}

// TestPowerCut stops the making of a key file where a power cut could: what is
// under the key's name is nothing or whole.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	good := AppendKey(nil, Key{Suite: session.MLKEM512})
	for n := range good { // the write under another name got this far
		if err := os.WriteFile(filepath.Join(dir, ".pqiot-cut"), good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if _, isNew, err := LoadOrMake(path, session.MLKEM512, zeros()); err != nil || !isNew {
		t.Errorf("after a cut: %v", err)
	}
	if err := writeNew(path, []byte("another")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key is written over: %v", err)
	}
	if _, _, err := LoadOrMake(filepath.Join(dir, "none", "key"), session.MLKEM512, zeros()); err == nil {
		t.Error("a key in a folder that is not there")
	}
	if _, _, err := LoadOrMake(dir, session.MLKEM512, zeros()); err == nil {
		t.Error("a folder as a key")
	}
}

func TestPSKs(t *testing.T) {
	hex64 := strings.Repeat("0a", 32)
	got, err := ParsePSKs([]byte("# keys\n\nk1 " + hex64 + "\n  k2\t" + strings.ToUpper(hex64) + "\r\n"))
	if err != nil || len(got) != 2 || !bytes.Equal(got["k1"], got["k2"]) || len(got["k1"]) != 32 {
		t.Errorf("%v, %v", got, err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"one field":    {"k1\n", "line 1"},
		"three fields": {"# x\nk1 " + hex64 + " more\n", "line 2"},
		"short key":    {"k1 00\n", "line 1"},
		"not hex":      {"k1 " + strings.Repeat("zz", 32), "line 1"},
		"twice":        {"k1 " + hex64 + "\nk1 " + hex64, "line 2"},
		"long kid":     {strings.Repeat("k", 33) + " " + hex64, "line 1"},
		"kid bytes":    {"k\x01 " + hex64, "line 1"},
	} {
		_, err := ParsePSKs([]byte(c.text))
		if !errors.Is(err, ErrPSK) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "0a0a") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pin")
	pin := sha256.Sum256(nil)
	if _, err := LoadPin(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := SavePin(path, pin); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadPin(path); err != nil || got != pin {
		t.Errorf("%x, %v", got, err)
	}
	if err := SavePin(path, [32]byte{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a pin is written over: %v", err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), strings.Repeat("0", 65), strings.Repeat("0", 66)} {
		if _, err := ParsePin(bad); !errors.Is(err, ErrPin) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add(AppendKey(nil, Key{Suite: session.MLKEM512}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKey(b)
		if err == nil && !bytes.Equal(AppendKey(nil, k), b) {
			t.Errorf("%q is not what would be written", b)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
}

func FuzzPSKs(f *testing.F) {
	f.Add([]byte("# c\nk1 " + strings.Repeat("0a", 32) + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		psks, err := ParsePSKs(b)
		if err != nil && !errors.Is(err, ErrPSK) {
			t.Error(err)
		}
		for kid, psk := range psks {
			if len(kid) < 1 || len(kid) > 32 || len(psk) != 32 {
				t.Errorf("%q: %d bytes", kid, len(psk))
			}
		}
		if _, err := ParsePin(string(b)); err != nil && !errors.Is(err, ErrPin) {
			t.Error(err)
		}
	})
}
