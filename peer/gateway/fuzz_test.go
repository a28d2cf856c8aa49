package gateway

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// ones is a source of random bytes that are all one: the same Echo and dummy
// PSK in every run, so that the corpus stays good.
type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 1
	}
	return len(p), nil
}

// subject is what a run of the fuzzer needs: a key, and one genuine handshake
// with its session.
type subject struct {
	key       *session.PrivateKey
	handshake []byte
	client    *session.Client
	keys      *session.Keys
	sid       wire.SID
}

var (
	fuzzSource = netip.MustParseAddrPort("192.0.2.1:1000")
	fuzzBoot   = time.Unix(1000, 0)
)

// gateway makes a gateway, and gathers the data that it accepts.
func (s *subject) gateway(t testing.TB, accepted *[]string) *Gateway {
	t.Helper()
	g, err := New(Config{Key: s.key, OSCORE: true, Random: ones{}, Event: func(e Event) {
		if e.Kind == Message {
			*accepted = append(*accepted, string(e.Data))
		}
	}}, fuzzBoot)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newSubject(t testing.TB) *subject {
	t.Helper()
	key, err := session.NewPrivateKey(session.MLKEM512, bytes.Repeat([]byte{1}, session.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	s := &subject{key: key}
	pub, err := session.ParsePublicKey(session.MLKEM512, key.EncapsulationKey())
	if err != nil {
		t.Fatal(err)
	}
	ct, ss, err := pub.Encapsulate(make([]byte, session.CoinSize))
	if err != nil {
		t.Fatal(err)
	}
	echo := s.gateway(t, nil).echo.Mint(0, fuzzSource)
	keys, err := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: echo[:], Pin: key.Pin(), CT: ct}, ss[:])
	if err != nil {
		t.Fatal(err)
	}
	s.keys, s.sid = keys, keys.SID
	if s.client, err = session.NewClient(keys, fuzzBoot); err != nil {
		t.Fatal(err)
	}
	body, _, err := s.client.Seal(ct, []byte("genuine"))
	if err != nil {
		t.Fatal(err)
	}
	s.handshake = encode(codes.POST, "msg", body, message.Option{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatHandshake512)},
		message.Option{ID: coap.Echo, Value: echo[:]})
	return s
}

func encode(code codes.Code, path string, body []byte, opts ...message.Option) []byte {
	all := append(message.Options{{ID: message.URIPath, Value: []byte(path)}}, opts...)
	return coap.Append(nil, message.Message{Type: message.Confirmable, MessageID: 1, Token: message.Token{1, 2, 3, 4}, Code: code, Options: all, Payload: body})
}

// FuzzGateway gives a gateway two datagrams. Whatever they are, answers are
// messages, nothing but genuine data is accepted, and the genuine handshake
// works afterwards.
func FuzzGateway(f *testing.F) {
	s := newSubject(f)
	record, _, err := s.client.Seal(nil, []byte("genuine"))
	if err != nil {
		f.Fatal(err)
	}
	hs := message.Option{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatHandshake512)}
	cf := message.Option{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatRecord)}
	f.Add(encode(codes.GET, "pk", nil), s.handshake)
	f.Add(s.handshake, encode(codes.POST, "msg", record, cf))
	f.Add(s.handshake, encode(codes.POST, "msg", []byte("0123456789"), message.Option{ID: coap.OSCORE, Value: append([]byte{9, 0}, s.sid[:]...)}))
	f.Add(encode(codes.POST, "msg", s.handshake[40:168], hs, message.Option{ID: message.Block1, Value: []byte{0x0b}}), []byte{0x40, 0, 0, 1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var accepted []string
		g := s.gateway(t, &accepted)
		for _, d := range [][]byte{first, second} {
			if out := g.Handle(fuzzBoot, fuzzSource, d); out != nil {
				if m, err := coap.Parse(out, nil); err != nil || m.Code != 0 && m.Code < 64 {
					t.Fatalf("%x is answered with %x", d, out)
				}
			}
		}
		for _, data := range accepted {
			if data != "genuine" {
				t.Fatalf("accepted %q", data)
			}
		}
		genuine := bytes.Clone(s.handshake)
		genuine[2], genuine[3] = 0xfe, 0xfe // a message id of its own
		m, err := coap.Parse(g.Handle(fuzzBoot.Add(20*time.Second), fuzzSource, genuine), nil)
		if err != nil || m.Code != codes.Changed && (len(accepted) == 0 || m.Code != codes.Unauthorized) {
			t.Errorf("the genuine handshake: %v %q, %v", m.Code, m.Payload, err)
		}
	})
}
