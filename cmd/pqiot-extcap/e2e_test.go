//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The tests of this package run the programs that are shipped: pqiot-extcap,
// the simulated board, and the tshark of this computer.

// deadline bounds every wait; nothing takes near as long unless it hangs.
const deadline = 3 * time.Minute

// programs are the folders that TestMain fills.
type programs struct {
	bin    string // pqiot-extcap and pqiot-board-sniffer
	config string // Wireshark's settings; its extcap folder holds the program
	home   string
}

var built programs // by TestMain, and only read after it

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pqiot-extcap-test-")
	if err == nil {
		built, err = build(dir)
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

func build(dir string) (programs, error) {
	p := programs{filepath.Join(dir, "bin"), filepath.Join(dir, "config"), filepath.Join(dir, "home")}
	if err := errors.Join(os.MkdirAll(filepath.Join(p.config, "extcap"), 0o755), os.MkdirAll(p.home, 0o755)); err != nil {
		return p, err
	}
	extcap := exec.Command("go", "build", "-ldflags", "-X main.version=e2e", "-o", p.bin+"/", ".")
	extcap.Env = append(os.Environ(), "CGO_ENABLED=0")
	board := exec.Command("make", "-s", "-C", "../../firmware", "host", "BIN="+p.bin, "BUILD="+filepath.Join(dir, "build"))
	board.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // another make may have started the tests
	for _, cmd := range []*exec.Cmd{extcap, board} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
		}
	}
	return p, os.Symlink(filepath.Join(p.bin, "pqiot-extcap"), filepath.Join(p.config, "extcap/pqiot-extcap"))
}

// TestScripts are the commands for people, as sessions in a terminal.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", built.bin+":"+os.Getenv("PATH"))
			env.Setenv("BIN", built.bin)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", "")
			return nil
		},
	})
}

// tshark is a running tshark.
type tshark struct {
	*exec.Cmd
	t      testing.TB
	stdout *lines
	stderr *lines
	ended  chan struct{}
}

// startTshark starts tshark in a process group of its own, as a shell does.
func startTshark(t testing.TB, args ...string) *tshark {
	t.Helper()
	s := &tshark{Cmd: exec.Command("tshark", args...), t: t, stdout: newLines(), stderr: newLines(), ended: make(chan struct{})}
	s.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+built.config, "HOME="+built.home, "LC_ALL=C.UTF-8")
	s.Stdout, s.Stderr = s.stdout, s.stderr
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.WaitDelay = 5 * time.Second
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.Wait() // its state tells
		close(s.ended)
	}()
	t.Cleanup(func() {
		syscall.Kill(-s.Process.Pid, syscall.SIGKILL)
		<-s.ended
	})
	return s
}

// wait waits for tshark's end and gives its exit status.
func (s *tshark) wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.ProcessState.ExitCode()
	case <-time.After(deadline):
		s.t.Fatalf("tshark does not end; it said:\n%s", s.stderr)
		return -1
	}
}

// capture starts a capture from a port into a file, with more arguments.
func capture(t testing.TB, port, out string, args ...string) *tshark {
	t.Helper()
	return startTshark(t, append([]string{"-i", "pinecone", "-o", "extcap.pinecone.port:" + port, "-w", out}, args...)...)
}

// lines collects what a program writes, and lets a test wait for it.
type lines struct {
	mu    sync.Mutex
	buf   []byte
	grown chan struct{} // a token
}

func newLines() *lines { return &lines{grown: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.buf = append(l.buf, p...)
	l.mu.Unlock()
	select {
	case l.grown <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}

// await waits until the text satisfies ok.
func (l *lines) await(t testing.TB, what string, ok func(string) bool) string {
	t.Helper()
	end := time.After(deadline)
	for {
		if s := l.String(); ok(s) {
			return s
		}
		select {
		case <-l.grown:
		case <-end:
			t.Fatalf("no %s in:\n%s", what, l)
		}
	}
}

// eventually waits until ok says yes.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// boardProcess is a running simulated board on a pseudo-terminal.
type boardProcess struct {
	*exec.Cmd
	port string // symbolic link to the pseudo-terminal
}

// startBoard starts the simulated board on a port of its own, and waits until
// that is there.
func startBoard(t testing.TB, args ...string) *boardProcess {
	t.Helper()
	return startBoardOn(t, filepath.Join(t.TempDir(), "port"), args...)
}

func startBoardOn(t testing.TB, port string, args ...string) *boardProcess {
	t.Helper()
	b := &boardProcess{exec.Command(filepath.Join(built.bin, "pqiot-board-sniffer"), append([]string{"--link", port}, args...)...), port}
	out := newLines()
	b.Stdout, b.Stderr = out, out
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kill)
	out.await(t, "port of the board", func(s string) bool { return strings.HasPrefix(s, "/dev/pts/") && strings.HasSuffix(s, "\n") })
	return b
}

// kill ends the board, as if it were unplugged.
func (b *boardProcess) kill() {
	if b.ProcessState == nil {
		b.Process.Kill()
		b.Wait()
	}
}

// capturing lists the captures of pqiot-extcap that were given a word, such
// as the path of a port.
func capturing(word string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		args, err := os.ReadFile(file)
		if err == nil && bytes.Contains(args, []byte("\x00--capture\x00")) && bytes.Contains(args, []byte(word+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// extcapOf waits for the capturing pqiot-extcap that a process started.
func extcapOf(t testing.TB, parent int) (pid int) {
	t.Helper()
	eventually(t, "a capture of pqiot-extcap's", func() bool {
		pid = childWith(parent, "--capture")
		return pid != 0
	})
	return pid
}

// childWith finds a child process by what its command line holds.
func childWith(parent int, word string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, after, ok := strings.Cut(string(stat), ") ") // the name before it may hold anything
		fields := strings.Fields(after)
		if !ok || len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		args, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if strings.Contains(string(args), word) {
			return pid
		}
	}
	return 0
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

// hasOpen reports whether a process has a port open.
func hasOpen(pid int, port string) bool {
	real, err := filepath.EvalSymlinks(port)
	if err != nil {
		return false
	}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); to == real {
			return true
		}
	}
	return false
}

// runExtcap runs pqiot-extcap without Wireshark, to its end.
func runExtcap(t testing.TB, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(built.bin, "pqiot-extcap"), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("pqiot-extcap %v does not end; it said %s", args, err.String())
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// startExtcap starts pqiot-extcap without Wireshark.
func startExtcap(t testing.TB, args ...string) (*exec.Cmd, *lines) {
	t.Helper()
	cmd, stderr := exec.Command(filepath.Join(built.bin, "pqiot-extcap"), args...), newLines()
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd, stderr
}
