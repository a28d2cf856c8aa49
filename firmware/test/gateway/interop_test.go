package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"pqiot/peer/badnet"
	"pqiot/peer/sender"
	"pqiot/peer/session"
)

// TestGoSender: over a bad network every message of a Go sender is accepted
// exactly once and in order, past a reboot of the gateway.
func TestGoSender(t *testing.T) {
	const longestDelay = 6 * time.Millisecond
	messages := 1000
	if testing.Short() {
		messages = 100
	}
	exe := build(t)
	for _, c := range []struct {
		suite session.Suite
		psk   bool
	}{{session.MLKEM512, true}, {session.MLKEM768, false}, {session.MLKEM1024, true}} {
		t.Run(c.suite.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, exe, c.suite, c.psk)
			between := badnet.Start(t, p.address, badnet.Config{Loss: 0.1, Doubling: 0.1, Delaying: 1, LongestDelay: longestDelay})
			s, sessions := dial(t, p, between.Address(), c.suite, c.psk)
			for i := range messages {
				if i == messages/2 {
					p.command(t, "restart")
				}
				answer, err := s.Send(fmt.Appendf(nil, "message %d", i))
				if err != nil || string(answer) != "ok" {
					t.Fatalf("message %d: answer %q, %v", i, answer, err)
				}
			}
			time.Sleep(2 * longestDelay) // doubles of the last ones
			p.command(t, "advance 0")
			got := p.accepted()
			for i := range messages {
				if i >= len(got) || got[i] != fmt.Sprintf("message %d", i) {
					t.Fatalf("accepted %d messages; from number %d on: %q", len(got), i, got[min(i, len(got)):min(i+3, len(got))])
				}
			}
			if len(got) != messages || *sessions != 2 {
				t.Errorf("%d messages accepted of %d sent, in %d sessions", len(got), messages, *sessions)
			}
			c := between.Counts()
			t.Logf("%d datagrams lost, %d doubled", c.Lost, c.Doubled)
			if c.Lost == 0 || c.Doubled == 0 {
				t.Error("the network was too good for this test")
			}
		})
	}
}

// dial makes a sender that does not wait long for answers, and counts its
// sessions.
func dial(t *testing.T, p *process, address string, suite session.Suite, psk bool) (*sender.Sender, *int) {
	t.Helper()
	link, err := sender.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	sessions := 0
	cfg := sender.Config{Suite: suite, Pin: &p.pin,
		Transmission: &sender.Transmission{AckTimeout: 50 * time.Millisecond, AckRandomFactor: 1.5, MaxRetransmit: 8},
		Event: func(e sender.Event) {
			if e.Kind == sender.Opened {
				sessions++
			}
		}}
	if psk {
		cfg.KID, cfg.PSK = []byte(testKID), testPSK
	}
	s, err := sender.New(cfg, link)
	if err != nil {
		t.Fatal(err)
	}
	return s, &sessions
}
