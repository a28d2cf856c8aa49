package sender_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/badnet"
	"pqiot/peer/coap"
	"pqiot/peer/session"
)

// forge is what somebody on the way makes of an answer of the gateway's.
type forge func(m coap.Message, datagram []byte) [][]byte

// attack is what he does to a sender, and what must come of it.
type attack struct {
	name   string
	forge  forge
	pinOf  func(ek []byte) []byte // the key that the pin is of; nil: the gateway's own
	failed string                 // every message does, for this reason; "": none
	heard  string                 // what the sender says it has heard, if anything
	posts  bool                   // anything may be sent
}

func with(m coap.Message, payload []byte) []byte {
	m.Payload = payload
	return coap.Append(nil, m.Message)
}

// keyAttacks are the rows of the survival table in which the sender aborts and
// sends nothing.
func keyAttacks() []attack {
	serve := func(change func(ek []byte) []byte) forge {
		return func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Content {
				d = with(m, change(bytes.Clone(m.Payload)))
			}
			return [][]byte{d}
		}
	}
	unreduced := func(ek []byte) []byte { ek[0], ek[1] = 0x01, ek[1]&0xf0|0x0d; return ek } // q itself
	const pin, key = "the gateway's key does not match the pin", "not a valid encapsulation key"
	return []attack{
		{"another key", serve(func(ek []byte) []byte { ek[5] ^= 1; return ek }), nil, pin, "", false},
		{"a coefficient of q", serve(unreduced), unreduced, key, "", false},
		{"a key cut short", serve(func(ek []byte) []byte { return ek[:799] }), nil, key, "", false},
		{"a key too long", serve(func(ek []byte) []byte { return append(ek, 0) }), nil, key, "", false},
		{"an empty key", serve(func([]byte) []byte { return nil }), nil, key, "", false},
	}
}

// ahead puts a forged answer ahead of each genuine 2.04; a nil one is left away.
func ahead(forged func(m coap.Message, d []byte) []byte) forge {
	return func(m coap.Message, d []byte) [][]byte {
		if m.Code == codes.Changed {
			if f := forged(m, bytes.Clone(d)); f != nil {
				return [][]byte{f, d}
			}
		}
		return [][]byte{d}
	}
}

func badTag(_ coap.Message, d []byte) []byte {
	d[len(d)-1] ^= 1
	return d
}

// plain makes an answer of this code out of a genuine one.
func plain(code codes.Code, diagnostic string, opts ...message.Option) func(coap.Message, []byte) []byte {
	return func(m coap.Message, _ []byte) []byte {
		m.Code, m.Options, m.Payload = code, opts, []byte(diagnostic)
		return coap.Append(nil, m.Message)
	}
}

// replayer puts the 2.04 to the message before, which is genuine, under the
// token of this one: its N_req is another.
func replayer() func(coap.Message, []byte) []byte {
	var previous []byte
	return func(m coap.Message, _ []byte) []byte {
		old := previous
		previous = bytes.Clone(m.Payload)
		if old == nil {
			return nil
		}
		return with(m, old)
	}
}

func answerAttacks() []attack {
	only := func(forged func(coap.Message, []byte) []byte) forge {
		return func(m coap.Message, d []byte) [][]byte {
			if m.Code == codes.Changed {
				d = forged(m, bytes.Clone(d))
			}
			return [][]byte{d}
		}
	}
	const late = "no authenticated answer within the time"
	echo := message.Option{ID: coap.Echo, Value: make([]byte, 12)}
	const unverified = "2.04 that does not verify"
	return []attack{
		{"forged 4.01 ahead of the answer", ahead(plain(codes.Unauthorized, "Security context not found")), nil, "", "4.01", true},
		{"forged 4.01 + Echo ahead of the answer", ahead(plain(codes.Unauthorized, "echo", echo)), nil, "", "", true},
		{"2.04 with a bad tag ahead of the answer", ahead(badTag), nil, "", unverified, true},
		{"2.04 of another request ahead of the answer", ahead(replayer()), nil, "", unverified, true},
		{"nothing but bad tags", only(badTag), nil, late, unverified, true},
		{"nothing but 4.01", only(plain(codes.Unauthorized, "Security context not found")), nil, late, "4.01", true},
		{"nothing but 4.01 + Echo", only(plain(codes.Unauthorized, "echo", echo)), nil, late, "4.01", true},
		{"nothing but 4.03", only(plain(codes.Forbidden, "psk")), nil, late, "4.03", true},
	}
}

// TestAttacks: somebody on the way between the C sender and its gateway.
func TestAttacks(t *testing.T) {
	t.Parallel()
	build(t, "process")
	for _, a := range append(keyAttacks(), answerAttacks()...) {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(t)
		})
	}
}

func (a attack) run(t *testing.T) {
	g := startGoGateway(t, session.MLKEM512)
	var posts atomic.Int32
	p := badnet.Start(t, g.address, badnet.Config{Change: func(up bool, d []byte) [][]byte {
		m, err := coap.Parse(d, nil)
		switch {
		case err != nil:
			t.Errorf("%x: %v", d, err)
		case up && m.Code == codes.POST:
			posts.Add(1)
		case !up:
			return a.forge(m, d)
		}
		return [][]byte{d}
	}})
	pin := g.pin
	if a.pinOf != nil {
		sum := sha256.Sum256(a.pinOf(bytes.Clone(g.ek)))
		pin = hex.EncodeToString(sum[:])
	}
	sent := []string{"one", "two", "three"}
	out := send(t, options{suite: session.MLKEM512, address: p.Address(), pin: pin, psk: true, timeout: 30 * time.Second}, sent)
	a.judge(t, out, g.accepted(), sent)
	if n := posts.Load(); n > 0 && !a.posts {
		t.Errorf("%d POSTs were sent", n)
	}
}

func (a attack) judge(t *testing.T, out outcome, accepted, sent []string) {
	t.Helper()
	if !strings.Contains(strings.Join(out["refused"], "\n"), a.heard) {
		t.Errorf("heard %q, expected %q", out["refused"], a.heard)
	}
	if a.failed == "" {
		if len(out["message"]) != len(sent) || !slices.Equal(accepted, sent) {
			t.Errorf("acknowledged %q, accepted %q, failed %q", out["message"], accepted, out["failed"])
		}
		return
	}
	if len(out["message"]) != 0 || len(out["session"]) != 0 {
		t.Errorf("believed: %q, %q", out["session"], out["message"])
	}
	if want := slices.Repeat([]string{a.failed}, len(sent)); !slices.Equal(out["failed"], want) {
		t.Errorf("failed %q, expected %q", out["failed"], want)
	}
}

// TestTrustOnFirstUse: the first key is taken, and the pin of it told.
func TestTrustOnFirstUse(t *testing.T) {
	t.Parallel()
	g := startGoGateway(t, session.MLKEM512)
	out := send(t, options{suite: session.MLKEM512, address: g.address, pin: "-", timeout: 30 * time.Second}, []string{"one"})
	if !slices.Equal(out["pinned"], []string{g.pin}) || len(out["message"]) != 1 {
		t.Errorf("%q, the gateway's is %s", out, g.pin)
	}
}
