//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pqiot/dissector"
	"pqiot/firmware/lab/air"
)

// The tests of this package run the programs that are shipped: the three
// boards, pqiot-extcap, and the tshark of this computer.

const patience = 3 * time.Minute // for anything that could hang

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-test.fuzzworker") { // it runs no program
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "pqiot-lab-test-")
	if err == nil {
		err = build(dir)
	}
	status := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes the programs and puts them before everything else in PATH.
func build(dir string) error {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	programs := exec.Command("go", "build", "-ldflags", "-X main.version=test", "-o", bin+"/", ".", "../pqiot-extcap", "../pqiot-analyze")
	programs.Env = append(os.Environ(), "CGO_ENABLED=0")
	boards := exec.Command("make", "-s", "-C", "../../firmware", "host", "BIN="+bin, "BUILD="+filepath.Join(dir, "build"))
	boards.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // another make may have started the tests
	for _, cmd := range []*exec.Cmd{programs, boards} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return os.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error { env.Setenv("PATH", os.Getenv("PATH")); return nil }})
}

// recording is a run that is over.
type recording struct {
	capture string
	truth   []air.Truth
	said    string // on stdout
}

// play runs a scenario and insists that all went well.
func play(t testing.TB, scenario string, args ...string) recording {
	t.Helper()
	dir := t.TempDir()
	r := recording{capture: filepath.Join(dir, "run.pcapng")}
	truth := filepath.Join(dir, "run.jsonl")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pqiot-lab", append([]string{"run", scenario, "--out", r.capture, "--truth", truth}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, out, stderr.String())
	}
	r.said = string(out)
	r.truth = readTruth(t, truth)
	return r
}

func readTruth(t testing.TB, path string) (truth []air.Truth) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var x air.Truth
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		if x.Frame != uint64(len(truth)+1) || x.Original >= x.Frame {
			t.Fatalf("line %d: %+v", len(truth)+1, x)
		}
		truth = append(truth, x)
	}
	return truth
}

// tshark gives fields of a capture's packets, a slice for each packet.
func tshark(t testing.TB, r recording, wpa, filter string, fields ...string) (rows [][]string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), dissector.Name)
	if err := os.WriteFile(script, []byte(dissector.Script()), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-r", r.capture, "-X", "lua_script:" + script, "-Y", filter, "-T", "fields", "-E", "separator=\x1f"}
	if ssid, pass, ok := strings.Cut(wpa, ":"); ok {
		args = append(args, "-o", "wlan.enable_decryption:TRUE", "-o", fmt.Sprintf("uat:80211_keys:\"wpa-pwd\",\"%s:%s\"", pass, ssid))
	}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+filepath.Dir(script), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("tshark: %v: %s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\x1f"))
	}
	return rows
}
