package air

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/udp/coder"

	"pqiot/peer/session"
	"pqiot/wire"
)

// encode makes the bytes of a message.
func encode(m message.Message) []byte {
	b := make([]byte, 2048)
	n, err := coder.DefaultCoder.Encode(m, b)
	must(err)
	return b[:n]
}

func decodeCoAP(b []byte) (message.Message, bool) {
	m := message.Message{Options: make(message.Options, 0, 16)}
	_, err := coder.DefaultCoder.Decode(b, &m)
	return m, err == nil
}

func opt(id message.OptionID, v []byte) message.Option { return message.Option{ID: id, Value: v} }

func contentFormat(n uint16) message.Option {
	return opt(message.ContentFormat, []byte{byte(n >> 8), byte(n)})
}

func value(m message.Message, id message.OptionID) []byte {
	v, err := m.Options.GetBytes(id)
	if err != nil {
		return nil
	}
	return v
}

// Diagnostic payloads in the words of RFC 8613 §8.2.
var (
	errReplay  = errors.New("replay detected")
	errContext = errors.New("security context not found")
)

// Gateway is a gateway board of the simulation: the session of package
// peer/session behind a CoAP server in virtual time.
type Gateway struct {
	w        *World
	n        *node
	key      *session.PrivateKey
	echo     session.EchoKey
	booted   uint64
	sessions map[wire.SID]*session.Server
	answers  map[answerKey]*answer
	Accepted int // messages
	slow     uint64
}

type answerKey struct {
	from netip.AddrPort
	mid  int32
}

type answer struct {
	bytes []byte
	frame uint64 // of its first copy
	sent  bool
}

func (w *World) addGateway(last byte) *Gateway {
	key, err := session.NewPrivateKey(session.MLKEM512, w.random(session.SeedSize))
	must(err)
	g := &Gateway{w: w, n: w.addStation(last), key: key}
	g.boot()
	g.n.receive = g.receive
	return g
}

// boot forgets everything that lives in RAM.
func (g *Gateway) boot() {
	copy(g.echo[:], g.w.random(len(g.echo)))
	g.booted = g.w.now
	g.sessions, g.answers = map[wire.SID]*session.Server{}, map[answerKey]*answer{}
}

func (g *Gateway) station() *node    { return g.n }
func (g *Gateway) servedKey() []byte { return g.key.EncapsulationKey() }

func (g *Gateway) uptime() uint32 { return uint32((g.w.now - g.booted) / 1e6) }

func (g *Gateway) clock() time.Time { return time.Unix(0, int64(g.w.now)*1000) }

func (g *Gateway) receive(p packetIn) {
	m, ok := decodeCoAP(p.payload)
	if !ok || m.Code == codes.Empty || m.Code >= 0x40 {
		return
	}
	k := answerKey{p.src, m.MessageID}
	if a := g.answers[k]; a != nil {
		if a.sent { // a copy of what is still being worked on is let be
			g.send(p, a, Retransmission)
		}
		return
	}
	a := &answer{bytes: encode(g.handle(p, m))}
	g.answers[k] = a
	g.w.after(g.w.between(800, 9000)+g.slow, func() { g.send(p, a, Benign) })
}

func (g *Gateway) send(p packetIn, a *answer, l Label) {
	a.sent = true
	frame := g.w.sendUDP(g.n, g.w.byIP(p.src.Addr()), p.dst, p.src, a.bytes, l, a.frame)
	if a.frame == 0 {
		a.frame = frame
	}
}

func (w *World) byIP(a netip.Addr) *node {
	for _, n := range w.nodes {
		if n.ip == a {
			return n
		}
	}
	return w.ap // as the router would: nobody here has the address
}

