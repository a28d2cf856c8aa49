package gatewaytest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// patience is how long an answer may take on a loaded machine.
const patience = 20 * time.Second

// peer is a sender that can do wrong: it has every byte it sends in its hands.
type peer struct {
	*rig
	conn *net.UDPConn
	mid  uint16
	kid  []byte
	psk  []byte

	client *session.Client
	keys   *session.Keys
}

// sources numbers the loopback addresses that peers send from.
type sources struct{ n atomic.Uint32 }

func (s *sources) next() net.IP {
	n := s.n.Add(1)
	return net.IPv4(127, 1+byte(n>>16), byte(n>>8), 1+byte(n%250))
}

var loopback sources

// dial makes a peer. On the loopback network each has an address of its own, so
// that the gateway's limits for one source do not couple the rows.
func (r *rig) dial(t testing.TB) *peer {
	t.Helper()
	remote, err := net.ResolveUDPAddr("udp", r.Address)
	if err != nil {
		t.Fatal(err)
	}
	var local *net.UDPAddr
	if remote.IP.IsLoopback() && remote.IP.To4() != nil {
		local = &net.UDPAddr{IP: loopback.next()}
	}
	return r.dialFrom(t, local, remote)
}

func (r *rig) dialFrom(t testing.TB, local, remote *net.UDPAddr) *peer {
	t.Helper()
	conn, err := net.DialUDP("udp", local, remote)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var mid [2]byte
	rand.Read(mid[:])
	return &peer{rig: r, conn: conn, mid: uint16(mid[0])<<8 | uint16(mid[1])}
}

func (p *peer) usePSK() { p.kid, p.psk = []byte(p.target.KID), p.target.PSK }

func (p *peer) local() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// token is what every request carries; four bytes, as in the figures.
var token = message.Token{0xa1, 0xa2, 0xa3, 0xa4}

// encode builds a confirmable request under a new message id.
func (p *peer) encode(m message.Message) []byte {
	p.mid++
	m.Type, m.MessageID, m.Token = message.Confirmable, int32(p.mid), token
	return coap.Append(nil, m)
}

// raw sends bytes and returns the datagram that answers them.
func (p *peer) raw(t testing.TB, datagram []byte) []byte {
	t.Helper()
	if _, err := p.conn.Write(datagram); err != nil {
		t.Fatal(err)
	}
	return p.read(t)
}

func (p *peer) read(t testing.TB) []byte {
	t.Helper()
	buf := make([]byte, 65536)
	p.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := p.conn.Read(buf)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return buf[:n]
}

// silent sends bytes that must get no answer: that to a ping sent behind them
// is the next to come.
func (p *peer) silent(t testing.TB, what string, datagram []byte) {
	t.Helper()
	if _, err := p.conn.Write(datagram); err != nil {
		t.Fatal(err)
	}
	p.mid++
	ping := []byte{0x40, 0, byte(p.mid >> 8), byte(p.mid)}
	if got := p.raw(t, ping); !bytes.Equal(got, []byte{0x70, 0, ping[2], ping[3]}) {
		t.Errorf("%s: answered with %x", what, got)
	}
}

// do sends a request and returns its answer.
func (p *peer) do(t testing.TB, m message.Message) coap.Message {
	t.Helper()
	return p.send(t, p.encode(m))
}

// send sends an encoded request and returns its answer.
func (p *peer) send(t testing.TB, datagram []byte) coap.Message {
	t.Helper()
	out := p.raw(t, datagram)
	m, err := coap.Parse(out, nil)
	if err != nil {
		t.Fatalf("answer %x: %v", out, err)
	}
	if m.Type != message.Acknowledgement || m.MessageID != int32(datagram[2])<<8|int32(datagram[3]) || !bytes.Equal(m.Token, token) {
		t.Fatalf("answer %x is not to %x", out, datagram[:8])
	}
	return m
}

