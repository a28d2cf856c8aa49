package sender

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"

	"pqiot/peer/gateway"
	"pqiot/peer/session"
	"pqiot/wire"
)

// direct hands every datagram to a gateway at once.
type direct struct {
	g     *gateway.Gateway
	queue [][]byte
	now   time.Time
}

func (d *direct) Now() time.Time { return d.now }

func (d *direct) Send(b []byte) error {
	if out := d.g.Handle(d.now, netip.MustParseAddrPort("192.0.2.1:1"), b); out != nil {
		d.queue = append(d.queue, bytes.Clone(out))
	}
	return nil
}

func (d *direct) Recv(buf []byte, deadline time.Time) (int, error) {
	if len(d.queue) == 0 {
		d.now = deadline
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(buf, d.queue[0])
	d.queue = d.queue[1:]
	return n, nil
}

// TestSessionEnd uses up every number of a session: the next message opens
// another, and nothing is lost.
func TestSessionEnd(t *testing.T) {
	key, err := session.NewPrivateKey(session.MLKEM512, make([]byte, session.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	messages, sessions := 0, 0
	d := &direct{now: time.Unix(1, 0)}
	d.g, err = gateway.New(gateway.Config{Key: key, Event: func(e gateway.Event) {
		switch e.Kind {
		case gateway.Message:
			messages++
		case gateway.SessionOpened:
			sessions++
		}
	}}, d.now)
	if err != nil {
		t.Fatal(err)
	}
	pin := key.Pin()
	s, err := New(Config{Suite: session.MLKEM512, Pin: &pin}, d)
	if err != nil {
		t.Fatal(err)
	}
	send := func(wantSEQ uint64, wantSessions int) {
		t.Helper()
		if _, err := s.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, seq := s.Session(); seq != wantSEQ || sessions != wantSessions {
			t.Errorf("SEQ %d in session %d, expected %d in %d", seq, sessions, wantSEQ, wantSessions)
		}
	}
	send(0, 1)
	buf := make([]byte, 0, 64)
	for range wire.MaxSessionSEQ - 1 { // records 1 … 2^20 − 1, which never left
		if _, _, err := s.client.Seal(buf, nil); err != nil {
			t.Fatal(err)
		}
	}
	send(wire.MaxSessionSEQ, 1)
	d.now = d.now.Add(2 * time.Second) // a token for the next decapsulation
	send(0, 2)
	send(1, 2)
	d.now = d.now.Add(session.MaxAge)
	send(0, 3)
	if messages != 5 {
		t.Errorf("%d messages of 5", messages)
	}
}