func (g *Gateway) handle(p packetIn, m message.Message) message.Message {
	out := message.Message{Token: m.Token, MessageID: m.MessageID, Type: message.Acknowledgement}
	fresh := g.echo.Mint(g.uptime(), p.src)
	if m.Code == codes.GET {
		pin := g.key.Pin()
		out.Code, out.Payload = codes.Content, g.key.EncapsulationKey()
		out.Options = message.Options{opt(message.ETag, pin[:wire.ETagSize]), contentFormat(wire.ContentFormatKey),
			opt(message.MaxAge, []byte{60}), opt(wire.OptionEcho, fresh[:])}
		return out
	}
	cf, _ := m.Options.ContentFormat()
	var data []byte
	var err error
	if cf == wire.ContentFormatHandshake512 {
		echo := value(m, wire.OptionEcho)
		if !g.echo.Fresh(echo, g.uptime(), p.src) {
			out.Code, out.Payload = codes.Unauthorized, []byte("echo")
			out.Options = message.Options{opt(wire.OptionEcho, fresh[:])}
			return out
		}
		data, err = g.open(m.Payload, echo)
	} else {
		data, err = g.record(m.Payload)
	}
	if err != nil {
		out.Code, out.Payload = codes.Unauthorized, []byte(err.Error())
		return out
	}
	out.Code, out.Payload, out.Options = codes.Changed, data, message.Options{contentFormat(wire.ContentFormatRecord)}
	return out
}

// open takes a handshake and returns the answer's payload.
func (g *Gateway) open(payload, echo []byte) ([]byte, error) {
	h, err := wire.ParseHandshake(payload, wire.CiphertextSize512)
	if err != nil {
		return nil, err
	}
	if g.sessions[h.Record.Nonce.SID()] != nil {
		return nil, errReplay
	}
	ss, err := g.key.Decapsulate(h.Ciphertext)
	if err != nil {
		return nil, err
	}
	keys, err := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: echo, Pin: g.key.Pin(), CT: h.Ciphertext}, ss[:])
	if err != nil {
		return nil, err
	}
	s, err := session.NewServer(keys, g.clock())
	if err != nil {
		return nil, err
	}
	if _, err := s.Handshake(nil, h.Record); err != nil {
		return nil, err
	}
	g.sessions[h.Record.Nonce.SID()] = s
	g.Accepted++
	return s.Seal(nil, h.Record.Nonce, []byte("ok"))
}

func (g *Gateway) record(payload []byte) ([]byte, error) {
	r, err := wire.ParseSessionRecord(payload)
	if err != nil {
		return nil, err
	}
	s := g.sessions[r.Nonce.SID()]
	if s == nil {
		return nil, errContext
	}
	if _, err := s.Open(nil, r); err != nil {
		return nil, errReplay
	}
	g.Accepted++
	return s.Seal(nil, r.Nonce, []byte("ok"))
}

// Sender is a sender board of the simulation.
type Sender struct {
	w        *World
	n        *node
	gw       *node
	port     uint16
	pin      [sha256.Size]byte
	mid      int32
	every    uint64
	client   *session.Client
	ek, echo []byte
	sent     int
	turn     int // counts beginnings
	waiting  *request
	Acked    int

	// Sent is what the monitor heard of this sender's records: for attackers.
	sentMessages []sentMessage
}

type sentMessage struct {
	payload   []byte // CoAP
	frame     uint64
	handshake bool
	src, dst  netip.AddrPort
}

type request struct {
	m      message.Message
	tries  int
	wait   uint64
	frame  uint64
	done   func(message.Message)
	failed func()
	over   bool
}

// addSender makes a sender that posts a message every so many µs.
func (w *World) addSender(last byte, g *Gateway, every uint64) *Sender {
	s := &Sender{w: w, n: w.addStation(last), gw: g.n, port: 40000 + uint16(last), pin: g.key.Pin(),
		mid: int32(w.rng.Uint32N(60000)), every: every}
	s.n.receive = s.receive
	w.after(w.between(10_000, 500_000), s.begin)
	return s
}

func (s *Sender) station() *node          { return s.n }
func (s *Sender) records() []sentMessage  { return s.sentMessages }
func (s *Sender) asking() (int32, uint16) { return s.mid, s.port }

// begin fetches the key and shakes hands; it does so again after failures.
func (s *Sender) begin() {
	s.client = nil
	s.turn++
	s.ask(message.Message{Code: codes.GET, Options: message.Options{opt(message.URIPath, []byte("pk"))}}, func(m message.Message) {
		s.ek, s.echo = append([]byte{}, m.Payload...), append([]byte{}, value(m, wire.OptionEcho)...)
		s.shakeHands()
	}, s.later)
}

