// Package fake has boards for tests of the lab: a gateway and a sender with
// the session of package peer/session and the few console commands that the
// lab types, and none of a real board's care.
package fake

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"pqiot/firmware/lab/board"
	"pqiot/peer/session"
	"pqiot/wire"
)

// Board is either of them: a lab.Board.
type Board struct {
	rng    *rand.Rand
	now    uint64
	out    []board.Message
	booted bool
	wifi   []byte
	boot   func()
	typed  func(words []string, line string)
	got    func(from netip.AddrPort, m message.Message)
	joined func()
}

// Step implements lab.Board.
func (c *Board) Step(now uint64, in []board.Message) ([]board.Message, uint64, error) {
	c.now, c.out = now, nil
	if !c.booted {
		c.booted = true
		c.boot()
	}
	for _, m := range in {
		switch m.Kind {
		case board.Address:
			if len(m.Body) == 4 {
				c.joined()
			}
		case board.PowerCut:
			c.boot()
			c.tell(board.Join, c.wifi)
		case board.Typed:
			for line := range strings.Lines(string(m.Body)) {
				line = strings.TrimSpace(line)
				words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
				if words[0] == "wifi" {
					c.wifi = []byte(words[1] + "\x00" + strings.Join(words[2:], " "))
					c.tell(board.Join, c.wifi)
				}
				c.typed(words, line)
			}
		case board.Arrived:
			from, payload, err := board.ParseDatagram(m.Body)
			if err != nil {
				return nil, 0, err
			}
			msg := message.Message{Options: make(message.Options, 0, 16)}
			if _, err := coder.DefaultCoder.Decode(payload, &msg); err == nil {
				c.got(from, msg)
			}
		}
	}
	return c.out, now + 1_000_000, nil
}

func (c *Board) tell(k board.Kind, b []byte) { c.out = append(c.out, board.Message{Kind: k, Body: b}) }

func (c *Board) say(format string, args ...any) {
	c.tell(board.Printed, fmt.Appendf(nil, format+"\r\n", args...))
}

func (c *Board) send(to netip.AddrPort, m message.Message) {
	b := make([]byte, 2048)
	n, err := coder.DefaultCoder.Encode(m, b)
	if err == nil {
		c.out = append(c.out, board.Datagram(board.Leaves, to, b[:n]))
	}
}

func (c *Board) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(c.rng.Uint32())
	}
	return b
}

func (c *Board) time() time.Time { return time.UnixMicro(int64(c.now)) }

func opt(id message.OptionID, v []byte) message.Option { return message.Option{ID: id, Value: v} }

func format(n uint16) message.Option {
	return opt(message.ContentFormat, []byte{byte(n >> 8), byte(n)})
}

// Gateway makes a gateway board.
func Gateway(seed uint64) *Board {
	c := &Board{rng: rand.New(rand.NewPCG(seed, 1))}
	key, _ := session.NewPrivateKey(session.MLKEM512, c.random(session.SeedSize))
	var echo session.EchoKey
	var sessions map[wire.SID]*session.Server
	c.boot = func() {
		pin := key.Pin()
		copy(echo[:], c.random(len(echo)))
		sessions = map[wire.SID]*session.Server{}
		c.say("pin %s", hex.EncodeToString(pin[:]))
	}
	c.typed, c.joined = func([]string, string) {}, func() { c.say("joined") }
	c.got = func(from netip.AddrPort, m message.Message) {
		out := message.Message{Token: m.Token, MessageID: m.MessageID, Type: message.Acknowledgement, Code: codes.BadRequest}
		fresh := echo.Mint(uint32(c.now/1e6), from)
		pin := key.Pin()
		if m.Code == codes.GET {
			out.Code, out.Payload = codes.Content, key.EncapsulationKey()
			out.Options = message.Options{opt(message.ETag, pin[:wire.ETagSize]), format(wire.ContentFormatKey), opt(wire.OptionEcho, fresh[:])}
		} else if cf, _ := m.Options.ContentFormat(); uint16(cf) == wire.ContentFormatHandshake512 {
			got, _ := m.Options.GetBytes(wire.OptionEcho)
			h, err := wire.ParseHandshake(m.Payload, wire.CiphertextSize512)
			if err == nil && sessions[h.Record.Nonce.SID()] == nil && echo.Fresh(got, uint32(c.now/1e6), from) {
				ss, _ := key.Decapsulate(h.Ciphertext)
				keys, _ := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: got, Pin: pin, CT: h.Ciphertext}, ss[:])
				s, _ := session.NewServer(keys, c.time())
				if text, err := s.Handshake(nil, h.Record); err == nil {
					sessions[h.Record.Nonce.SID()] = s
					c.accept(&out, s, h.Record.Nonce, text)
				}
			}
		} else if r, err := wire.ParseSessionRecord(m.Payload); err == nil && sessions[r.Nonce.SID()] != nil {
			s := sessions[r.Nonce.SID()]
			if text, err := s.Open(nil, r); err == nil {
				c.accept(&out, s, r.Nonce, text)
			}
		}
		c.send(from, out)
	}
	return c
}

