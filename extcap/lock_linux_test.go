package extcap

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// aTTY opens a pseudo-terminal and gives the path of its far side.
func aTTY(t *testing.T) string {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	return slave.Name()
}

// TestMain lets the test's own program be another process that holds a port.
func TestMain(m *testing.M) {
	if path := os.Getenv("EXTCAP_TEST_HOLD"); path != "" {
		hold(path)
		return
	}
	os.Exit(m.Run())
}

// hold locks a port, says so, and keeps it until stdin ends.
func hold(path string) {
	lock, err := LockPort(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lock.Close()
	fmt.Println("held")
	os.Stdin.Read(make([]byte, 1))
}

// otherProcess locks path in another process until the test ends, and gives
// its id.
func otherProcess(t *testing.T, path string) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "EXTCAP_TEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	said := make([]byte, 5)
	if _, err := out.Read(said); err != nil || string(said[:4]) != "held" {
		t.Fatalf("the other process said %q, %v", said, err)
	}
	return cmd.Process.Pid
}

func TestLockNamesTheHolder(t *testing.T) {
	path := aTTY(t)
	pid := otherProcess(t, path)
	_, err := LockPort(path)
	var busy BusyError
	if !errors.As(err, &busy) || !errors.Is(err, ErrBusy) || len(busy.Holders) != 1 || busy.Holders[0].PID != pid {
		t.Fatalf("%v, want process %d as the holder", err, pid)
	}
	if want := fmt.Sprintf("(process %d); end that program and start again", pid); !strings.HasSuffix(err.Error(), want) ||
		!strings.HasPrefix(err.Error(), path+" is busy: held by extcap.test") {
		t.Errorf("%v", err)
	}
}

func TestLockIsGivenBack(t *testing.T) {
	path := aTTY(t)
	for range 2 {
		lock, err := LockPort(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := LockPort(path); !errors.Is(err, ErrBusy) {
			t.Errorf("a second lock: %v", err)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockOfNothing(t *testing.T) {
	if _, err := LockPort(filepath.Join(t.TempDir(), "ttyUSB0")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestHolders: a process that opened a port without locking it is found too.
func TestHolders(t *testing.T) {
	path := aTTY(t)
	tty, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	if held := Holders(path); len(held) != 0 {
		t.Errorf("this process counts as another: %v", held)
	}
	cmd := exec.Command("sleep", "60")
	cmd.Stdin = tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	held := Holders(path)
	if len(held) != 1 || held[0].PID != cmd.Process.Pid {
		t.Errorf("%v, want %d", held, cmd.Process.Pid)
	}
	if held := Holders(filepath.Join(t.TempDir(), "absent")); held != nil {
		t.Errorf("of nothing: %v", held)
	}
}

func TestUUCPLockFile(t *testing.T) {
	dir := t.TempDir()
	lockFile := filepath.Join(dir, "LCK..ttyUSB0")
	if _, held := uucpHolder(dir, "/dev/ttyUSB0"); held {
		t.Error("held without a lock file")
	}
	parent := os.Getppid()
	for text, want := range map[string]bool{
		fmt.Sprintf("%10d\n", parent): true, fmt.Sprintf("%10d\n", os.Getpid()): false,
		"999999999\n": false, "-1": false, "minicom": false, "": false,
	} {
		writeFile(t, lockFile, text)
		p, held := uucpHolder(dir, "/dev/ttyUSB0")
		if held != want || held && p.PID != parent {
			t.Errorf("%q: %v, %v", text, p, held)
		}
	}
}

func TestBusyErrorWithoutNames(t *testing.T) {
	err := BusyError{Port: "COM3"}
	if !strings.Contains(err.Error(), "another program holds it") {
		t.Error(err)
	}
	if got := (Process{PID: 7}).String(); got != "process 7" {
		t.Error(got)
	}
}