func (s *Sender) later() { s.w.after(s.w.between(2_000_000, 4_000_000), s.begin) }

func (s *Sender) shakeHands() {
	pk, err := session.ParsePublicKey(session.MLKEM512, s.ek)
	if err != nil || pk.Pin() != s.pin {
		s.later()
		return
	}
	ct, ss, err := pk.Encapsulate(s.w.random(session.CoinSize))
	must(err)
	s.offer(ct, ss[:])
}

// offer posts the handshake; asked for a new Echo it repeats the ciphertext
// under the new transcript.
func (s *Sender) offer(ct, ss []byte) {
	keys, err := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: s.echo, Pin: s.pin, CT: ct}, ss)
	must(err)
	s.client, err = session.NewClient(keys, time.Unix(0, int64(s.w.now)*1000))
	must(err)
	record, nonce, err := s.client.Seal(nil, s.text())
	must(err)
	s.ask(message.Message{Code: codes.POST, Options: message.Options{opt(message.URIPath, []byte("msg")),
		contentFormat(wire.ContentFormatHandshake512), opt(wire.OptionEcho, s.echo)},
		Payload: append(append([]byte{}, ct...), record...)}, func(m message.Message) {
		if echo := value(m, wire.OptionEcho); m.Code == codes.Unauthorized && echo != nil {
			s.echo = append([]byte{}, echo...)
			s.offer(ct, ss)
			return
		}
		s.answered(m, nonce)
	}, s.later)
}

func (s *Sender) text() []byte {
	s.sent++
	return fmt.Appendf(nil, "T=%d.%d", 20+s.sent%7, s.sent%10)
}

func (s *Sender) post() {
	record, nonce, err := s.client.Seal(nil, s.text())
	if err != nil {
		s.later()
		return
	}
	s.ask(message.Message{Code: codes.POST, Payload: record, Options: message.Options{opt(message.URIPath, []byte("msg")),
		contentFormat(wire.ContentFormatRecord)}}, func(m message.Message) { s.answered(m, nonce) }, s.later)
}

func (s *Sender) answered(m message.Message, nonce wire.SessionNonce) {
	if m.Code != codes.Changed {
		s.later()
		return
	}
	if _, err := s.client.Open(nil, nonce, m.Payload); err != nil {
		s.later()
		return
	}
	s.Acked++
	turn := s.turn
	s.w.after(s.w.between(s.every*9/10, s.every*11/10), func() {
		if s.turn == turn { // it has not begun anew meanwhile
			s.post()
		}
	})
}

// ask sends a confirmable request, again and again as RFC 7252 §4.2 has it.
func (s *Sender) ask(m message.Message, done func(message.Message), failed func()) {
	s.mid = (s.mid + 1) & 0xFFFF
	m.MessageID, m.Token, m.Type = s.mid, s.w.random(4), message.Confirmable
	r := &request{m: m, wait: s.w.between(2_000_000, 3_000_000), done: done, failed: failed}
	s.waiting = r
	s.transmit(r)
}

func (s *Sender) transmit(r *request) {
	if r.over {
		return
	}
	if r.tries == 5 {
		r.over = true
		r.failed()
		return
	}
	l := Benign
	if r.tries > 0 {
		l = Retransmission
	}
	r.tries++
	payload := encode(r.m)
	src, dst := netip.AddrPortFrom(s.n.ip, s.port), netip.AddrPortFrom(s.gw.ip, wire.CoAPPort)
	frame := s.w.sendUDP(s.n, s.gw, src, dst, payload, l, r.frame)
	if r.frame == 0 {
		r.frame = frame
	}
	if cf, err := r.m.Options.ContentFormat(); err == nil && frame != 0 && r.tries == 1 {
		s.sentMessages = append(s.sentMessages, sentMessage{payload, frame, cf == wire.ContentFormatHandshake512, src, dst})
	}
	s.w.after(r.wait, func() { s.transmit(r) })
	r.wait *= 2
}

func (s *Sender) receive(p packetIn) {
	m, ok := decodeCoAP(p.payload)
	r := s.waiting
	if !ok || r == nil || r.over || m.MessageID != r.m.MessageID || string(m.Token) != string(r.m.Token) {
		return
	}
	r.over = true
	r.done(m)
}
