//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"pqiot/extcap"
)

// TestBoardsThatCannotBeUsed: each gives one clear message, tshark ends by
// itself, and what it leaves is a capture.
func TestBoardsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.txt")
	if err := os.WriteFile(plain, []byte("no port"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		board []string // how a board is started; none: port is used as it is
		port  string
		args  []string
		want  []string // each stands in the message
	}{
		{name: "no such port", port: "/dev/ttyUSB99", want: []string{"/dev/ttyUSB99: board not there", "plug the board in"}},
		{name: "no port at all", port: "auto", want: []string{"no PineCone found", "1a86:7523", "--port"}},
		{name: "a file is no port", port: plain, want: []string{plain + ": not a serial port"}},
		{name: "another role", board: []string{"--role", "2", "--idle"}, want: []string{"gateway", "sniffer"}},
		{name: "another major version", board: []string{"--major", "2", "--idle"}, want: []string{"wire version 2"}},
		{name: "a silent board", board: []string{"--silent", "--idle"}, want: []string{"says nothing", "board"}},
		{name: "noise", port: noise(t), want: []string{"baud", "firmware"}},
		{name: "a channel that does not exist", port: "auto", args: []string{"-o", "extcap.pinecone.hop:1,6,15"},
			want: []string{"--hop 1,6,15: channel 15 is not 1–14"}},
		{name: "a replay of nothing", port: "auto", args: []string{"-o", "extcap.pinecone.replay:/nonexistent"},
			want: []string{"--replay /nonexistent: no such file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := c.port
			if c.board != nil {
				port = startBoard(t, c.board...).port
			}
			out := filepath.Join(t.TempDir(), "out.pcapng")
			start := time.Now()
			s := capture(t, port, out, c.args...)
			s.wait()
			t.Logf("over after %v", time.Since(start).Round(100*time.Millisecond))
			said := s.stderr.String()
			if strings.Count(said, "pqiot-extcap: ") != 1 {
				t.Errorf("one message is wanted:\n%s", said)
			}
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is missing in:\n%s", want, said)
				}
			}
			if packets := fields(t, out, "frame.number"); len(packets) != 0 {
				t.Errorf("%d packets of nothing", len(packets))
			}
		})
	}
}

// noise makes a port on which bytes come that are no records.
func noise(t *testing.T) (port string) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	go func() {
		r := rand.NewChaCha8([32]byte{1})
		for b := make([]byte, 256); ; time.Sleep(5 * time.Millisecond) {
			r.Read(b)
			if _, err := master.Write(b); err != nil {
				return
			}
		}
	}()
	return slave.Name()
}

// TestAnotherLineRate: a board that talks at another rate than --baud says is
// found all the same.
func TestAnotherLineRate(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	b := startBoard(t, "--strict-baud", "--loop", "--speed", "4", sampleOn(t))
	if s := capture(t, b.port, out, "-o", "extcap.pinecone.baud:115200", "-c", "20"); s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	if n := len(fields(t, out, "frame.number")); n != 20 {
		t.Errorf("%d packets", n)
	}
}

// TestBusyPort: two captures of one board; the second names the first.
func TestBusyPort(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startBoard(t, "--idle")
	first, _ := startExtcap(t, "--capture", "--extcap-interface", "pinecone", "--port", b.port, "--fifo", filepath.Join(dir, "a"))
	eventually(t, "the port open", func() bool { return hasOpen(first.Process.Pid, b.port) })
	s := capture(t, b.port, filepath.Join(dir, "b.pcapng"))
	s.wait()
	want := fmt.Sprintf("%s is busy: held by pqiot-extcap (process %d)", b.port, first.Process.Pid)
	if !strings.Contains(s.stderr.String(), want) {
		t.Errorf("%q is missing in:\n%s", want, s.stderr)
	}
	if !alive(first.Process.Pid) {
		t.Error("the first capture ended")
	}
}

// TestReplug kills the board in the middle of a capture, and plugs in another
// on the same port: the capture waits and goes on.
func TestReplug(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, port := filepath.Join(dir, "out.pcapng"), filepath.Join(dir, "port")
	before, after := someFrames(100, 11), someFrames(100, 12)
	writeRadiotapPcap(t, filepath.Join(dir, "before.pcap"), before)
	writeRadiotapPcap(t, filepath.Join(dir, "after.pcap"), after)
	b := startBoardOn(t, port, "--speed", "max", "--wait", "--uart-rate", "0", filepath.Join(dir, "before.pcap"))
	s := startTshark(t, "-i", "pinecone", "-o", "extcap.pinecone.port:"+port, "-w", out, "-P", "-l", "-T", "fields", "-e", "frame.number", "-c", "200")
	s.stdout.await(t, "hundredth packet", func(s string) bool { return strings.HasSuffix(s, "\n100\n") })
	b.kill()
	startBoardOn(t, port, "--speed", "max", "--wait", "--uart-rate", "0", filepath.Join(dir, "after.pcap"))
	if s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	compareFrames(t, out, append(before, after...))
	comments := fields(t, out, "frame.comment")
	if !strings.Contains(strings.Join(comments, "\n"), "unplugged") {
		t.Error("no packet's comment speaks of the unplugged board")
	}
}

