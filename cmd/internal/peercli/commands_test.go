package peercli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin is the folder with both commands, built for the tests.
var bin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pqiot-peers-")
	if err == nil {
		bin = dir
		build := exec.Command("go", "build", "-o", dir, "pqiot/cmd/pqiot-gateway", "pqiot/cmd/pqiot-sender")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the commands:", err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// output gathers what a process writes, and can be read while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// event is one JSON line of either command.
type event struct {
	Event, SID, From, Text, Address, Pin, Reason, Reply string
	Seq                                                 uint64
	Count                                               int
	OSCORE                                              bool
}

// gatewayProcess is a running pqiot-gateway --json.
type gatewayProcess struct {
	cmd     *exec.Cmd
	address string
	pin     string
	stderr  *output
	done    chan struct{} // closed when all output is read

	mu     sync.Mutex
	events []event
	stdout strings.Builder
}

// startGateway starts a gateway in dir and waits until it listens. It is
// stopped with the test, and must then end well.
func startGateway(t testing.TB, dir, listen string, args ...string) *gatewayProcess {
	t.Helper()
	g := &gatewayProcess{stderr: &output{}, done: make(chan struct{})}
	g.cmd = exec.Command(filepath.Join(bin, "pqiot-gateway"), append([]string{"--json", "--listen", listen, "--key", "gateway.key"}, args...)...)
	g.cmd.Dir, g.cmd.Stderr = dir, g.stderr
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan event, 1)
	go g.read(out, listening)
	t.Cleanup(func() { g.stop(t) })
	select {
	case e := <-listening:
		g.address, g.pin = e.Address, e.Pin
	case <-g.done:
		t.Fatalf("the gateway ended: %s", g.stderr)
	case <-time.After(30 * time.Second):
		t.Fatal("the gateway does not listen")
	}
	return g
}

func (g *gatewayProcess) read(out io.Reader, listening chan<- event) {
	defer close(g.done)
	scan := bufio.NewScanner(out)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var e event
		jsonErr := json.Unmarshal(scan.Bytes(), &e)
		g.mu.Lock()
		g.stdout.WriteString(scan.Text() + "\n")
		if jsonErr == nil {
			g.events = append(g.events, e)
		}
		g.mu.Unlock()
		if e.Event == "listening" {
			listening <- e
		}
	}
}

func (g *gatewayProcess) stop(t testing.TB) {
	if g.cmd.ProcessState != nil {
		return
	}
	g.cmd.Process.Signal(syscall.SIGTERM)
	<-g.done
	if err := g.cmd.Wait(); err != nil {
		t.Errorf("the gateway: %v\n%s", err, g.stderr)
	}
}

// kill ends the gateway as a power cut would.
func (g *gatewayProcess) kill() {
	g.cmd.Process.Kill()
	<-g.done
	g.cmd.Wait()
}

// messages returns the events of accepted messages so far.
func (g *gatewayProcess) messages() (out []event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.events {
		if e.Event == "message" {
			out = append(out, e)
		}
	}
	return out
}

// result is what a command came to.
type result struct {
	stdout, stderr string
	status         int
}

// sender runs pqiot-sender to its end.
func sender(t testing.TB, dir, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "pqiot-sender"), args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}
