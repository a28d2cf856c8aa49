package peer_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/gateway"
	"pqiot/peer/sender"
	"pqiot/wire"
)

// forgedHints are answers that somebody on the way could put ahead of the
// genuine one.
func forgedHints() map[string]func(t *testing.T, request, genuine []byte) []byte {
	return map[string]func(t *testing.T, request, genuine []byte) []byte{
		"4.01 Security context not found": func(t *testing.T, request, _ []byte) []byte {
			return answer(t, request, codes.Unauthorized, "Security context not found")
		},
		"4.01 with an Echo": func(t *testing.T, request, _ []byte) []byte {
			return answer(t, request, codes.Unauthorized, "echo", message.Option{ID: coap.Echo, Value: make([]byte, 12)})
		},
		"4.03": func(t *testing.T, request, _ []byte) []byte { return answer(t, request, codes.Forbidden, "psk") },
		"5.03 for a week": func(t *testing.T, request, _ []byte) []byte {
			return answer(t, request, codes.ServiceUnavailable, "", message.Option{ID: message.MaxAge, Value: coap.Uint(604800)})
		},
		"Reset": func(t *testing.T, request, _ []byte) []byte {
			return coap.AppendReset(nil, uint16(parse(t, request).MessageID))
		},
		"2.04 with a bad tag": func(t *testing.T, _, genuine []byte) []byte {
			genuine[len(genuine)-1] ^= 1
			return genuine
		},
		"2.04 with another nonce": func(t *testing.T, _, genuine []byte) []byte {
			m := parse(t, genuine)
			if len(m.Payload) > 13 {
				m.Payload[12] ^= 1
			}
			return coap.Append(nil, m.Message)
		},
		"2.04 without Content-Format": func(t *testing.T, request, genuine []byte) []byte {
			return answer(t, request, codes.Changed, string(parse(t, genuine).Payload))
		},
		"noise": func(*testing.T, []byte, []byte) []byte { return []byte{0x60, 0x44, 1} },
	}
}

// TestForgedHints: what nothing authenticates does not keep the genuine answer
// from being heard, nor does it make a second session.
func TestForgedHints(t *testing.T) {
	for name, forge := range forgedHints() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gateway.Config{})
			l := w.dial(1)
			var request []byte
			l.tap = func(up bool, d []byte) [][]byte {
				if up {
					request = d
					return [][]byte{d}
				}
				if !isPost(t, request) {
					return [][]byte{d}
				}
				return [][]byte{forge(t, request, bytes.Clone(d)), d}
			}
			s := l.sender(t, nil)
			for i := range 5 {
				send(t, s, fmt.Sprint(i))
			}
			if got := fmt.Sprint(w.messages()); got != "[0 1 2 3 4]" || w.count(gateway.SessionOpened) != 1 {
				t.Errorf("the gateway has %s in %d sessions", got, w.count(gateway.SessionOpened))
			}
		})
	}
}

// TestOnlyForged: if nothing but forgeries comes, the sender waits, doubling,
// and never believes them.
func TestOnlyForged(t *testing.T) {
	for name, reply := range map[string]func(request, genuine []byte) []byte{
		"bad tag": func(_, genuine []byte) []byte { genuine[len(genuine)-1] ^= 1; return genuine },
		"4.01":    func(request, _ []byte) []byte { return answer(t, request, codes.Unauthorized, "echo") },
		"5.03 for a week": func(request, _ []byte) []byte {
			return answer(t, request, codes.ServiceUnavailable, "", message.Option{ID: message.MaxAge, Value: coap.Uint(604800)})
		},
		"4.01 + Echo, forever": func(request, _ []byte) []byte {
			return answer(t, request, codes.Unauthorized, "echo", message.Option{ID: coap.Echo, Value: make([]byte, 12)})
		},
	} {
		w := newWorld(t, gateway.Config{})
		l := w.dial(1)
		var request []byte
		l.tap = func(up bool, d []byte) [][]byte {
			switch {
			case up:
				request = d
			case !isPost(t, request):
			default:
				return [][]byte{reply(request, d)}
			}
			return [][]byte{d}
		}
		began := w.now
		s := l.sender(t, func(c *sender.Config) { c.Timeout = 90 * time.Second })
		_, err := s.Send([]byte("x"))
		if !errors.Is(err, sender.ErrTimeout) && !errors.Is(err, sender.ErrNoAnswer) {
			t.Errorf("%s: %v", name, err)
		}
		if took := w.now.Sub(began); took > 90*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		ciphertexts := map[string]int{}
		mids := map[int32]bool{}
		for _, p := range l.posts(t) {
			m := parse(t, p.datagram)
			if !mids[m.MessageID] {
				mids[m.MessageID] = true
				ciphertexts[string(m.Payload[:wire.CiphertextSize512])]++
			}
		}
		if len(ciphertexts) < 2 {
			t.Errorf("%s: no fresh handshake", name)
		}
		for _, n := range ciphertexts {
			if n > 4 {
				t.Errorf("%s: a ciphertext under %d message ids", name, n)
			}
		}
	}
}