// TestKilledBoard: the board goes and does not come back; the capture still
// ends at once when it is told to, and keeps what it had.
func TestKilledBoard(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	b := startBoard(t, "--loop", "--speed", "4", sampleOn(t))
	s := startTshark(t, "-i", "pinecone", "-o", "extcap.pinecone.port:"+b.port, "-w", out, "-P", "-l", "-T", "fields", "-e", "frame.number")
	pid := extcapOf(t, s.Process.Pid)
	s.stdout.await(t, "packet", func(s string) bool { return strings.Contains(s, "10\n") })
	b.kill()
	eventually(t, "the port closed", func() bool { return !hasPTS(pid) })
	syscall.Kill(-s.Process.Pid, syscall.SIGINT)
	s.wait()
	eventually(t, "the end of pqiot-extcap", func() bool { return !alive(pid) })
	if n := len(fields(t, out, "frame.number")); n < 10 {
		t.Errorf("%d packets were kept", n)
	}
}

// hasPTS reports whether a process has any pseudo-terminal open.
func hasPTS(pid int) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "/dev/pts/") {
			return true
		}
	}
	return false
}

// TestBootTextAndNoise: what a boot ROM prints, with false starts of records
// in it, costs no frame.
func TestBootText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "out.pcapng")
	frames := someFrames(200, 21)
	writeRadiotapPcap(t, source, frames)
	b := startBoard(t, "--boot-text", "--speed", "max", "--wait", "--uart-rate", "0", source)
	if s := capture(t, b.port, out, "-c", "200"); s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	compareFrames(t, out, frames)
}

// TestDamagedReplay: a recorded stream with damage in it gives every frame
// that is intact and none that never was.
func TestDamagedReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, stream, out := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "stream.bin"), filepath.Join(dir, "out.pcapng")
	frames := someFrames(300, 31)
	writeRadiotapPcap(t, source, frames)
	recordStream(t, source, stream)
	raw, err := os.ReadFile(stream)
	if err != nil {
		t.Fatal(err)
	}
	broken := map[int]bool{}
	for i := 7; i < len(frames); i += 20 {
		at := bytes.Index(raw, frames[i].frame)
		if len(frames[i].frame) < 30 || at < 0 {
			continue // an acknowledgement stands in more than one place
		}
		raw[at+20] ^= 0x10
		broken[i] = true
	}
	if len(broken) < 5 {
		t.Fatalf("only %d frames were damaged", len(broken))
	}
	if err := os.WriteFile(stream, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, said, status := runExtcap(t, "--capture", "--extcap-interface", "pinecone", "--replay", stream, "--fifo", out); status != 0 {
		t.Fatalf("status %d: %s", status, said)
	}
	var intact []heard
	for i, h := range frames {
		if !broken[i] {
			intact = append(intact, h)
		}
	}
	compareFrames(t, out, intact)
	drops := fields(t, out, "frame.comment")
	if n := len(strings.Split(strings.Join(drops, ""), "lost")) - 1; n == 0 {
		t.Error("no packet's comment speaks of a loss")
	}
}

// recordStream has a board play a capture file and writes its serial stream.
func recordStream(t testing.TB, source, stream string) {
	t.Helper()
	b := startBoard(t, "--speed", "max", "--wait", "--uart-rate", "0", "--end", "exit", source)
	out := filepath.Join(t.TempDir(), "recorded.pcapng")
	cmd, stderr := startExtcap(t, "--capture", "--extcap-interface", "pinecone", "--port", b.port, "--fifo", out, "--record", stream)
	b.Wait() // it leaves once the host has read everything
	eventually(t, "the port closed", func() bool { return !hasPTS(cmd.Process.Pid) })
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
}

// TestCallsTooOddForWireshark: the exit status and the message of what a
// person may type.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "out.pcapng")
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--capture", "--extcap-interface", "pinecone"}, extcap.ExitUnable, "--fifo"},
		{[]string{"--capture", "--extcap-interface", "eth0", "--fifo", fifo}, extcap.ExitUnable, "no such interface"},
		{[]string{"--capture", "--extcap-interface", "pinecone", "--port", "/dev/absent", "--fifo", fifo}, extcap.ExitUnable, "/dev/absent: board not there"},
		{[]string{"--capture", "--extcap-interface", "pinecone", "--replay", "/dev/null", "--fifo", "/nonexistent/x"}, extcap.ExitNo, "--fifo"},
		{[]string{"--extcap-dlts", "--extcap-interface", "eth0"}, extcap.ExitUnable, "no such interface"},
		{[]string{"--extcap-interfaces", "--extcap-of-2031", "x"}, extcap.ExitDone, ""},
	} {
		_, stderr, status := runExtcap(t, c.args...)
		if status != c.status || !strings.Contains(stderr, c.want) || (c.want == "") != (stderr == "") {
			t.Errorf("%v: status %d, %s", c.args, status, stderr)
		}
	}
}

// TestDoctorTalksToABoard asks boards on their ports who they are.
func TestDoctorTalksToABoard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		board []string
		want  string
	}{
		{"sniffer", []string{"--idle", "--name", "on the desk"}, "ok    board's answer: PORT: on the desk 02:70:71:00:00:01, sniffer firmware "},
		{"sender", []string{"--idle", "--role", "3"}, "is a sender, not a sniffer"},
		{"silent", []string{"--idle", "--silent"}, "fail  board's answer: PORT: the board says nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startBoard(t, c.board...)
			out, _, _ := runExtcap(t, "doctor", "--port", b.port)
			if want := strings.ReplaceAll(c.want, "PORT", b.port); !strings.Contains(out, want) {
				t.Errorf("%q is missing in:\n%s", want, out)
			}
		})
	}
}
