package sender

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"pqiot/peer/session"
)

// parrot answers each request with the same bytes, under the request's message
// id and token.
type parrot struct {
	now    time.Time
	answer []byte
	queue  [][]byte
}

func (p *parrot) Now() time.Time { return p.now }

func (p *parrot) Send(b []byte) error {
	out := bytes.Clone(p.answer)
	if len(out) >= 8 && len(b) >= 8 && b[0]&15 == 4 {
		copy(out[2:8], b[2:8])
	}
	p.queue = append(p.queue, out)
	return nil
}

func (p *parrot) Recv(buf []byte, deadline time.Time) (int, error) {
	if len(p.queue) == 0 || !p.now.Before(deadline) {
		if p.now.Before(deadline) {
			p.now = deadline
		}
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(buf, p.queue[0])
	p.queue = p.queue[1:]
	p.now = p.now.Add(100 * time.Millisecond) // also when it answers our ACKs and Resets
	return n, nil
}

// FuzzSender: no bytes without the key make a sender believe that a message
// arrived, nor keep it longer than its time.
func FuzzSender(f *testing.F) {
	key, err := session.NewPrivateKey(session.MLKEM512, make([]byte, session.SeedSize))
	if err != nil {
		f.Fatal(err)
	}
	pin := key.Pin()
	head := []byte{0x64, 0x45, 0, 0, 1, 2, 3, 4, 0x48, 1, 2, 3, 4, 5, 6, 7, 8, 0x82, 0xfd, 0xe8, 0x21, 0x3c}
	f.Add(append(append(bytes.Clone(head), 0xff), key.EncapsulationKey()...), false)
	f.Add(append(append(bytes.Clone(head), 0x91, 0x0e, 0xff), make([]byte, 1024)...), false)
	f.Add([]byte{0x64, 0x81, 0, 0, 1, 2, 3, 4, 0xd3, 0xef, 1, 2, 3, 0xff, 'e'}, false)
	f.Add(append([]byte{0x64, 0x44, 0, 0, 1, 2, 3, 4, 0xc2, 0xfd, 0xec, 0xff, 7}, make([]byte, 28)...), true)
	f.Add(append([]byte{0x64, 0x44, 0, 0, 1, 2, 3, 4, 0x90, 0xff}, make([]byte, 20)...), true)
	f.Add([]byte{0x60, 0, 0, 0}, true)
	f.Fuzz(func(t *testing.T, answer []byte, open bool) {
		link := &parrot{now: time.Unix(1, 0), answer: answer}
		s, err := New(Config{Suite: session.MLKEM512, Pin: &pin, Timeout: 50 * time.Second}, link)
		if err != nil {
			t.Fatal(err)
		}
		if open { // as if a session were open
			keys := &session.Keys{Suite: session.MLKEM512}
			if s.client, err = session.NewClient(keys, link.now); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.client.Seal(nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Send([]byte("x")); err == nil {
			t.Error("believed")
		} else if !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrPin) && !errors.Is(err, session.ErrPublicKey) {
			t.Error(err)
		}
		if took := link.now.Sub(time.Unix(1, 0)); took > 51*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
