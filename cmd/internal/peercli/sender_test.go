package peercli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/badnet"
	"pqiot/peer/coap"
)

// forge changes the answers of a gateway on their way to the sender.
type forge func(answer coap.Message, datagram []byte) [][]byte

func withPayload(m coap.Message, change func([]byte) []byte) []byte {
	m.Payload = change(bytes.Clone(m.Payload))
	return coap.Append(nil, m.Message)
}

// attack is what somebody on the way does to a sender, and what must come of
// it.
type attack struct {
	name   string
	forge  forge
	pinOf  func(ek []byte) []byte // the key that the pin is of; nil: the gateway's own
	status int
	says   string
	posts  bool // anything may be sent
}

func keyAttacks() []attack {
	key := func(change func(ek []byte) []byte) forge {
		return func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Content {
				d = withPayload(m, change)
			}
			return [][]byte{d}
		}
	}
	unreduced := func(ek []byte) []byte { ek[0], ek[1] = 0xff, ek[1]|0x0f; return ek }
	return []attack{
		{"another key", key(func(ek []byte) []byte { ek[5] ^= 1; return ek }), nil, 1, "does not match the pin", false},
		{"a coefficient over q", key(unreduced), unreduced, 1, "not reduced modulo q", false},
		{"a key cut short", key(func(ek []byte) []byte { return ek[:799] }), nil, 1, "not a valid encapsulation key", false},
		{"a key too long", key(func(ek []byte) []byte { return append(ek, 0) }), nil, 1, "not a valid encapsulation key", false},
	}
}

func answerAttacks() []attack {
	// ahead puts a forged answer ahead of each 2.04; a nil one is left away.
	ahead := func(forged func(m coap.Message, d []byte) []byte) forge {
		return func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Changed {
				if f := forged(m, bytes.Clone(d)); f != nil {
					return [][]byte{f, d}
				}
			}
			return [][]byte{d}
		}
	}
	badTag := func(_ coap.Message, d []byte) []byte {
		d[len(d)-1] ^= 1
		return d
	}
	forged401 := func(m coap.Message, _ []byte) []byte {
		m.Code, m.Options, m.Payload = codes.Unauthorized, message.Options{}, []byte("Security context not found")
		return coap.Append(nil, m.Message)
	}
	var previous []byte
	replayed := func(m coap.Message, _ []byte) []byte {
		old := previous
		previous = bytes.Clone(m.Payload)
		if old == nil {
			return nil
		}
		return withPayload(m, func([]byte) []byte { return old })
	}
	onlyBad := func(m coap.Message, d []byte) [][]byte {
		if m.Code == codes.Changed {
			d = badTag(m, d)
		}
		return [][]byte{d}
	}
	return []attack{
		{"forged 4.01 ahead of the answer", ahead(forged401), nil, 0, "Security context not found", true},
		{"2.04 with a bad tag ahead of the answer", ahead(badTag), nil, 0, "2.04 that does not verify", true},
		{"the previous answer ahead of the answer", ahead(replayed), nil, 0, "2.04 that does not verify", true},
		{"nothing but bad tags", onlyBad, nil, 1, "no authenticated answer within the time", true},
	}
}

// TestSenderSurvives runs pqiot-sender against somebody on the way.
func TestSenderSurvives(t *testing.T) {
	for _, a := range append(keyAttacks(), answerAttacks()...) {
		t.Run(a.name, a.run)
	}
}

func (a attack) run(t *testing.T) {
	dir := t.TempDir()
	g := startGateway(t, dir, "127.0.0.1:0")
	var mu sync.Mutex
	var ek []byte
	posts := 0
	p := badnet.Start(t, g.address, badnet.Config{Change: func(up bool, d []byte) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		m, err := coap.Parse(d, nil)
		switch {
		case err != nil:
			return [][]byte{d}
		case up && m.Code == codes.POST:
			posts++
		case m.Code == codes.Content:
			ek = bytes.Clone(m.Payload)
		}
		if up {
			return [][]byte{d}
		}
		return a.forge(m, d)
	}})
	pin := g.pin
	if a.pinOf != nil { // learn the key by a first attempt, which fails
		sender(t, dir, "", "--gateway", p.Address(), "--pin", g.pin, "--message", "x", "--timeout", "5s")
		mu.Lock()
		sum := sha256.Sum256(a.pinOf(ek))
		mu.Unlock()
		pin = hex.EncodeToString(sum[:])
	}
	r := sender(t, dir, "", "--gateway", p.Address(), "--pin", pin, "--message", "one", "--message", "two", "--message", "three", "--timeout", "2500ms")
	mu.Lock()
	defer mu.Unlock()
	if r.status != a.status || !strings.Contains(r.stderr, a.says) || posts > 0 && !a.posts {
		t.Errorf("status %d, %d POSTs\n%s", r.status, posts, r.stderr)
	}
	g.stop(t)
	if n := len(g.messages()); a.status == 0 && n != 3 {
		t.Errorf("%d messages of 3", n)
	}
}
