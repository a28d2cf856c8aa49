//go:build linux

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pqiot/firmware/lab"
)

// TestRealTime runs a scenario live: the extcap reads the sniffer and both
// consoles from pseudo-terminals.
func TestRealTime(t *testing.T) {
	r := play(t, "paper", "--real-time", "--seconds", "14", "--wpa", network)
	texts := sent(t, r, network, 1)
	gateway := strings.Join(linesOf(t, r, network, lab.GatewayName), "\n")
	for _, text := range texts {
		if !strings.Contains(gateway, text) {
			t.Errorf("the gateway's console never showed %q:\n%s", text, gateway)
		}
	}
	if !strings.Contains(gateway, "kem.decaps ") {
		t.Errorf("no timing of the gateway:\n%s", gateway)
	}
	labelled(t, r, network)
}

// TestBoards leaves the boards running, captures from the sniffer's line with
// the extcap, and talks to the gateway on its console.
func TestBoards(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pqiot-lab", "boards")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for s := bufio.NewScanner(out); len(lines) < 3 && s.Scan(); {
		name, path, _ := strings.Cut(s.Text(), " ")
		lines[name] = path
	}
	talk(t, lines["gateway"])
	capture := filepath.Join(t.TempDir(), "live.pcapng")
	extcap := exec.CommandContext(ctx, "pqiot-extcap", "--capture", "--extcap-interface", "pinecone", "--port", lines["sniffer"],
		"--fifo", capture, "--console", "gateway="+lines["gateway"], "--console", "sender="+lines["sender"])
	extcap.Stderr = os.Stderr
	if err := extcap.Start(); err != nil {
		t.Fatal(err)
	}
	both := func() bool {
		r := recording{capture: capture}
		boards := tshark(t, r, "", "pqiot_console", "pqiot_console.board")
		return len(tshark(t, r, "", "wlan.fc.type_subtype == 8", "frame.number")) > 10 &&
			slices.ContainsFunc(boards, func(row []string) bool { return row[0] == "gateway" }) &&
			slices.ContainsFunc(boards, func(row []string) bool { return row[0] == "sender" })
	}
	eventually(t, "beacons and lines of both consoles in the capture", func() bool {
		st, err := os.Stat(capture)
		return err == nil && st.Size() > 4000 && both()
	})
	for _, c := range []*exec.Cmd{extcap, cmd} {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			t.Errorf("%v: %v", c.Args[0], err)
		}
	}
}

// talk types a command on a console and waits for its answer.
func talk(t *testing.T, path string) {
	t.Helper()
	tty, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	answer := make(chan string, 1)
	go func() {
		var all []byte
		buf := make([]byte, 256)
		for !strings.Contains(string(all), "key store ok") {
			n, err := tty.Read(buf)
			if all = append(all, buf[:n]...); err != nil {
				break
			}
		}
		answer <- string(all)
	}()
	if _, err := io.WriteString(tty, "show\r"); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-answer:
		if !strings.Contains(text, "pin ") {
			t.Errorf("show says %q", text)
		}
	case <-time.After(patience):
		t.Fatal("the gateway does not answer on its console")
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}
