// Package gateway is a pqiot gateway: a CoAP server that holds a long-term
// ML-KEM key, opens sessions and receives their records.
//
// Gateway itself does no I/O and has no clock: Handle turns a datagram into
// the answer to it. Serve puts it on a UDP socket. Each datagram passes
//
//	message format → duplicate? → critical options → path → method →
//	Content-Format → length → layout → …
//
// and then key.go, handshake.go, record.go or oscore.go, cheapest check first.
package gateway

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// DefaultSlots is how many sessions live at once unless Config says otherwise.
const DefaultSlots = 64

// Limits are the token buckets that keep a flood from costing much.
type Limits struct {
	Decapsulations Rate // in all
	PerSource      Rate // decapsulations of one IP address
	Keys           Rate // GET /pk answered in full without a fresh Echo
	FailedTags     Rate // of one session; the excess is dropped unopened
}

// DefaultLimits are those of the protocol.
func DefaultLimits() Limits {
	return Limits{Rate{10, 10}, Rate{1, 1}, Rate{1, 4}, Rate{10, 10}}
}

// Config is what a gateway is made of. Key is required.
type Config struct {
	Key        *session.PrivateKey
	PSKs       map[string][]byte // 32 bytes each, by kid
	RequirePSK bool              // refuse handshakes without a PSK
	Slots      int               // sessions at once; 0: DefaultSlots
	OSCORE     bool              // serve RFC 8613 in open sessions
	Limits     *Limits           // nil: DefaultLimits

	Random io.Reader                // nil: crypto/rand
	KeyLog io.Writer                // nil: none. A failed write is the event KeyLogFailed
	Reply  func(data []byte) []byte // answer to a message, at most wire.MaxData bytes; nil: "ok"
	Event  func(Event)              // called from Handle; nil: nobody listens
}

// Gateway is the state of a gateway. It is not safe for concurrent use.
type Gateway struct {
	cfg    Config
	limits Limits
	boot   time.Time
	echo   session.EchoKey
	dummy  [wire.PSKSize]byte // stands in for unknown kids
	etag   []byte
	mid    uint16 // of our own non-confirmable messages

	sessions table
	blocks   transfer
	recent   answers // of block-wise requests
	keys     bucket
	decaps   bucket
	sources  map[netip.Addr]*bucket

	request request
	options message.Options // memory of the request's and the answer's options
	reply   message.Options
	out     []byte // the answer's bytes
	data    []byte // a message's plaintext
	payload []byte // a sealed answer
	ok      []byte // data of the answer by default
	format  []byte // Content-Format of every sealed answer
}

