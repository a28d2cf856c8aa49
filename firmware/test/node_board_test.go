//go:build linux

package test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A message typed at the sender is printed, and shown, by the gateway; both keep
// who they are over a power cut.
func TestBoardsTalk(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"512", "768", "1024"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			gateway, sender := pair(t, "--suite", suite)
			pin := gateway.pin()
			sender.do("pin " + pin)
			sender.enter("send T=21.5C")
			sender.expect(`^kem.encaps [0-9.]+ ms\r$`)
			sender.expect(`^acknowledged ([0-9a-f]{14}) 0 by .*: ok\r$`)
			gateway.expect(`^kem.decaps [0-9.]+ ms\r$`)
			gateway.expect(`^message [0-9a-f]{14} 0 from ` + loopback(t, 2) + `:[0-9]+: T=21.5C\r$`)
			gateway.screen("T=21.5C")
			gateway.enter("times")
			gateway.expect(`^kem.decaps: worst [0-9.]+ ms, last [0-9.]+ ms, 1 time\r$`)

			gateway.cut()
			sender.cut()
			gateway = startNode(t, gatewayProgram, gateway.dir, "--suite", suite, "--listen", loopback(t, 1))
			if again := gateway.pin(); again != pin {
				t.Errorf("the pin was %s and is %s", pin, again)
			}
			sender = startNode(t, senderProgram, sender.dir, "--suite", suite, "--listen", loopback(t, 2))
			sender.enter("send after the cut")
			gateway.expect(`^message [0-9a-f]{14} 0 from .*: after the cut\r$`)
			sender.expect(`^acknowledged [0-9a-f]{14} 0 by `)
			sender.do("interval 1")
			gateway.expect(`^message [0-9a-f]{14} [12] from .*: up [0-9]+ s, message 2\r$`)
			picture, err := os.ReadFile(filepath.Join(gateway.dir, "screen.pbm"))
			if err != nil || !bytes.HasPrefix(picture, []byte("P1\n128 64\n")) || !bytes.Contains(picture, []byte("1")) {
				t.Errorf("picture of the screen: %v, %.20q", err, picture)
			}
		})
	}
}

// Control characters of a stranger do not reach the terminal; those typed at the
// sender do not even leave it.
func TestBoardsSafeText(t *testing.T) {
	t.Parallel()
	gateway, sender := pair(t)
	sender.do("pin " + gateway.pin())
	sender.enter("send 21 \u00b0C \u202eevil \x9b2J")
	gateway.expect(`: 21 °C \\xe2\\x80\\xaeevil \\x9b2J\r$`)
	gateway.screen("21 ??C ???evil ?2J")
}

// The key trusted first is the only one from then on.
func TestBoardsTrustOnFirstUse(t *testing.T) {
	t.Parallel()
	gateway, sender := pair(t)
	pin := gateway.pin()
	sender.do("pin first-use")
	sender.enter("send one")
	sender.expect(`^pinned ` + pin + `\r$`)
	sender.expect(`^acknowledged `)
	if got := sender.pin(); got != pin {
		t.Fatalf("kept pin %s, not %s", got, pin)
	}
	gateway.enter("reset")
	gateway.expect(`^reset forgets|error: reset forgets`)
	gateway.enter("reset all")
	gateway.expect(`all settings and keys are forgotten`)
	gateway.expect(`^a new key was made\r$`)
	if again := gateway.pin(); again == pin {
		t.Fatal("the pin has survived the reset")
	}
	sender.cut() // so that no session is open
	sender = startNode(t, senderProgram, sender.dir, "--listen", loopback(t, 2))
	sender.enter("send two")
	sender.expect(`^failed: the gateway's key does not match the pin\r$`)
	if strings.Contains(gateway.all(), ": two") {
		t.Error("the message went to a gateway that is not the pinned one")
	}
}

func TestBoardsPSK(t *testing.T) {
	t.Parallel()
	const key = "8f1d6c3b2a09182736455463728190afbecddcebfa0918273645546372819000"
	gateway, sender := pair(t)
	sender.do("pin " + gateway.pin())
	gateway.do("require-psk on")
	gateway.do("psk k1 " + key)
	sender.enter("send without")
	gateway.expect(`^refused: 4.03 no PSK, from .*\r$`)
	sender.do("psk k1 " + key)
	sender.enter("send with")
	gateway.expect(`^message [0-9a-f]{14} [0-9]+ from .*: with\r$`)
	for _, n := range []*node{gateway, sender} {
		n.enter("show")
		n.expect(`^psk k1\r$`)
		if strings.Contains(n.all(), key[:8]) {
			t.Errorf("%s has shown the key", n.cmd.Path)
		}
	}
}

