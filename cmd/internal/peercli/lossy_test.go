package peercli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pqiot/peer/badnet"
)

// TestLossyNetwork: 10,000 messages of 40 senders through 5 % loss, 5 %
// duplication and reordering, each way. Each is accepted exactly once.
func TestLossyNetwork(t *testing.T) {
	const senders, each = 40, 250
	dir := t.TempDir()
	g := startGateway(t, dir, "127.0.0.1:0")
	p := badnet.Start(t, g.address, badnet.Config{
		Loss: 0.05, Doubling: 0.95 * 0.05, // of those that are not lost
		Delaying: 0.1, LongestDelay: 20 * time.Millisecond,
		Rand: rand.New(rand.NewPCG(1, 2))})
	began := time.Now()
	results := make([]result, senders)
	var wait sync.WaitGroup
	for i := range senders {
		var in bytes.Buffer
		for j := range each {
			fmt.Fprintf(&in, "%d/%d\n", i, j)
		}
		wait.Go(func() {
			results[i] = sender(t, dir, in.String(), "--gateway", p.Address(), "--pin", g.pin,
				"--ack-timeout", "100ms", "--max-retransmit", "14")
		})
		time.Sleep(120 * time.Millisecond) // under 10 handshakes a second: nobody is refused
	}
	wait.Wait()
	took := time.Since(began)
	for i, r := range results {
		if r.status != 0 {
			t.Errorf("sender %d: status %d\n%s", i, r.status, r.stderr)
		}
	}
	g.stop(t)
	seen := map[string]int{}
	for _, e := range g.messages() {
		seen[e.Text]++
	}
	for i := range senders {
		for j := range each {
			if n := seen[fmt.Sprintf("%d/%d", i, j)]; n != 1 {
				t.Errorf("message %d of sender %d was accepted %d times", j, i, n)
			}
		}
	}
	if len(seen) != senders*each {
		t.Errorf("%d messages, %d expected", len(seen), senders*each)
	}
	c := p.Counts()
	t.Logf("%d messages in %v: %v", len(seen), took.Round(time.Millisecond), c)
	if c.Lost == 0 || c.Doubled == 0 || c.Delayed == 0 {
		t.Error("the network was too good for this test")
	}
}