func (c *Board) accept(out *message.Message, s *session.Server, n wire.SessionNonce, text []byte) {
	out.Code, out.Options = codes.Changed, message.Options{format(wire.ContentFormatRecord)}
	out.Payload, _ = s.Seal(nil, n, []byte("ok"))
	c.tell(board.LED, []byte{2})
	c.tell(board.Screen, text)
	c.say("message %s", text)
	c.say("kem.decaps 6.1 ms")
	c.tell(board.LED, []byte{0})
}

// Sender makes a sender board. It gives up what is not answered.
func Sender(seed uint64) *Board {
	c := &Board{rng: rand.New(rand.NewPCG(seed, 2))}
	var gateway netip.AddrPort
	var pin, ek, echo []byte
	var client *session.Client
	mid := int32(seed % 60000)
	ask := func(code codes.Code, path string, payload []byte, options ...message.Option) {
		mid = (mid + 1) & 0xFFFF
		o := append(message.Options{opt(message.URIPath, []byte(path))}, options...)
		c.send(gateway, message.Message{Code: code, Type: message.Confirmable, MessageID: mid, Token: c.random(4), Payload: payload, Options: o})
	}
	c.boot = func() { client, ek = nil, nil; c.say("sender") }
	c.joined = func() { c.say("ready"); ask(codes.GET, "pk", nil) }
	c.typed = func(words []string, line string) {
		switch words[0] {
		case "pin":
			pin, _ = hex.DecodeString(words[1])
		case "gateway":
			gateway = netip.AddrPortFrom(netip.MustParseAddr(words[1]), wire.CoAPPort)
		case "send":
			text := []byte(strings.TrimPrefix(line, "send "))
			if client != nil {
				record, _, _ := client.Seal(nil, text)
				ask(codes.POST, "msg", record, format(wire.ContentFormatRecord))
			} else if pk, err := session.ParsePublicKey(session.MLKEM512, ek); err == nil {
				ct, ss, _ := pk.Encapsulate(c.random(session.CoinSize))
				keys, _ := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: echo, Pin: pk.Pin(), CT: ct}, ss[:])
				client, _ = session.NewClient(keys, c.time())
				record, _, _ := client.Seal(nil, text)
				ask(codes.POST, "msg", append(ct, record...), format(wire.ContentFormatHandshake512), opt(wire.OptionEcho, echo))
			}
		}
	}
	c.got = func(_ netip.AddrPort, m message.Message) {
		if m.Code == codes.Changed {
			c.say("acknowledged ok")
		}
		if m.Code != codes.Content || len(m.Payload) != wire.EncapsulationKeySize512 {
			return
		}
		pk, err := session.ParsePublicKey(session.MLKEM512, m.Payload)
		if p := pk.Pin(); err != nil || string(p[:]) != string(pin) {
			c.say("another key")
			ask(codes.GET, "pk", nil)
			return
		}
		ek = append([]byte{}, m.Payload...)
		e, _ := m.Options.GetBytes(wire.OptionEcho)
		echo = append([]byte{}, e...)
	}
	return c
}
