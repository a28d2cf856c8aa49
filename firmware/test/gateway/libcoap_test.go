package gateway_test

import (
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pqiot/peer/session"
)

// TestLibcoap: libcoap's client, which knows nothing of us, fetches the key, in
// blocks where it is large.
func TestLibcoap(t *testing.T) {
	client, err := exec.LookPath("coap-client")
	if err != nil {
		client, err = exec.LookPath("coap-client-notls")
	}
	if err != nil {
		t.Fatal("coap-client is missing: apt install libcoap3-bin")
	}
	exe := build(t)
	for _, suite := range []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024} {
		t.Run(suite.String(), func(t *testing.T) {
			p := start(t, exe, suite, false)
			file := filepath.Join(t.TempDir(), "key")
			out, err := exec.Command(client, "-B", "20", "-m", "get", "-o", file, "coap://"+p.address+"/pk").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			key, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if len(key) != suite.KeySize() || sha256.Sum256(key) != p.pin {
				t.Errorf("%d bytes that are not the key\n%s", len(key), out)
			}
		})
	}
}
