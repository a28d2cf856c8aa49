// Package sender_test runs the C core's sender, as a process with a UDP socket,
// against gateways in Go and C through a network that is bad or hostile, and
// the core's session on the RV32 emulator.
package sender_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"pqiot/firmware/test/internal/rig"
	"pqiot/peer/gateway"
	"pqiot/peer/session"
)

const (
	testKID = "k1"

	// speed is how many times as fast as ours the time of senders and gateways
	// runs, so that back-offs and time-outs are not waited for.
	speed = 10
)

var testPSK = bytes.Repeat([]byte{5}, 32)

// build makes a file of session.mk's build folder and returns its path.
func build(t *testing.T, name string) string {
	t.Helper()
	rig.NoteSources(t, "*.mk", "Makefile", "core/*.[ch]", "port/*.h", "port/mbedtls/*", "port/rv32/*",
		"test/unit/*", "test/sender/c/*", "test/gateway/c/*", "../wire/testdata/vectors/*")
	return rig.Make(t, "session.mk", "../build/session/"+name)
}

// Options of a sender's process.
type options struct {
	suite   session.Suite
	address string
	pin     string // hex; "-": trust on first use
	psk     bool
	timeout time.Duration // for one message, in the sender's time
}

// outcome is what a sender said, by kind of event.
type outcome map[string][]string

// send runs a sender until each line of messages has been acknowledged or has
// failed.
func send(t *testing.T, o options, messages []string) outcome {
	t.Helper()
	_, port, err := net.SplitHostPort(o.address)
	if err != nil {
		t.Fatal(err)
	}
	kid, psk := "-", "-"
	if o.psk {
		kid, psk = testKID, hex.EncodeToString(testPSK)
	}
	cmd := exec.CommandContext(t.Context(), build(t, "process"), fmt.Sprint(o.suite.Set()), port, o.pin, kid, psk,
		fmt.Sprint(speed), fmt.Sprint(int(o.timeout.Seconds())))
	cmd.Stdin = strings.NewReader(strings.Join(messages, "\n") + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("sender: %v\n%s%s", err, stdout, &stderr)
	}
	all := outcome{}
	for line := range strings.Lines(string(stdout)) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		all[kind] = append(all[kind], rest)
	}
	return all
}

func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("message %d", i)
	}
	return all
}

// goGateway is a gateway of package peer on a socket, in the same fast time.
type goGateway struct {
	address, pin string
	ek           []byte

	mu       sync.Mutex
	messages []string
	sessions int
}

func startGoGateway(t *testing.T, suite session.Suite) *goGateway {
	t.Helper()
	key, err := session.NewPrivateKey(suite, bytes.Repeat([]byte{1}, session.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	boot := time.Now()
	clock := func() time.Time { return boot.Add(speed * time.Since(boot)) }
	pin := key.Pin()
	g := &goGateway{address: conn.LocalAddr().String(), pin: hex.EncodeToString(pin[:]), ek: key.EncapsulationKey()}
	server, err := gateway.New(gateway.Config{Key: key, PSKs: map[string][]byte{testKID: testPSK}, Event: g.event}, clock())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(t.Context(), conn, clock) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil { // t.Context has ended before this
			t.Error(err)
		}
		conn.Close()
	})
	return g
}

func (g *goGateway) event(e gateway.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch e.Kind {
	case gateway.Message:
		g.messages = append(g.messages, string(e.Data))
	case gateway.SessionOpened:
		g.sessions++
	}
}

// accepted returns the messages that were accepted up to now.
func (g *goGateway) accepted() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.messages...)
}
