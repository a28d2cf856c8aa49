package lab

import (
	"context"
	"strings"
	"testing"

	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/fake"
)

// notes is a sink that keeps what it gets.
type notes struct {
	frames int
	last   uint64
	lines  []string
	labels map[air.Label]int
	failAt int // frames
}

func (n *notes) Frame(h air.Heard, t air.Truth) error {
	n.frames++
	if h.Time < n.last || t.Frame != uint64(n.frames+len(n.lines)) || t.Original >= t.Frame {
		panic("out of order")
	}
	n.last = h.Time
	n.labels[t.Label]++
	if n.frames == n.failAt {
		return context.DeadlineExceeded
	}
	return nil
}

func (n *notes) Line(b string, _ uint64, text string) error {
	n.lines = append(n.lines, b+": "+text)
	return nil
}

func (n *notes) Raw(string, []byte) error { return nil }

func play(t *testing.T, name string, network air.Network, seconds int) (*notes, Result) {
	t.Helper()
	s, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	n := &notes{labels: map[air.Label]int{}}
	r, err := Run(context.Background(), Config{Scenario: s, Seed: 1, Seconds: seconds, Network: network, Sink: n,
		Gateway: fake.Gateway(1), Sender: fake.Sender(1)})
	if err != nil {
		t.Fatal(err)
	}
	return n, r
}

// Every scenario runs with open air and WPA2, and its truth holds what its
// name promises.
func TestScenarios(t *testing.T) {
	for _, s := range Scenarios() {
		for _, passphrase := range []string{"", "a passphrase"} {
			if s.NeedsWPA && passphrase == "" {
				continue
			}
			n, r := play(t, s.Name, air.Network{SSID: "lab", Passphrase: passphrase}, 0)
			hostile := n.labels[air.Replayed] + n.labels[air.Hostile]
			if s.Attack != (hostile > 0) {
				t.Errorf("%s %q: %v", s.Name, passphrase, n.labels)
			}
			if r.Sent < 5 || s.Name == "quiet" && r.Accepted != r.Sent {
				t.Errorf("%s %q: %+v\n%s", s.Name, passphrase, r, strings.Join(n.lines, "\n"))
			}
		}
	}
}
