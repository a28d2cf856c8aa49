//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pqiot/firmware/lab/sample"
)

func sampleOn(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.pcapng")
	if err := os.WriteFile(path, sample.Capture, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTsharkListsTheInterfaces(t *testing.T) {
	t.Parallel()
	s := startTshark(t, "-D")
	if s.wait() != 0 || !strings.Contains(s.stdout.String(), ". pinecone (PineCone 802.11 sniffer (serial port))\n") ||
		!strings.Contains(s.stdout.String(), ". pinecone-sim (PineCone 802.11 sniffer, simulated)\n") {
		t.Errorf("tshark -D:\n%s%s", s.stdout, s.stderr)
	}
	s = startTshark(t, "-L", "-i", "pinecone")
	if s.wait() != 0 || !strings.HasSuffix(s.stdout.String(), ":\n  IEEE802_11_RADIO (802.11 plus radiotap header)\n") &&
		!strings.HasSuffix(s.stdout.String(), "\n  IEEE802_11_RADIO (802.11 plus radiotap header)\n") {
		t.Errorf("tshark -L:\n%s%s", s.stdout, s.stderr)
	}
}

// TestEveryFrameArrives is the main promise: on a clean line every frame of a
// large capture reaches tshark's file, bit for bit, in order, with the radio's
// values.
func TestEveryFrameArrives(t *testing.T) {
	t.Parallel()
	frames := someFrames(10_000, 7)
	dir := t.TempDir()
	source, out := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "out.pcapng")
	writeRadiotapPcap(t, source, frames)
	b := startBoard(t, "--speed", "max", "--wait", "--uart-rate", "0", source)
	if s := capture(t, b.port, out, "-c", "10000"); s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	compareFrames(t, out, frames)
}

// TestSettingsReachTheBoard: what is set on the interface holds
// from the first packet on.
func TestSettingsReachTheBoard(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	b := startBoard(t, "--loop", "--speed", "20", sampleOn(t))
	s := capture(t, b.port, out, "-c", "50", "-o", "extcap.pinecone.nobeacons:true", "-o", "extcap.pinecone.snaplen:60",
		"-f", "type mgt or type data")
	if s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	for i, line := range fields(t, out, "wlan.fc.type", "wlan.fc.type_subtype", "frame.cap_len", "radiotap.length") {
		f := strings.Split(line, "\t")
		if f[0] == "1" || f[1] == "0x0008" {
			t.Fatalf("packet %d should have been filtered: %s", i, line)
		}
		if n, head := atoi(f[2]), atoi(f[3]); n > head+60 {
			t.Fatalf("packet %d has %d bytes after its head of %d", i, n-head, head)
		}
	}
}

func atoi(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

// TestStop ends a live capture in each of the ways that there are.
func TestStop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		stop func(s *tshark)
	}{
		{"-c", []string{"-c", "20"}, func(*tshark) {}},
		{"-a duration", []string{"-a", "duration:2"}, func(*tshark) {}},
		{"^C in the terminal", nil, func(s *tshark) { syscall.Kill(-s.Process.Pid, syscall.SIGINT) }},
		{"SIGINT to tshark alone", nil, func(s *tshark) { s.Process.Signal(syscall.SIGINT) }},
		{"SIGTERM to tshark alone", nil, func(s *tshark) { s.Process.Signal(syscall.SIGTERM) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "out.pcapng")
			b := startBoard(t, "--loop", "--speed", "4", sampleOn(t))
			s := startTshark(t, append([]string{"-i", "pinecone", "-o", "extcap.pinecone.port:" + b.port,
				"-w", out, "-P", "-l", "-T", "fields", "-e", "frame.number"}, c.args...)...)
			s.stdout.await(t, "packet", func(s string) bool { return strings.Contains(s, "10\n") })
			c.stop(s)
			if status := s.wait(); status != 0 {
				t.Errorf("tshark's status %d:\n%s", status, s.stderr)
			}
			eventually(t, "the end of pqiot-extcap", func() bool { return len(capturing(b.port)) == 0 })
			if said := s.stderr.String(); strings.Contains(said, "pqiot-extcap") {
				t.Errorf("it wrote to stderr:\n%s", said)
			}
			if n := len(fields(t, out, "frame.number")); n < 10 {
				t.Errorf("%d packets in the file", n)
			}
		})
	}
}

