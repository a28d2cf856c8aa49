package peer_test

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/gateway"
	"pqiot/peer/sender"
	"pqiot/peer/session"
	"pqiot/wire"
)

// unlimited lets a benchmark see the work and not the buckets.
func unlimited() *gateway.Limits {
	r := gateway.Rate{PerSecond: 1e9, Burst: 1e9}
	return &gateway.Limits{Decapsulations: r, PerSource: r, Keys: r, FailedTags: r}
}

// serve starts a gateway on the loopback network.
func serve(b *testing.B, cfg gateway.Config, suite session.Suite) (string, [32]byte) {
	b.Helper()
	key, err := session.NewPrivateKey(suite, seed(1))
	if err != nil {
		b.Fatal(err)
	}
	cfg.Key, cfg.Limits, cfg.PSKs = key, unlimited(), map[string][]byte{testKID: testPSK}
	g, err := gateway.New(cfg, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Serve(ctx, conn, nil) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		conn.Close()
	})
	return conn.LocalAddr().String(), g.Pin()
}

func dial(b *testing.B, address string, cfg sender.Config) *sender.Sender {
	b.Helper()
	link, err := sender.Dial(context.Background(), address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { link.Close() })
	s, err := sender.New(cfg, link)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkHandshake: GET, encapsulation, POST, decapsulation and key
// confirmation between two UDP sockets; the kid's session is replaced.
func BenchmarkHandshake(b *testing.B) {
	for _, suite := range []session.Suite{session.MLKEM512, session.MLKEM768, session.MLKEM1024} {
		b.Run(suite.String(), func(b *testing.B) {
			address, pin := serve(b, gateway.Config{}, suite)
			cfg := sender.Config{Suite: suite, Pin: &pin, KID: []byte(testKID), PSK: testPSK}
			link, err := sender.Dial(context.Background(), address)
			if err != nil {
				b.Fatal(err)
			}
			defer link.Close()
			b.ReportAllocs()
			for b.Loop() {
				s, err := sender.New(cfg, link)
				if err != nil {
					b.Fatal(err)
				}
				send(b, s, "sixteen bytes it")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
		})
	}
}

// BenchmarkRecord: one message and its answer between two UDP sockets.
func BenchmarkRecord(b *testing.B) {
	for _, oscore := range []bool{false, true} {
		b.Run(map[bool]string{false: "v1", true: "OSCORE"}[oscore], func(b *testing.B) {
			address, pin := serve(b, gateway.Config{OSCORE: oscore}, session.MLKEM512)
			s := dial(b, address, sender.Config{Suite: session.MLKEM512, Pin: &pin, OSCORE: oscore, KID: []byte(testKID), PSK: testPSK})
			send(b, s, "open")
			b.ReportAllocs()
			for b.Loop() {
				send(b, s, "sixteen bytes it")
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkGatewayRecord: what the gateway alone spends on a record, from
// datagram to datagram. The same records come again in a session of their own.
func BenchmarkGatewayRecord(b *testing.B) {
	w := newWorld(b, gateway.Config{Limits: unlimited(), Slots: 1 << 16})
	w.config.Event = nil
	w.reboot(b)
	from := w.dial(1).from
	var records [][]byte
	open := func() {
		records = w.records(b, 50_000)
	}
	open()
	next := 0
	b.ReportAllocs()
	for b.Loop() {
		if next == len(records) {
			b.StopTimer()
			open()
			next = 0
			b.StartTimer()
		}
		if out := w.gateway.Handle(w.now, from, records[next]); len(out) < 40 {
			b.Fatalf("%x", out)
		}
		next++
	}
}

// records opens a session by hand and seals n records in it.
func (w *world) records(b *testing.B, n int) [][]byte {
	b.Helper()
	from := w.dial(1).from
	mid := uint16(0)
	encode := func(code codes.Code, path string, body []byte, opts ...message.Option) []byte {
		mid++
		all := append(message.Options{{ID: message.URIPath, Value: []byte(path)}}, opts...)
		return coap.Append(nil, message.Message{MessageID: int32(mid), Token: message.Token{1, 2, 3, 4}, Code: code, Options: all, Payload: body})
	}
	m := parse(b, w.gateway.Handle(w.now, from, encode(codes.GET, "pk", nil)))
	echo, err := m.Options.GetBytes(coap.Echo)
	if err != nil {
		b.Fatal(err)
	}
	echo = bytes.Clone(echo)
	pub, err := session.ParsePublicKey(session.MLKEM512, m.Payload)
	if err != nil {
		b.Fatal(err)
	}
	w.coin++
	ct, ss, err := pub.Encapsulate(bytes.Repeat([]byte{w.coin}, session.CoinSize))
	if err != nil {
		b.Fatal(err)
	}
	keys, err := session.Derive(&session.Transcript{Suite: session.MLKEM512, Echo: echo, Pin: pub.Pin(), CT: ct}, ss[:])
	if err != nil {
		b.Fatal(err)
	}
	c, err := session.NewClient(keys, w.now)
	if err != nil {
		b.Fatal(err)
	}
	var out [][]byte
	for i := range n + 1 {
		format, body := uint32(wire.ContentFormatRecord), []byte{}
		if i == 0 {
			format, body = wire.ContentFormatHandshake512, ct
		}
		if body, _, err = c.Seal(body, []byte("sixteen bytes it")); err != nil {
			b.Fatal(err)
		}
		d := encode(codes.POST, "msg", body, message.Option{ID: message.ContentFormat, Value: coap.Uint(format)}, message.Option{ID: coap.Echo, Value: echo})
		if i == 0 {
			if m := parse(b, w.gateway.Handle(w.now, from, d)); m.Code != codes.Changed {
				b.Fatalf("handshake: %v %s", m.Code, m.Payload)
			}
			continue
		}
		out = append(out, d)
	}
	return out
}

// BenchmarkFirstMessage counts, from real exchanges, the CoAP bytes and round
// trips up to and with the request that carries a message of 16 bytes. The
// plan's figures are 1696, 899 and 61 bytes.
func BenchmarkFirstMessage(b *testing.B) {
	for _, c := range []struct {
		name    string
		warm    int // messages before
		refresh bool
		plan    int
	}{{"cold", 0, false, 1696}, {"refreshed", 1, true, 899}, {"later", 1, false, 61}} {
		b.Run(c.name, func(b *testing.B) {
			var n, requests int
			for b.Loop() {
				w := newWorld(b, gateway.Config{Limits: unlimited()})
				l := w.dial(1)
				s := l.sender(b, withPSK)
				for range c.warm {
					send(b, s, "warm")
				}
				if c.refresh {
					w.now = w.now.Add(session.MaxAge)
				}
				l.sent = nil
				send(b, s, "sixteen bytes it")
				n, requests = l.upToMessage()
			}
			b.ReportMetric(float64(n), "CoAP-B")
			b.ReportMetric(float64(c.plan), "planned-B")
			b.ReportMetric(float64(requests), "round-trips")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// upToMessage sums everything but the last answer.
func (l *link) upToMessage() (bytes, requests int) {
	for _, p := range l.sent[:len(l.sent)-1] {
		bytes += len(p.datagram)
		if p.up {
			requests++
		}
	}
	return bytes, requests
}
