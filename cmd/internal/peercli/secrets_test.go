package peercli_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keyLogValues are the secrets of a key log: what stands behind label, session
// id and parameter set.
func keyLogValues(t *testing.T, path string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "PQIOT1") {
			continue
		}
		for _, f := range strings.Fields(line)[2:] {
			if len(f) >= 16 {
				all = append(all, f)
			}
		}
	}
	return all
}

// converse lets gateway and senders say all that they say, when things go well
// and when not, and returns it.
func converse(t *testing.T, dir string, keyLog bool) string {
	t.Helper()
	args := []string{"--psk-file", "psk", "--oscore"}
	logTo := func(file string) []string {
		if keyLog {
			return append(args[:len(args):len(args)], "--keylog", file)
		}
		return args
	}
	g := startGateway(t, dir, "127.0.0.1:0", logTo("keys")...)
	at := []string{"--gateway", g.address, "--message", "hello", "--message", "again", "--timeout", "20s"}
	wrong := strings.Repeat("0", 63) + "1"
	all := ""
	for _, more := range [][]string{
		append(logTo("keys2"), "--pin", g.pin),
		append(logTo("keys2"), "--pin", wrong),
		{"--pin", g.pin, "--psk", "k1:" + strings.Repeat("ab", 32), "--timeout", "1s"},
	} {
		r := sender(t, dir, "", append(at[:len(at):len(at)], more...)...)
		all += r.stdout + r.stderr
	}
	g.stop(t)
	return all + g.stdout.String() + g.stderr.String()
}

// TestNoSecrets: no secret is in what either command prints, and without
// --keylog none is in a file but those that hold keys.
func TestNoSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "psk"), []byte("k1 "+pskHex+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet := converse(t, dir, false)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "gateway.key" && f.Name() != "psk" {
			t.Errorf("a file %s was written", f.Name())
		}
	}
	if strings.Contains(quiet, "PQIOT1") || strings.Contains(quiet, "warning") {
		t.Error("key log lines or a warning without --keylog")
	}
	time.Sleep(time.Second) // a token for the next decapsulation
	loud := converse(t, dir, true)
	if n := strings.Count(loud, "warning: the keys of every session go to"); n != 3 {
		t.Errorf("%d warnings about the key log, 3 expected", n)
	}
	ours, theirs := keyLogValues(t, filepath.Join(dir, "keys")), keyLogValues(t, filepath.Join(dir, "keys2"))
	if len(ours) != 5 || strings.Join(ours, " ") != strings.Join(theirs, " ") {
		t.Errorf("%d keys logged by the gateway, %d by the sender, the same 5 expected", len(ours), len(theirs))
	}
	key, err := os.ReadFile(filepath.Join(dir, "gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	seed := strings.Fields(string(key))[2]
	for _, secret := range append([]string{seed[:64], seed[64:], pskHex, strings.Repeat("ab", 32)}, ours...) {
		raw, err := hex.DecodeString(secret)
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.ToLower(quiet + loud); strings.Contains(all, secret) || strings.Contains(all, string(raw)) {
			t.Errorf("%s… is in the output", secret[:8])
		}
	}
}