// TestSimulatedBoard: the interface that needs no hardware.
func TestSimulatedBoard(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.pcapng")
	s := startTshark(t, "-i", "pinecone-sim", "-w", out, "-P", "-l", "-T", "fields", "-e", "frame.number")
	pid := extcapOf(t, s.Process.Pid)
	var board int
	eventually(t, "a simulated board", func() bool {
		board = childWith(pid, "pqiot-board-sniffer")
		return board != 0
	})
	s.stdout.await(t, "packet", func(s string) bool { return strings.Contains(s, "10\n") })
	s.Process.Signal(syscall.SIGINT)
	if s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	if n := len(fields(t, out, "frame.number")); n < 10 {
		t.Errorf("%d packets", n)
	}
	eventually(t, "the end of the simulated board", func() bool { return !alive(board) })
}

// TestRecordAndReplay: a recorded stream gives the same packets again.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, stream := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "stream.bin")
	live, again := filepath.Join(dir, "live.pcapng"), filepath.Join(dir, "again.pcapng")
	frames := someFrames(500, 3)
	writeRadiotapPcap(t, source, frames)
	b := startBoard(t, "--speed", "max", "--wait", "--uart-rate", "0", source)
	if s := capture(t, b.port, live, "-c", "500", "-o", "extcap.pinecone.record:"+stream); s.wait() != 0 {
		t.Fatalf("tshark failed:\n%s", s.stderr)
	}
	compareFrames(t, live, frames)
	s := startTshark(t, "-i", "pinecone", "-o", "extcap.pinecone.replay:"+stream, "-w", again, "-c", "500")
	if s.wait() != 0 {
		t.Fatalf("the replay failed:\n%s", s.stderr)
	}
	compareFrames(t, again, frames)
}

// TestPlainFile captures without Wireshark, into a file, until SIGTERM.
func TestPlainFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, out, stream := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "out.pcapng"), filepath.Join(dir, "stream.bin")
	frames := someFrames(300, 5)
	writeRadiotapPcap(t, source, frames)
	b := startBoard(t, "--speed", "max", "--wait", "--uart-rate", "0", source)
	cmd, stderr := startExtcap(t, "--capture", "--extcap-interface", "pinecone", "--port", b.port, "--fifo", out, "--record", stream)
	eventually(t, "300 packets in the file", func() bool {
		file, err := os.ReadFile(out)
		return err == nil && bytes.Contains(file, frames[len(frames)-1].frame)
	})
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || stderr.String() != "" {
		t.Errorf("%v, stderr %q", err, stderr)
	}
	compareFrames(t, out, frames)
	replayed := filepath.Join(dir, "replayed.pcapng")
	if _, said, status := runExtcap(t, "--capture", "--extcap-interface", "pinecone", "--replay", stream, "--fifo", replayed); status != 0 || said != "" {
		t.Fatalf("the replay: status %d, %s", status, said)
	}
	compareFrames(t, replayed, frames)
}

// TestOrphan: Wireshark is killed while no frame is on the air, so that
// nothing but the parent's end can be noticed.
func TestOrphan(t *testing.T) {
	t.Parallel()
	b := startBoard(t, "--idle")
	s := capture(t, b.port, filepath.Join(t.TempDir(), "out.pcapng"))
	pid := extcapOf(t, s.Process.Pid)
	eventually(t, "the port open", func() bool { return hasOpen(pid, b.port) })
	s.Process.Kill()
	start := time.Now()
	eventually(t, "the orphan's end", func() bool { return !alive(pid) })
	t.Logf("ended %v after its parent", time.Since(start).Round(time.Millisecond))
}