// expect checks an answer's code and diagnostic payload.
func expect(t testing.TB, what string, m coap.Message, code codes.Code, diagnostic string) {
	t.Helper()
	if m.Code != code || diagnostic != "" && string(m.Payload) != diagnostic {
		t.Errorf("%s: %s %q, expected %s %q", what, coap.FormatCode(m.Code), m.Payload, coap.FormatCode(code), diagnostic)
	}
}

func option(id message.OptionID, value []byte) message.Option {
	return message.Option{ID: id, Value: value}
}

// get is a GET /pk with more options, which need not be sorted.
func get(more ...message.Option) message.Message {
	return build(codes.GET, "pk", more, nil)
}

// post is a POST /msg with a Content-Format.
func post(format uint16, body []byte, more ...message.Option) message.Message {
	return build(codes.POST, "msg", append(more, option(message.ContentFormat, coap.Uint(uint32(format)))), body)
}

func build(code codes.Code, path string, more []message.Option, body []byte) message.Message {
	opts := message.Options{option(message.URIPath, []byte(path))}
	for _, o := range more {
		opts = opts.Add(o)
	}
	return message.Message{Code: code, Options: opts, Payload: body}
}

// freshEcho gets an Echo by asking for the key; with a matching ETag that is
// never refused.
func (p *peer) freshEcho(t testing.TB) []byte {
	t.Helper()
	m := p.do(t, get(option(message.ETag, p.Pin[:wire.ETagSize])))
	echo, err := m.Options.GetBytes(coap.Echo)
	if m.Code != codes.Valid || err != nil || len(echo) != wire.EchoSize {
		t.Fatalf("refresh: %s, Echo %x", coap.FormatCode(m.Code), echo)
	}
	return bytes.Clone(echo)
}

// fetch gets the key, by blocks where it is large.
func (p *peer) fetch(t testing.TB) []byte {
	t.Helper()
	var ek []byte
	echo := p.freshEcho(t)
	for num := uint32(0); ; num++ {
		m := p.do(t, get(option(coap.Echo, echo), option(message.Block2, coap.Block{Num: num, SZX: coap.MaxSZX}.Value())))
		expect(t, "GET /pk", m, codes.Content, "")
		ek = append(ek, m.Payload...)
		value, err := m.Options.GetBytes(message.Block2)
		if err != nil {
			t.Fatal("no Block2 in an answer to Block2")
		}
		if block, err := coap.ParseBlock(value); err != nil || !block.More {
			break
		}
	}
	if sha256.Sum256(ek) != p.Pin {
		t.Fatalf("a key of %d bytes that is not the pin's", len(ek))
	}
	return ek
}

// attempt is a handshake that is made but not sent.
type attempt struct {
	echo   []byte
	ct     []byte
	body   []byte
	nonce  wire.SessionNonce
	client *session.Client
	keys   *session.Keys
}

// prepare makes a handshake with a fresh ciphertext.
func (p *peer) prepare(t testing.TB, echo, data []byte) *attempt {
	t.Helper()
	pub, err := session.ParsePublicKey(p.suite, p.fetch(t))
	if err != nil {
		t.Fatal(err)
	}
	var coin [session.CoinSize]byte
	rand.Read(coin[:])
	ct, ss, err := pub.Encapsulate(coin[:])
	if err != nil {
		t.Fatal(err)
	}
	return p.prepareWith(t, ct, ss[:], echo, data)
}

func (p *peer) prepareWith(t testing.TB, ct, ss, echo, data []byte) *attempt {
	t.Helper()
	a := &attempt{echo: echo, ct: ct}
	var err error
	a.keys, err = session.Derive(&session.Transcript{Suite: p.suite, KID: p.kid, PSK: p.psk, Echo: echo, Pin: p.Pin, CT: ct}, ss)
	if err != nil {
		t.Fatal(err)
	}
	if a.client, err = session.NewClient(a.keys, time.Now()); err != nil {
		t.Fatal(err)
	}
	if a.body, a.nonce, err = a.client.Seal(bytes.Clone(ct), data); err != nil {
		t.Fatal(err)
	}
	return a
}

