// Package keyfile reads and writes the files that hold a gateway's key, the
// PSKs and a sender's pin. Each is text, at most MaxSize bytes, and mode 0600.
//
// A key file is one line:
//
//	PQIOT1_KEY <512|768|1024> <seed, 128 hex> <check, 16 hex>
//
// seed is d ‖ z of FIPS 203 Algorithm 16; check the first 8 bytes of the
// SHA-256 of everything before the blank in front of it. A PSK file has a line
// "kid hex64" for each key; blank lines and # comments are skipped. A pin file
// is 64 hex digits. Hex is in lower case.
package keyfile

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"pqiot/peer/session"
)

// MaxSize is the size of the largest file that is read, bytes.
const MaxSize = 1 << 20

// Errors; test with errors.Is. Files that are missing give fs.ErrNotExist.
var (
	ErrDamaged = errors.New("the key file is damaged; it is left as it is")
	ErrSuite   = errors.New("the key file is for another parameter set")
	ErrMode    = errors.New("readable by others; chmod 600 it")
	ErrPSK     = errors.New("malformed PSK file")
	ErrPin     = errors.New("a pin is 64 digits of hex")
)

const label = "PQIOT1_KEY"

// Key is what a key file holds.
type Key struct {
	Suite session.Suite
	Seed  [session.SeedSize]byte
}

// ParseKey reads a key file's bytes. It gives ErrDamaged for anything that
// AppendKey does not write.
func ParseKey(b []byte) (k Key, err error) {
	f := bytes.Split(b, []byte(" "))
	if len(f) != 4 || string(f[0]) != label {
		return Key{}, fmt.Errorf("%w: not a %s line", ErrDamaged, label)
	}
	if k.Suite, err = session.ParseSuite(string(f[1])); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if len(f[2]) == 2*len(k.Seed) {
		hex.Decode(k.Seed[:], f[2]) // the comparison sees what did not decode
	}
	want := AppendKey(nil, k)
	defer clear(want)
	if subtle.ConstantTimeCompare(b, want) != 1 {
		return Key{}, fmt.Errorf("%w: its checksum does not match", ErrDamaged)
	}
	return k, nil
}

// AppendKey appends the bytes of a key file.
func AppendKey(dst []byte, k Key) []byte {
	at := len(dst)
	dst = fmt.Appendf(dst, "%s %d %x", label, k.Suite.Set(), k.Seed[:])
	sum := sha256.Sum256(dst[at:])
	return fmt.Appendf(dst, " %x\n", sum[:8])
}

// LoadOrMake reads the key file at path. If there is none it makes one from
// random bytes, in such a way that a power cut at any moment leaves either no
// file or a whole one. A file that is damaged, for another suite, or open to
// others is refused and stays as it is.
func LoadOrMake(path string, suite session.Suite, random io.Reader) (*session.PrivateKey, bool, error) {
	b, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, suite, random)
	}
	if err != nil {
		return nil, false, err
	}
	defer clear(b)
	k, err := ParseKey(b)
	defer clear(k.Seed[:])
	if err == nil && k.Suite != suite {
		err = fmt.Errorf("%w: %v, not %v", ErrSuite, k.Suite, suite)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	key, err := session.NewPrivateKey(suite, k.Seed[:])
	return key, false, err
}

func create(path string, suite session.Suite, random io.Reader) (*session.PrivateKey, bool, error) {
	k := Key{Suite: suite}
	defer clear(k.Seed[:])
	if _, err := io.ReadFull(random, k.Seed[:]); err != nil {
		return nil, false, fmt.Errorf("random bytes: %w", err)
	}
	b := AppendKey(nil, k)
	defer clear(b)
	if err := writeNew(path, b); err != nil {
		return nil, false, err
	}
	key, err := session.NewPrivateKey(suite, k.Seed[:])
	return key, true, err
}

// writeNew makes a file that appears whole or not at all, and never in the
// place of another: written under another name, synced, linked, and the folder
// synced.
func writeNew(path string, b []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".pqiot-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := moveNew(f.Name(), path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // it has no way to sync a folder
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// moveNew gives a file its name unless the name is taken. Where the file system
// has no links, rename has to do: two gateways that start on one missing file
// in the same instant are then not kept apart.
func moveNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return &os.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// read reads a file that only its owner may read.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file", path)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: %w", path, ErrMode)
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(b) > MaxSize {
		err = fmt.Errorf("%s: over %d bytes", path, MaxSize)
	}
	return b, err
}
