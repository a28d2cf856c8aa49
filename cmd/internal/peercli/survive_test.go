package peercli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/peer/gatewaytest"
	"pqiot/peer/session"
)

const pskHex = "0505050505050505050505050505050505050505050505050505050505050505"

// TestSurvive runs the table against pqiot-gateway as a process. Where a row
// needs time to pass, it passes: a good minute, all such rows side by side.
func TestSurvive(t *testing.T) {
	psk, err := hex.DecodeString(pskHex)
	if err != nil {
		t.Fatal(err)
	}
	gatewaytest.Run(t, gatewaytest.Target{
		Suites: []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024},
		KID:    "k1", PSK: psk,
		Start: func(t *testing.T, o gatewaytest.Options) *gatewaytest.Instance {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "psk"), []byte("k1 "+pskHex+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--suite", fmt.Sprint(o.Suite.Set()), "--psk-file", "psk"}
			if o.RequirePSK {
				args = append(args, "--require-psk")
			}
			slots := 64
			if o.Slots != 0 {
				slots = o.Slots
				args = append(args, "--slots", fmt.Sprint(slots))
			}
			g := startGateway(t, dir, "127.0.0.1:0", args...)
			pin, err := hex.DecodeString(g.pin)
			if err != nil {
				t.Fatal(err)
			}
			return &gatewaytest.Instance{Address: g.address, Pin: [32]byte(pin), Slots: slots,
				Restart: func(t *testing.T) {
					g.kill()
					if g = startGateway(t, dir, g.address, args...); g.pin != hex.EncodeToString(pin) {
						t.Error("another key after the restart")
					}
				}}
		},
	})
}

// coapClient runs libcoap's client and returns what it printed.
func coapClient(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("coap-client-notls")
	if err != nil {
		if path, err = exec.LookPath("coap-client"); err != nil {
			t.Fatal("no coap-client here")
		}
	}
	cmd := exec.Command(path, append([]string{"-B", "20"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestCoAPClient: a stock client gets the key, and the codes of the table.
func TestCoAPClient(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		set  string
		size int
	}{{"512", 800}, {"768", 1184}, {"1024", 1568}} {
		dir := filepath.Join(dir, c.set)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		g := startGateway(t, dir, "127.0.0.1:0", "--suite", c.set)
		file := filepath.Join(dir, "pk")
		said := coapClient(t, "-m", "get", "-o", file, "coap://"+g.address+"/pk")
		ek, err := os.ReadFile(file)
		if sum := sha256.Sum256(ek); err != nil || len(ek) != c.size || hex.EncodeToString(sum[:]) != g.pin {
			t.Errorf("ML-KEM-%s: %d bytes, %v; the client said %s", c.set, len(ek), err, said)
		}
	}
	g := startGateway(t, dir, "127.0.0.1:0")
	at := "coap://" + g.address
	for _, c := range []struct {
		want string
		args []string
	}{
		{"4.04", []string{"-m", "get", at + "/none"}},
		{"4.05", []string{"-m", "put", "-e", "x", at + "/pk"}},
		{"4.05", []string{"-m", "get", at + "/msg"}},
		{"4.15", []string{"-m", "post", "-t", "0", "-e", "x", at + "/msg"}},
		{"4.15", []string{"-m", "post", "-e", "x", at + "/msg"}},
		{"4.00 fmt", []string{"-m", "post", "-t", "65004", "-e", "x", at + "/msg"}},
		{"4.00 fmt", []string{"-m", "post", "-t", "65001", "-e", "x", at + "/msg"}},
		{"4.02", []string{"-m", "get", "-O", "1,0x01", at + "/pk"}},
		{"4.02", []string{"-m", "post", "-O", "9,0x0900", "-e", "x", at + "/msg"}},
	} {
		if said := coapClient(t, c.args...); !strings.Contains(said, c.want) {
			t.Errorf("%v: %q, %s expected", c.args, said, c.want)
		}
	}
}