// A damaged store is told and kept as it is; only the user's word ends it.
func TestBoardDamagedStore(t *testing.T) {
	t.Parallel()
	gateway, sender := pair(t)
	pin := gateway.pin()
	sender.do("pin " + pin)
	gateway.cut()
	path := filepath.Join(gateway.dir, "flash")
	flash, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flash[30] ^= 4 // in the seed
	if err := os.WriteFile(path, flash, 0o600); err != nil {
		t.Fatal(err)
	}
	gateway = startNode(t, gatewayProgram, gateway.dir, "--listen", loopback(t, 1))
	if got := gateway.pin(); got != "none: there is no key" {
		t.Errorf("pin %s", got)
	}
	gateway.enter("require-psk on")
	gateway.expect(`^error: the key store is damaged; nothing is kept in it until: reset all\r$`)
	if now, _ := os.ReadFile(path); !bytes.Equal(now, flash) {
		t.Error("the damaged store was changed")
	}
	gateway.enter("reset all")
	gateway.expect(`^a new key was made\r$`)
	if got := gateway.pin(); len(got) != 64 || got == pin {
		t.Errorf("pin %s", got)
	}
}

// Power cuts at any time while settings are written: the key is there afterwards,
// and the settings are whole.
func TestBoardPowerCuts(t *testing.T) {
	t.Parallel()
	dir, pin := t.TempDir(), ""
	key := strings.Repeat("ab", 32)
	for i := range 12 {
		gateway := startNode(t, gatewayProgram, dir, "--listen", loopback(t, 1))
		if got := gateway.pin(); pin != "" && got != pin {
			t.Fatalf("after cut %d the pin is %s, not %s", i, got, pin)
		} else {
			pin = got
		}
		for range 30 {
			gateway.enter("psk k1 " + key)
			gateway.enter("psk k1 -")
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		gateway.cut()
	}
}

func TestBoardOtherSuite(t *testing.T) {
	t.Parallel()
	gateway := startNode(t, gatewayProgram, t.TempDir(), "--listen", loopback(t, 1))
	gateway.cut()
	gateway = startNode(t, gatewayProgram, gateway.dir, "--listen", loopback(t, 1), "--suite", "768")
	if got := gateway.pin(); got != "none: there is no key" {
		t.Errorf("pin %s", got)
	}
}

func TestBoardNodeUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args []string
		says string
	}{
		{[]string{"--seed", "1"}, "--seed: keys that anybody can predict are for --lab only"},
		{[]string{"--lab", "--stdio"}, "--lab: stdin and stdout are the lab's"},
		{[]string{"--stdio", "--link", "x"}, "--link: there is no pseudo-terminal with --stdio"},
		{[]string{"--suite", "513"}, "--suite 513: 512, 768 or 1024 is expected"},
		{[]string{"--listen", "home"}, "--listen home: an IP address is expected"},
		{[]string{"--port", "0"}, "--port 0: a number from 1 to 65535 is expected"},
		{[]string{"--lab", "--seed", "-1"}, "--seed -1: a number from 0"},
		{[]string{"extra"}, "extra: no argument is expected; see --help"},
		{[]string{"--what"}, "unrecognized option '--what'"},
		{[]string{"--flash", short}, "it does not have 8192 bytes"},
		{[]string{"--flash", filepath.Join(dir, "no", "flash")}, "no such file or directory"},
		{[]string{"--link", filepath.Join(dir, "no", "link")}, "--link"},
	}
	for _, program := range []string{gatewayProgram, senderProgram} {
		for _, tt := range tests {
			cmd := exec.Command(program, tt.args...)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			cmd.Run()
			if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(strings.ToLower(errs.String()), strings.ToLower(tt.says)) ||
				!strings.HasPrefix(errs.String(), filepath.Base(program)+": ") {
				t.Errorf("%v: exit %d, %q", tt.args, cmd.ProcessState.ExitCode(), errs.String())
			}
		}
		for _, arg := range []string{"--help", "--version"} {
			out, err := exec.Command(program, arg).Output()
			if err != nil || !strings.Contains(string(out), filepath.Base(program)) {
				t.Errorf("%s: %v %q", arg, err, out)
			}
		}
	}
}

// Two boards on one flash would each undo what the other keeps.
func TestBoardFlashInUse(t *testing.T) {
	t.Parallel()
	gateway := startNode(t, gatewayProgram, t.TempDir(), "--listen", loopback(t, 1))
	out, err := exec.Command(gatewayProgram, "--flash", filepath.Join(gateway.dir, "flash")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another board uses it") {
		t.Errorf("%v %s", err, out)
	}
	st, err := os.Stat(filepath.Join(gateway.dir, "flash"))
	if err != nil || st.Mode().Perm() != 0o600 || st.Size() != 8192 {
		t.Errorf("%v %v", st, err)
	}
}
