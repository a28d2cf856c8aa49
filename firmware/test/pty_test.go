//go:build linux

package test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pqiot/wire"
)

// startPTY starts a board on a pseudo-terminal and returns its path.
func startPTY(t *testing.T, args ...string) (cmd *exec.Cmd, path, stats string) {
	t.Helper()
	stats = filepath.Join(t.TempDir(), "stats")
	cmd = exec.Command(program, append([]string{"--stats", stats}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no path on stdout: %v", err)
	}
	return cmd, strings.TrimSpace(line), stats
}

func end(t *testing.T, cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v", cmd.Args, err)
	}
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// open plugs a host in.
func open(t *testing.T, path string) (*board, *os.File) {
	t.Helper()
	f := openFile(t, path)
	return &board{t: t, in: f, records: readRecords(f)}, f
}

// Every frame gets through a pseudo-terminal too; the path is the only line on
// stdout, and the link leads to it while the board lives.
func TestPTYBitExact(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "ttyPINE")
	packets := traffic(3000, 10)
	cmd, path, stats := startPTY(t, "--link", link, "--speed", "max", "--uart-rate", "0", "--wait", savePackets(t, packets))
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Fatalf("link to %q (%v), not %q", to, err, path)
	}
	b, _ := open(t, link)
	if r := b.do(wire.TypeSnapLen, []byte{0, 0}); r.Status != wire.ReplyDone {
		t.Fatalf("%+v", r)
	}
	var y tally
	for range packets {
		y.add(t, b.next(wire.TypeFrame))
	}
	y.want(t, packets)
	end(t, cmd)
	if _, err := os.Lstat(link); !os.IsNotExist(err) {
		t.Errorf("the link is still there: %v", err)
	}
	out, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	if c := readCounts(t, out); c.Heard != 3000 || c.Dropped != 0 {
		t.Errorf("%+v", c)
	}
}

// At the end of the file nothing that is on its way to a slow host is lost.
func TestPTYEndExit(t *testing.T) {
	t.Parallel()
	packets := traffic(50, 10)
	cmd, path, _ := startPTY(t, "--speed", "max", "--uart-rate", "0", "--wait", "--end", "exit", savePackets(t, packets))
	f := openFile(t, path)
	b := &board{t: t, in: f}
	b.send(wire.TypeSayHello, nil)
	time.Sleep(300 * time.Millisecond) // the board may have written all by now
	b.records = readRecords(f)
	var y tally
	for r := range b.records {
		y.add(t, r)
	}
	y.want(t, packets)
	if y.last.Heard != 50 {
		t.Errorf("last status %+v", y.last)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// The board survives hosts that come and go.
func TestPTYReplug(t *testing.T) {
	t.Parallel()
	cmd, path, stats := startPTY(t, "--loop", savePackets(t, traffic(100, 20_000)))
	for i := range 5 {
		b, f := open(t, path)
		if r := b.do(wire.TypeChannel, []byte{6}); r.Status != wire.ReplyDone {
			t.Fatalf("round %d: %+v", i, r)
		}
		b.next(wire.TypeFrame)
		f.Close()
		time.Sleep(200 * time.Millisecond)
	}
	end(t, cmd)
	out, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	c := readCounts(t, out)
	if c.IntoVoid == 0 || c.Dropped != 0 || c.Garbage != 0 || c.Commands != 5 {
		t.Errorf("%+v", c)
	}
}

// What a host left unread is not there for the next one.
func TestPTYForgets(t *testing.T) {
	t.Parallel()
	_, path, _ := startPTY(t, "--idle")
	f := openFile(t, path)
	time.Sleep(1300 * time.Millisecond) // hello, log and a status are written
	f.Close()
	time.Sleep(300 * time.Millisecond)
	b, _ := open(t, path)
	b.send(wire.TypeStatusNow, nil)
	if r := <-b.records; r.Seq < 3 {
		t.Errorf("a record of before the re-plug: %+v", r)
	}
}

func TestPTYIdleIsQuiet(t *testing.T) {
	t.Parallel()
	for _, attached := range []bool{false, true} {
		cmd, path, _ := startPTY(t, "--idle")
		if attached {
			open(t, path)
		}
		time.Sleep(2 * time.Second)
		end(t, cmd)
		if used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); used > 500*time.Millisecond {
			t.Errorf("attached %v: %v of processor time in 2 s of silence", attached, used)
		}
	}
}

// A host that does not read makes the board drop and count, not hang; once it
// reads again, the counts fit.
func TestPTYStalledHost(t *testing.T) {
	t.Parallel()
	packets := traffic(4000, 100)
	_, path, _ := startPTY(t, "--wait", savePackets(t, packets))
	f := openFile(t, path)
	b := &board{t: t, in: f}
	b.send(wire.TypeSayHello, nil)
	time.Sleep(800 * time.Millisecond)
	b.records = readRecords(f)
	var y tally
	seq := -1
	for y.last.Heard < 4000 {
		select {
		case r, ok := <-b.records:
			if !ok {
				t.Fatal("the stream ended")
			}
			if seq >= 0 {
				y.gaps += uint64(r.Seq - uint16(seq))
			}
			seq = int(r.Seq + 1)
			y.add(t, r)
		case <-time.After(patience):
			t.Fatalf("no record any more; last status %+v", y.last)
		}
	}
	if y.gaps == 0 || uint64(len(y.frames))+y.gaps != 4000 {
		t.Errorf("%d frames, gaps %d", len(y.frames), y.gaps)
	}
}

// With --strict-baud a host at another rate reads garbage, and one at the
// right rate records.
func TestStrictBaud(t *testing.T) {
	t.Parallel()
	_, path, _ := startPTY(t, "--idle", "--strict-baud")
	stty := func(baud string) {
		if out, err := exec.Command("stty", "-F", path, baud).CombinedOutput(); err != nil {
			t.Fatalf("stty: %v %s", err, out)
		}
	}
	stty("115200")
	b, f := open(t, path)
	if _, err := f.Write(command(1, wire.TypeSayHello, nil)); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-b.records:
		t.Fatalf("a record at the wrong rate: %+v", r)
	case <-time.After(1500 * time.Millisecond): // a status was due
	}
	stty("2000000")
	if r := b.do(wire.TypeChannel, []byte{3}); r.Status != wire.ReplyDone {
		t.Errorf("%+v", r)
	}
}
