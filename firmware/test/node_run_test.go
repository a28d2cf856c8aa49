//go:build linux

package test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// programs under test; the environment names other builds.
var (
	gatewayProgram = cmp.Or(os.Getenv("PQIOT_BOARD_GATEWAY"), "../../bin/pqiot-board-gateway")
	senderProgram  = cmp.Or(os.Getenv("PQIOT_BOARD_SENDER"), "../../bin/pqiot-board-sender")
)

// loopback is an address of this computer that no other test uses.
func loopback(t *testing.T, host int) string {
	h := fnv.New32a()
	fmt.Fprint(h, t.Name(), os.Getpid())
	n := h.Sum32()
	return fmt.Sprintf("127.%d.%d.%d", 1+n%250, n>>8%250, host)
}

// node is a gateway or sender that runs, and somebody at its console.
type node struct {
	t       *testing.T
	cmd     *exec.Cmd
	console *os.File
	errs    bytes.Buffer
	dir     string // flash and screen
	mu      sync.Mutex
	printed string
	seen    int // of printed, by expect
}

// startNode starts a board on a pseudo-terminal; dir keeps its flash.
func startNode(t *testing.T, program, dir string, args ...string) *node {
	t.Helper()
	n := &node{t: t, dir: dir}
	args = append([]string{"--flash", filepath.Join(dir, "flash"),
		"--screen", filepath.Join(dir, "screen"), "--pbm", filepath.Join(dir, "screen.pbm")}, args...)
	n.cmd = exec.Command(program, args...)
	n.cmd.Stderr = &n.errs
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	path, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		n.cmd.Wait()
		t.Fatalf("%v: no pseudo-terminal: %v\n%s", n.cmd.Args, err, n.errs.Bytes())
	}
	n.console = openFile(t, strings.TrimSpace(path))
	go n.listen()
	t.Cleanup(n.stop)
	n.until("show", "screen ok")
	return n
}

func (n *node) listen() {
	buf := make([]byte, 4096)
	for {
		got, err := n.console.Read(buf)
		n.mu.Lock()
		n.printed += string(buf[:got])
		n.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (n *node) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.printed
}

func (n *node) stop() {
	if n.cmd.ProcessState != nil {
		return
	}
	n.cmd.Process.Signal(syscall.SIGTERM)
	if err := n.cmd.Wait(); err != nil {
		n.t.Errorf("%v: %v\n%s", n.cmd.Args, err, n.errs.Bytes())
	}
	if n.t.Failed() {
		n.t.Logf("console of %s:\n%s", filepath.Base(n.cmd.Path), n.all())
	}
}

// cut cuts the power.
func (n *node) cut() {
	n.t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	n.cmd.Wait()
}

func (n *node) enter(line string) {
	n.t.Helper()
	if _, err := n.console.WriteString(line + "\r"); err != nil {
		n.t.Fatal(err)
	}
}

// expect waits until a line that matches is printed, behind what was seen before,
// and returns the match and its groups.
func (n *node) expect(pattern string) []string {
	n.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text := n.all()[n.seen:]
		if at := re.FindStringSubmatchIndex(text); at != nil {
			m := re.FindStringSubmatch(text)
			n.seen += at[1]
			return m
		}
	}
	n.t.Fatalf("%s never printed %q but\n%s", filepath.Base(n.cmd.Path), pattern, n.all()[n.seen:])
	return nil
}

// until enters a line again and again until the answer comes: a board that boots
// does not hear what is typed into the dark.
func (n *node) until(line, answer string) {
	n.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		n.enter(line)
		for i := 0; i < 100; i++ {
			text := n.all()[n.seen:]
			if at := strings.Index(text, answer); at >= 0 {
				n.seen += at + len(answer)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	n.t.Fatalf("%q was never answered by %q", line, answer)
}

// do enters a command that changes settings.
func (n *node) do(line string) {
	n.t.Helper()
	n.enter(line)
	if m := n.expect(`^(kept|error: .*)\r$`); m[1] != "kept" {
		n.t.Fatalf("%s: %s", line, m[1])
	}
}

// pin asks a gateway for its pin.
func (n *node) pin() string {
	n.t.Helper()
	n.enter("show")
	m := n.expect(`^pin ([0-9a-f]{64}|none.*|not set|first-use)\r$`)
	n.expect(`^screen ok\r$`)
	return m[1]
}

// screen waits until the screen shows a line.
func (n *node) screen(want string) {
	n.t.Helper()
	var text []byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		text, _ = os.ReadFile(filepath.Join(n.dir, "screen"))
		if strings.Contains("\n"+string(text), "\n"+want+"\n") {
			return
		}
	}
	n.t.Fatalf("the screen never showed %q but %q", want, text)
}

// pair is a gateway and a sender that knows where it is.
func pair(t *testing.T, args ...string) (gateway, sender *node) {
	t.Helper()
	gateway = startNode(t, gatewayProgram, t.TempDir(), append(args, "--listen", loopback(t, 1))...)
	sender = startNode(t, senderProgram, t.TempDir(), append(args, "--listen", loopback(t, 2))...)
	sender.do("gateway " + loopback(t, 1))
	return gateway, sender
}
