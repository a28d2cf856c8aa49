// Package gateway_test runs the C core's gateway, as a process with a UDP
// socket, against what any gateway must survive, and against Go senders.
package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pqiot/firmware/test/internal/rig"
	"pqiot/peer/session"
)

const testKID = "k1"

var testPSK = bytes.Repeat([]byte{5}, 32)

// process is c/gateway.c at work.
type process struct {
	address string
	pin     [32]byte
	stdin   io.Writer
	done    chan struct{} // an answer to each command

	mu       sync.Mutex
	messages []string // accepted
}

// start runs the gateway, a program that build has made, until the end of the
// test.
func start(t *testing.T, exe string, suite session.Suite, requirePSK bool) *process {
	t.Helper()
	policy := "offered"
	if requirePSK {
		policy = "required"
	}
	seed := hex.EncodeToString(bytes.Repeat([]byte{1}, 64))
	cmd := exec.Command(exe, fmt.Sprint(suite.Set()), seed, testKID, hex.EncodeToString(testPSK), policy)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{stdin: stdin, done: make(chan struct{}, 1)}
	lines := bufio.NewScanner(stdout)
	p.begin(t, lines)
	ended := make(chan struct{})
	go func() {
		p.follow(lines)
		close(ended)
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("gateway: %v\n%s", err, &stderr)
		}
	})
	return p
}

// begin reads what the gateway says first.
func (p *process) begin(t *testing.T, lines *bufio.Scanner) {
	t.Helper()
	for _, want := range []string{"port ", "pin "} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("%q instead of a line with the %s", lines.Text(), want)
		}
		value := strings.TrimPrefix(lines.Text(), want)
		if want == "port " {
			p.address = "127.0.0.1:" + value
		} else if n, err := hex.Decode(p.pin[:], []byte(value)); n != 32 || err != nil {
			t.Fatalf("pin %q: %v", value, err)
		}
	}
}

// follow reads until the gateway ends.
func (p *process) follow(lines *bufio.Scanner) {
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "message "); ok {
			text, _ := hex.DecodeString(data)
			p.mu.Lock()
			p.messages = append(p.messages, string(text))
			p.mu.Unlock()
		} else if lines.Text() == "done" {
			p.done <- struct{}{}
		}
	}
	close(p.done)
}

// accepted returns the messages that were accepted up to now.
func (p *process) accepted() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.messages...)
}

// command has the gateway do something and waits until it has.
func (p *process) command(t testing.TB, line string) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case _, ok := <-p.done:
		if !ok {
			t.Fatalf("the gateway ended at %q", line)
		}
	case <-time.After(time.Minute):
		t.Fatalf("no answer to %q", line)
	}
}

func (p *process) advance(t testing.TB, d time.Duration) {
	p.command(t, "advance "+strconv.FormatInt(d.Milliseconds(), 10))
}

// build makes the gateway, with sanitizers, and returns its path.
func build(t *testing.T) string {
	t.Helper()
	return rig.Make(t, "Makefile", "../build/firmware/test-board-gateway")
}