// New makes a gateway that boots at now.
func New(cfg Config, now time.Time) (*Gateway, error) {
	if cfg.Key == nil {
		return nil, errors.New("gateway: no key")
	}
	for kid, psk := range cfg.PSKs {
		if len(psk) != wire.PSKSize || len(kid) < 1 || len(kid) > wire.MaxKID {
			return nil, fmt.Errorf("gateway: PSK %q: %d bytes of key, %d of name", kid, len(psk), len(kid))
		}
	}
	if cfg.Slots == 0 {
		cfg.Slots = DefaultSlots
	}
	if cfg.Slots < 1 {
		return nil, fmt.Errorf("gateway: %d session slots", cfg.Slots)
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	g := &Gateway{cfg: cfg, limits: DefaultLimits(), boot: now, sources: map[netip.Addr]*bucket{}}
	if cfg.Limits != nil {
		g.limits = *cfg.Limits
	}
	var mid [2]byte
	for _, secret := range [][]byte{g.echo[:], g.dummy[:], mid[:]} {
		if _, err := io.ReadFull(cfg.Random, secret); err != nil {
			return nil, fmt.Errorf("gateway: random bytes: %w", err)
		}
	}
	g.mid = binary.BigEndian.Uint16(mid[:])
	pin := cfg.Key.Pin()
	g.etag = pin[:wire.ETagSize]
	g.ok, g.format = []byte("ok"), coap.Uint(wire.ContentFormatRecord)
	g.sessions = newTable(cfg.Slots)
	g.recent = newAnswers(recentAnswers)
	g.options, g.reply = make(message.Options, 0, 16), make(message.Options, 0, 8)
	return g, nil
}

// Pin returns H(ek), with which senders are provisioned.
func (g *Gateway) Pin() [32]byte { return g.cfg.Key.Pin() }

// request is a datagram on its way through the checks.
type request struct {
	coap.Message
	from  netip.AddrPort
	now   time.Time
	block *coap.Block // Block1 of a request that is part of a transfer
}

// answer is what a request gets. Code 0: silence.
type answer struct {
	code    codes.Code
	options message.Options
	payload []byte
	keep    *slot // the session that caches it; nil: not to be cached there
}

// Handle returns the answer to a datagram, or nil for silence. It is valid
// until the next call.
func (g *Gateway) Handle(now time.Time, from netip.AddrPort, datagram []byte) []byte {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	m, err := coap.Parse(datagram, g.options)
	if errors.Is(err, coap.ErrFormat) {
		g.refused(from, err.Error())
		if typ, mid := coap.Header(datagram); typ == message.Confirmable {
			return g.reset(mid)
		}
		return nil
	}
	if err != nil || m.Type == message.Acknowledgement || m.Type == message.Reset {
		return nil
	}
	if m.Code == codes.Empty || m.Code > 31 { // a ping, or a response nobody asked for (RFC 7252 §4.3, §4.2)
		if m.Type == message.Confirmable {
			return g.reset(uint16(m.MessageID))
		}
		return nil
	}
	g.request = request{Message: m, from: from, now: now}
	r := &g.request
	if cached, found := g.duplicate(r); found {
		if m.Type == message.NonConfirmable {
			return nil // RFC 7252 §4.5
		}
		return cached
	}
	return g.send(r, g.answer(r))
}

func (g *Gateway) reset(mid uint16) []byte {
	g.out = coap.AppendReset(g.out[:0], mid)
	return g.out
}

// send encodes an answer as the response to r and caches what must never be
// made a second time.
func (g *Gateway) send(r *request, a answer) []byte {
	if a.code == codes.Empty {
		return nil
	}
	m := message.Message{Type: message.Acknowledgement, MessageID: r.MessageID,
		Token: r.Token, Code: a.code, Options: a.options, Payload: a.payload}
	if r.Type == message.NonConfirmable {
		g.mid++
		m.Type, m.MessageID = message.NonConfirmable, int32(g.mid)
	}
	g.out = coap.Append(g.out[:0], m)
	key := exchange{r.from, uint16(r.MessageID)}
	switch {
	case a.keep != nil:
		g.sessions.cache(a.keep, key, r.now, g.out)
	case r.block != nil:
		g.recent.put(key, r.now, g.out)
	}
	return g.out
}

// duplicate returns the answer that a retransmitted request got already
// (RFC 7252 §4.5). A retransmission has its request's token: under another it
// is a new request of a sender that started over with its message ids.
func (g *Gateway) duplicate(r *request) ([]byte, bool) {
	key := exchange{r.from, uint16(r.MessageID)}
	out, found := g.sessions.cached(key, r.now)
	if !found {
		out, found = g.recent.get(key, r.now)
	}
	return out, found && bytes.Equal(tokenOf(out), r.Token)
}

// tokenOf returns the token of a message that we have encoded.
func tokenOf(out []byte) []byte { return out[4 : 4+out[0]&15] }

// plain is an answer that no key protects, with a diagnostic payload.
func (g *Gateway) plain(r *request, code codes.Code, diagnostic string) answer {
	g.refused(r.from, strings.TrimSpace(coap.FormatCode(code)+" "+diagnostic))
	return answer{code: code, options: g.reply[:0], payload: []byte(diagnostic)}
}

// busy is 5.03: no slot, or no token in a bucket.
func (g *Gateway) busy(r *request, why string) answer {
	g.refused(r.from, "5.03 "+why)
	opts := append(g.reply[:0], message.Option{ID: message.MaxAge, Value: coap.Uint(10)})
	return answer{code: codes.ServiceUnavailable, options: opts}
}

// echoOption mints the Echo of a source.
func (g *Gateway) echoOption(r *request) message.Option {
	e := g.echo.Mint(g.uptime(r.now), r.from)
	return message.Option{ID: coap.Echo, Value: e[:]}
}

// freshEcho returns the request's Echo if it is one of ours, and fresh.
func (g *Gateway) freshEcho(r *request) ([]byte, bool) {
	value, err := r.Options.GetBytes(coap.Echo)
	return value, err == nil && g.echo.Fresh(value, g.uptime(r.now), r.from)
}

func (g *Gateway) uptime(now time.Time) uint32 { return uint32(now.Sub(g.boot) / time.Second) }