// message is the attempt as a request, for bodies of up to 1024 bytes.
func (p *peer) message(a *attempt) message.Message {
	return post(p.suite.ContentFormat(), a.body, p.handshakeOptions(a.echo)...)
}

func (p *peer) handshakeOptions(echo []byte) (opts []message.Option) {
	if p.kid != nil {
		opts = append(opts, option(message.URIQuery, append([]byte("k="), p.kid...)))
	}
	if echo != nil {
		opts = append(opts, option(coap.Echo, echo))
	}
	return opts
}

// complete checks the answer to an attempt and makes it the peer's session.
func (p *peer) complete(t testing.TB, a *attempt, m coap.Message) {
	t.Helper()
	expect(t, "handshake", m, codes.Changed, "")
	if _, err := a.client.Open(nil, a.nonce, m.Payload); err != nil {
		t.Fatalf("the answer to the handshake does not verify: %v", err)
	}
	p.client, p.keys = a.client, a.keys
}

// open opens a session, with patience where the gateway has no token left.
func (p *peer) open(t testing.TB) *attempt {
	t.Helper()
	for until := time.Now().Add(patience); ; {
		a := p.prepare(t, p.freshEcho(t), []byte("open"))
		m := p.deliver(t, a)
		if m.Code == codes.ServiceUnavailable && time.Now().Before(until) {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		p.complete(t, a, m)
		return a
	}
}

// deliver sends an attempt, by blocks where it is large.
func (p *peer) deliver(t testing.TB, a *attempt) (m coap.Message) {
	t.Helper()
	if len(a.body) <= 1024 {
		return p.do(t, p.message(a))
	}
	for num, rest := uint32(0), a.body; len(rest) > 0; num++ {
		n := min(len(rest), 1024)
		m = p.do(t, p.blockOf(a, num, n < len(rest), rest[:n], []byte("tag")))
		rest = rest[n:]
		if m.Code != codes.Continue {
			break
		}
	}
	return m
}

// blockOf is one block of an attempt.
func (p *peer) blockOf(a *attempt, num uint32, more bool, part, tag []byte) message.Message {
	opts := append(p.handshakeOptions(a.echo), option(coap.RequestTag, tag),
		option(message.Block1, coap.Block{Num: num, More: more, SZX: coap.MaxSZX}.Value()))
	return post(p.suite.ContentFormat(), part, opts...)
}

// seal makes a record with any sequence number under the session's keys.
func (p *peer) seal(t testing.TB, seq uint64, data []byte) (body []byte, n wire.SessionNonce) {
	t.Helper()
	forger, err := newForger(p.keys)
	if err != nil {
		t.Fatal(err)
	}
	n = wire.NewSessionNonce(p.keys.SID, seq)
	return forger.record(n, data), n
}

// record sends a body as a record.
func (p *peer) record(t testing.TB, body []byte) coap.Message {
	t.Helper()
	return p.do(t, post(wire.ContentFormatRecord, body))
}

// works shows that the session is alive: a message goes through and its answer
// verifies.
func (p *peer) works(t testing.TB) {
	t.Helper()
	body, n, err := p.client.Seal(nil, []byte("still here"))
	if err != nil {
		t.Fatal(err)
	}
	m := p.record(t, body)
	if m.Code != codes.Changed {
		t.Errorf("the session in being is gone: %s %q", coap.FormatCode(m.Code), m.Payload)
		return
	}
	if reply, err := p.client.Open(nil, n, m.Payload); err != nil {
		t.Errorf("the session's answer does not verify: %v", err)
	} else if len(reply) > wire.MaxData {
		t.Errorf("an answer of %d bytes", len(reply))
	}
}
