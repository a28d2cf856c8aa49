//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"pqiot/dissector"
)

// TestConsole lets tshark capture from the sniffer with the console of another
// board beside it: dumpcap must take the second interface, and the dissector
// show its lines without a preference.
func TestConsole(t *testing.T) {
	t.Parallel()
	sniffer := startBoard(t, "--loop", sampleOn(t))
	board, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	defer tty.Close()
	script := filepath.Join(t.TempDir(), dissector.Name)
	if err := os.WriteFile(script, []byte(dissector.Script()), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.pcapng")
	s := capture(t, sniffer.port, out, "-o", "extcap.pinecone.console:gateway="+tty.Name(),
		"-X", "lua_script:"+script, "-l", "-P")
	eventually(t, "open console", func() bool {
		return slices.ContainsFunc(capturing(tty.Name()), func(pid int) bool { return hasOpen(pid, tty.Name()) })
	})
	eventually(t, "line of the console on tshark's output", func() bool {
		if _, err := board.WriteString("kem.decaps 2.9 ms\r\n"); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(s.stdout.String(), "CONSOLE") && strings.Contains(s.stdout.String(), "gateway: kem.decaps 2.9 ms")
	})
	s.Process.Signal(syscall.SIGINT)
	if status := s.wait(); status != 0 {
		t.Errorf("tshark ended with %d: %s", status, s.stderr)
	}
	if strings.Contains(s.stderr.String(), "Error") {
		t.Errorf("tshark says: %s", s.stderr)
	}
	var names []string
	for _, name := range fields(t, out, "frame.interface_name") {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if strings.Join(names, " ") != "gateway pinecone" {
		t.Errorf("interfaces of the capture: %q", names)
	}
}
