package sender_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"pqiot/peer/badnet"
	"pqiot/peer/session"
)

// A conversation: so many messages in one session.
type conversation struct {
	suite    session.Suite
	psk      bool
	messages int
}

func conversations() []conversation {
	return []conversation{
		{session.MLKEM512, true, 1000}, {session.MLKEM512, false, 200},
		{session.MLKEM768, true, 200}, {session.MLKEM1024, true, 200}, {session.MLKEM1024, false, 50},
	}
}

func (c conversation) name() string { return fmt.Sprintf("%v, PSK %v, %d", c.suite, c.psk, c.messages) }

// run sends through a lossy network and holds what arrived against what was
// sent: each message once, in order, and each acknowledged.
func (c conversation) run(t *testing.T, address, pin string, accepted func() []string) {
	p := badnet.Start(t, address, lossy())
	began := time.Now()
	sent := numbered(c.messages)
	out := send(t, options{suite: c.suite, address: p.Address(), pin: pin, psk: c.psk, timeout: 1000 * time.Second}, sent)
	t.Logf("%d messages in %v", len(out["message"]), time.Since(began).Round(time.Millisecond))
	if len(out["session"]) != 1 || len(out["failed"]) != 0 || len(out["message"]) != c.messages {
		t.Errorf("%d sessions, %d acknowledged, failed: %q, refused: %q", len(out["session"]), len(out["message"]), out["failed"], out["refused"])
	}
	for i, m := range out["message"] {
		if want := fmt.Sprintf("%d ok", i); m != want {
			t.Fatalf("acknowledgement %q, expected %q", m, want)
		}
	}
	for end := time.Now().Add(20 * time.Second); len(accepted()) < c.messages && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // a gateway says so by a pipe, and may be behind
	}
	if got := strings.Join(accepted(), "\n"); got != strings.Join(sent, "\n") {
		t.Errorf("the gateway accepted %d messages:\n%s", len(accepted()), got)
	}
	counts := p.Counts()
	t.Log(counts)
	if counts.Lost == 0 || counts.Doubled == 0 || counts.Delayed == 0 {
		t.Error("the network was too good for this test")
	}
}

// lossy is a bad network. An exchange, both ways together, suffers four losses
// at most: after five the sender gives up, and rightly.
func lossy() badnet.Config {
	losses := map[[2]byte]int{} // by the message id
	return badnet.Config{
		Loss: 0.03, Doubling: 0.05, Delaying: 0.1, LongestDelay: 15 * time.Millisecond,
		Rand: rand.New(rand.NewPCG(1, 2)),
		MayLose: func(datagram []byte) bool {
			id := [2]byte(datagram[2:4])
			losses[id]++
			return losses[id] <= 4
		},
	}
}

// TestGoGateway: C sender, Go gateway.
func TestGoGateway(t *testing.T) {
	t.Parallel()
	build(t, "process")
	for _, c := range conversations() {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			g := startGoGateway(t, c.suite)
			c.run(t, g.address, g.pin, g.accepted)
		})
	}
}

// TestCGateway: C sender, C gateway.
func TestCGateway(t *testing.T) {
	t.Parallel()
	build(t, "process")
	exe := build(t, "gateway")
	for _, c := range conversations() {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			g := startCGateway(t, exe, c.suite)
			c.run(t, g.address, g.pin, g.accepted)
		})
	}
}

// cGateway is test/gateway/c/gateway.c at work.
type cGateway struct {
	address, pin string

	mu       sync.Mutex
	messages []string
}

func startCGateway(t *testing.T, exe string, suite session.Suite) *cGateway {
	t.Helper()
	cmd := exec.Command(exe, fmt.Sprint(suite.Set()), strings.Repeat("01", session.SeedSize), testKID, hex.EncodeToString(testPSK), "offered")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := &cGateway{}
	lines := bufio.NewScanner(stdout)
	for g.pin == "" && lines.Scan() {
		what, value, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "port":
			g.address = "127.0.0.1:" + value
		case "pin":
			g.pin = value
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			g.line(lines.Text())
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("gateway: %v", err)
		}
	})
	return g
}

func (g *cGateway) line(line string) {
	if data, ok := strings.CutPrefix(line, "message "); ok {
		text, _ := hex.DecodeString(data)
		g.mu.Lock()
		g.messages = append(g.messages, string(text))
		g.mu.Unlock()
	}
}

// accepted returns the messages that were accepted up to now.
func (g *cGateway) accepted() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.messages...)
}
