package sample_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pqiot/firmware/lab/sample"
)

// tshark reads the embedded capture, decrypted, and gives the lines it prints.
func tshark(t *testing.T, args ...string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := os.WriteFile(path, sample.Capture, 0o644); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-r", path, "-o", "wlan.enable_decryption:TRUE",
		"-o", `uat:80211_keys:"wpa-pwd","` + sample.Passphrase + ":" + sample.SSID + `"`}, args...)
	cmd := exec.Command("tshark", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark %v: %v: %s", args, err, errs.String())
	}
	return strings.Fields(string(out))
}

func TestCaptureHoldsWhatItSays(t *testing.T) {
	for _, c := range []struct {
		filter string
		frames int
	}{
		{"wlan.fc.type_subtype == 8", 65},
		{"wlan.fc.type_subtype == 0", 2}, // association requests
		{"eapol", 8},                     // two 4-way handshakes
		{"dhcp", 8},                      // discover, offer, request, ack
		{"arp", 4},                       // question and answer, each relayed
		{"coap.code == 1", 2},            // GET /pk, relayed
		{"coap.opt.ctype == \"Unknown Type 65000\"", 2},         // the key
		{"coap.opt.ctype == \"Unknown Type 65001\"", 2},         // the handshake
		{"coap.opt.ctype == \"Unknown Type 65004\"", 38},        // records and answers
		{"coap && wlan.fc.retry == 1", 2},                       // lost on the air
		{"wlan.fc.type_subtype == 29", 71},                      // acknowledgements
		{"_ws.malformed && !coap.opt.name", 0},                  // 4.0 calls the Echo option malformed
		{"wlan.fc.protected == 1 && !arp && !dhcp && !coap", 0}, // everything decrypts
	} {
		if got := tshark(t, "-Y", c.filter, "-T", "fields", "-e", "frame.number"); len(got) != c.frames {
			t.Errorf("%s: %d frames, want %d", c.filter, len(got), c.frames)
		}
	}
}

func TestKeyOnTheAirHasTheRightSize(t *testing.T) {
	got := tshark(t, "-Y", `coap.opt.ctype == "Unknown Type 65000"`, "-T", "fields", "-e", "coap.payload_length")
	if strings.Join(got, " ") != "800 800" {
		t.Errorf("payload lengths %v", got)
	}
}

func TestCommittedFilesAreCurrent(t *testing.T) {
	out, err := exec.Command("go", "run", "./gen", "-check").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
