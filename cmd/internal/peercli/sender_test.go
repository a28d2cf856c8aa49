package peercli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
)

// forge changes the answers of a gateway on their way to the sender.
type forge func(answer coap.Message, datagram []byte) [][]byte

func withPayload(m coap.Message, change func([]byte) []byte) []byte {
	m.Payload = change(bytes.Clone(m.Payload))
	return coap.Append(nil, m.Message)
}

// TestSenderSurvives runs pqiot-sender against somebody on the way.
func TestSenderSurvives(t *testing.T) {
	key := func(change func(ek []byte) []byte) forge {
		return func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Content {
				d = withPayload(m, change)
			}
			return [][]byte{d}
		}
	}
	unreduced := func(ek []byte) []byte { ek[0], ek[1] = 0xff, ek[1]|0x0f; return ek }
	badTag := func(m coap.Message, d []byte) []byte {
		d[len(d)-1] ^= 1
		return d
	}
	forged401 := func(m coap.Message) []byte {
		m.Code, m.Options, m.Payload = codes.Unauthorized, message.Options{}, []byte("Security context not found")
		return coap.Append(nil, m.Message)
	}
	var previous atomic.Pointer[[]byte]
	for _, c := range []struct {
		name   string
		forge  forge
		pinOf  func(ek []byte) []byte // nil: the gateway's own
		status int
		says   string
		posts  bool
	}{
		{"another key", key(func(ek []byte) []byte { ek[5] ^= 1; return ek }), nil, 1, "does not match the pin", false},
		{"a coefficient over q", key(unreduced), unreduced, 1, "not reduced modulo q", false},
		{"a key cut short", key(func(ek []byte) []byte { return ek[:799] }), nil, 1, "not a valid encapsulation key", false},
		{"a key too long", key(func(ek []byte) []byte { return append(ek, 0) }), nil, 1, "not a valid encapsulation key", false},
		{"forged 4.01 ahead of the answer", func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Changed {
				return [][]byte{forged401(m), d}
			}
			return [][]byte{d}
		}, nil, 0, "Security context not found", true},
		{"2.04 with a bad tag ahead of the answer", func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Changed {
				return [][]byte{badTag(m, bytes.Clone(d)), d}
			}
			return [][]byte{d}
		}, nil, 0, "2.04 that does not verify", true},
		{"the previous answer ahead of the answer", func(m coap.Message, d []byte) [][]byte {
			if m.Code != codes.Changed {
				return [][]byte{d}
			}
			old := previous.Swap(&m.Payload)
			if old == nil {
				return [][]byte{d}
			}
			return [][]byte{withPayload(m, func([]byte) []byte { return *old }), d}
		}, nil, 0, "2.04 that does not verify", true},
		{"nothing but bad tags", func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Changed {
				d = badTag(m, d)
			}
			return [][]byte{d}
		}, nil, 1, "no authenticated answer within the time", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			g := startGateway(t, dir, "127.0.0.1:0")
			pin := g.pin
			var ek []byte
			posts := 0
			p := startProxy(t, g.address, func(p *proxy) {
				p.change = func(up bool, d []byte) [][]byte {
					m, err := coap.Parse(d, nil)
					if err != nil {
						return [][]byte{d}
					}
					if up && m.Code == codes.POST {
						posts++
					}
					if up {
						return [][]byte{d}
					}
					if m.Code == codes.Content {
						ek = bytes.Clone(m.Payload)
					}
					return c.forge(m, d)
				}
			})
			if c.pinOf != nil { // learn the key by a first, failing, attempt
				sender(t, dir, "", "--gateway", p.address(), "--pin", g.pin, "--message", "x", "--timeout", "5s")
				p.mu.Lock()
				sum := sha256.Sum256(c.pinOf(ek))
				p.mu.Unlock()
				pin = hex.EncodeToString(sum[:])
			}
			r := sender(t, dir, "", "--gateway", p.address(), "--pin", pin, "--message", "one", "--message", "two", "--message", "three", "--timeout", "2500ms")
			p.mu.Lock()
			defer p.mu.Unlock()
			if r.status != c.status || !strings.Contains(r.stderr, c.says) || (posts > 0) != c.posts {
				t.Errorf("status %d, %d POSTs\n%s", r.status, posts, r.stderr)
			}
			g.stop(t)
			if n := len(g.messages()); c.status == 0 && n != 3 {
				t.Errorf("%d messages of 3", n)
			}
		})
	}
}
