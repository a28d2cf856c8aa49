//go:build linux

package test

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
)

// A damaged file is played as far as it goes, and said so with the place.
func TestDamagedCapture(t *testing.T) {
	t.Parallel()
	packets := traffic(5, 1)
	pcap := writePcap(binary.LittleEndian, linkRadiotap, false, packets)
	ng := writePcapng(binary.LittleEndian, linkRadiotap, packets)
	huge := bytes.Clone(pcap)
	binary.LittleEndian.PutUint32(huge[24+8:], 0xFFFFFFF0)
	tests := []struct {
		name string
		file []byte
		says string
		want int
	}{
		{"cut in a packet", pcap[:len(pcap)-10], "packet 5 at byte", 4},
		{"cut in a packet header", pcap[:24+16+len(packets[0].data)+5], "packet header 2 at byte", 1},
		{"pcapng cut", ng[:len(ng)-100], "block at byte", 4},
		{"garbage behind", append(bytes.Clone(pcap), 1, 2, 3), "packet header 6 at byte", 5},
		{"huge packet", huge, "packet 1 at byte 24 claims 4294967280 bytes", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command(program, "--stdio", "--end", "exit", "--speed", "max", save(t, tt.file))
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if !strings.Contains(errs.String(), tt.says) {
				t.Errorf("stderr %q does not say %q", errs.String(), tt.says)
			}
			if tt.want == 0 {
				if cmd.ProcessState.ExitCode() != 2 {
					t.Errorf("exit %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			y := read(t, out)
			y.want(t, packets[:tt.want])
		})
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	good := savePackets(t, traffic(1, 1))
	ethernet := save(t, writePcap(binary.LittleEndian, linkEthernet, false, traffic(2, 1)))
	tests := []struct {
		args []string
		says string
	}{
		{[]string{}, "one of CAPTURE, --radio-socket and --idle is expected"},
		{[]string{"--idle", good}, "one of CAPTURE"},
		{[]string{good, good}, "one capture file is expected"},
		{[]string{"--bogus", good}, "bogus"},
		{[]string{"--speed", "fast", good}, "--speed fast"},
		{[]string{"--speed", "-1", good}, "--speed -1"},
		{[]string{"--speed", "nan", good}, "--speed nan"},
		{[]string{"--channel", "15", good}, "--channel 15: a number from 1 to 14"},
		{[]string{"--channel", "", good}, "--channel "},
		{[]string{"--uart-rate", "1e3", good}, "--uart-rate 1e3"},
		{[]string{"--ring", "5000", good}, "not a power of two"},
		{[]string{"--mac", "00:11:22:33:44", good}, "--mac 00:11:22:33:44"},
		{[]string{"--end", "now", good}, "--end now"},
		{[]string{"--loop", "--idle"}, "--loop"},
		{[]string{"--stdio", "--link", "x", good}, "--link"},
		{[]string{"--radio-socket", "/nonexistent/s"}, "/nonexistent/s"},
		{[]string{"/nonexistent/capture"}, "/nonexistent/capture: No such file"},
		{[]string{t.TempDir()}, "not a regular file"},
		{[]string{save(t, nil)}, "0 bytes are no capture file"},
		{[]string{save(t, []byte("GIF89a..."))}, "starts with 47 49 46 38"},
		{[]string{ethernet}, "2 packets of link type 1 (Ethernet)"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			cmd := exec.Command(program, tt.args...)
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), tt.says) {
				t.Errorf("exit %d, %q; 2 and %q expected", cmd.ProcessState.ExitCode(), out, tt.says)
			}
			if !strings.HasPrefix(string(out), "pqiot-board-sniffer: ") {
				t.Errorf("%q does not start with the program's name", out)
			}
		})
	}
	for _, flag := range []string{"--help", "--version"} {
		if out, err := exec.Command(program, flag).Output(); err != nil || len(out) < 10 {
			t.Errorf("%s: %v, %q", flag, err, out)
		}
	}
}
