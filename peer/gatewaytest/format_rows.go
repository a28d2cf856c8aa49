package gatewaytest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/wire"
)

// formatRows: what is no message, or no request that the gateway knows.
func formatRows() []row {
	return []row{
		{name: "CoAP version other than 1", run: otherVersion},
		{name: "malformed message", run: malformed},
		{name: "ping, stray responses and acknowledgements", run: stray},
		{name: "unknown critical option", run: unknownOption},
		{name: "unknown path, method, Content-Format", run: unknownResource},
		{name: "queries", run: queries},
		{name: "random bytes", run: randomBytes},
	}
}

func otherVersion(t *testing.T, r *rig) {
	p := r.dial(t)
	for _, version := range []byte{0, 2, 3} {
		d := p.encode(get())
		d[0] = d[0]&0x3f | version<<6
		p.silent(t, "another version", d)
	}
}

func malformed(t *testing.T, r *rig) {
	p := r.dial(t)
	head := func(typ, tkl byte) []byte {
		p.mid++
		return []byte{0x40 | typ<<4 | tkl, 1, byte(p.mid >> 8), byte(p.mid)}
	}
	cases := map[string]func(typ byte) []byte{
		"truncated option":        func(typ byte) []byte { return append(head(typ, 0), 0xb2, 'p') },
		"truncated option length": func(typ byte) []byte { return append(head(typ, 0), 0xbd) },
		"truncated option delta":  func(typ byte) []byte { return append(head(typ, 0), 0xe1, 0) },
		"option delta 15":         func(typ byte) []byte { return append(head(typ, 0), 0xf1, 0) },
		"option length 15":        func(typ byte) []byte { return append(head(typ, 0), 0xbf, 0) },
		"bare ff":                 func(typ byte) []byte { return append(head(typ, 0), 0xb2, 'p', 'k', 0xff) },
		"truncated token":         func(typ byte) []byte { return append(head(typ, 8), 1, 2, 3) },
	}
	for tkl := byte(9); tkl <= 15; tkl++ {
		cases["token length "+string('0'+tkl)] = func(typ byte) []byte { return append(head(typ, tkl), make([]byte, tkl)...) }
	}
	for name, make := range cases {
		d := make(0)
		if got := p.raw(t, d); !bytes.Equal(got, []byte{0x70, 0, d[2], d[3]}) {
			t.Errorf("%s in a CON: %x, a Reset expected", name, got)
		}
		p.silent(t, name+" in a NON", make(1))
	}
	for n := range 4 {
		p.silent(t, "a cut header", []byte{0x40, 1, 0, 0}[:n])
	}
}

func stray(t *testing.T, r *rig) {
	p := r.dial(t)
	d := p.encode(message.Message{Code: codes.Content, Payload: []byte("x")})
	if got := p.raw(t, d); !bytes.Equal(got, []byte{0x70, 0, d[2], d[3]}) {
		t.Errorf("a response in a CON: %x, a Reset expected", got)
	}
	for _, typ := range []byte{2, 3} {
		p.silent(t, "an empty ACK or RST", []byte{0x40 | typ<<4, 0, 1, 2})
		d := p.encode(get())
		d[0] |= typ << 4
		p.silent(t, "a request in an ACK or RST", d)
	}
	d = p.encode(get())
	d[0] |= 1 << 4
	m, err := coap.Parse(p.raw(t, d), nil)
	if err != nil || m.Type != message.NonConfirmable || m.Code != codes.Content || !bytes.Equal(m.Token, token) {
		t.Errorf("GET in a NON: %v %v, %v", m.Type, m.Code, err)
	}
}

func unknownOption(t *testing.T, r *rig) {
	p := r.dial(t)
	echo := p.freshEcho(t)
	for name, m := range map[string]message.Message{
		"If-Match":           get(option(message.IfMatch, []byte{1})),
		"number 65001":       get(option(65001, nil)),
		"Proxy-Uri":          get(option(message.ProxyURI, []byte("coap://x"))),
		"Uri-Host of 0 B":    get(option(message.URIHost, nil)),
		"Accept of 3 B":      get(option(message.Accept, []byte{1, 2, 3})),
		"Uri-Port twice":     get(option(message.URIPort, []byte{1}), option(message.URIPort, []byte{1})),
		"on an unknown path": build(codes.GET, "none", []message.Option{option(2049, nil)}, nil),
		"on a record":        post(wire.ContentFormatRecord, make([]byte, 40), option(message.IfNoneMatch, nil)),
	} {
		expect(t, name, p.do(t, m), codes.BadOption, "")
	}
	for name, more := range map[string]message.Option{
		"Uri-Host":                option(message.URIHost, []byte("gateway")),
		"Uri-Port":                option(message.URIPort, []byte{0x16, 0x33}),
		"an unknown elective one": option(65000, []byte("x")),
		"Size1 of 5 B":            option(message.Size1, make([]byte, 5)),
		"Observe":                 option(message.Observe, nil),
	} {
		expect(t, name+" is ignored", p.do(t, get(option(coap.Echo, echo), more)), codes.Content, "")
	}
}

func unknownResource(t *testing.T, r *rig) {
	p := r.dial(t)
	body := make([]byte, 40)
	type c struct {
		name string
		m    message.Message
		want codes.Code
	}
	cases := []c{
		{"GET /", message.Message{Code: codes.GET}, codes.NotFound},
		{"GET /pq", build(codes.GET, "pq", nil, nil), codes.NotFound},
		{"GET /pk/pk", build(codes.GET, "pk", []message.Option{option(message.URIPath, []byte("pk"))}, nil), codes.NotFound},
		{"POST /none", build(codes.POST, "none", nil, nil), codes.NotFound},
		{"no Content-Format", build(codes.POST, "msg", nil, body), codes.UnsupportedMediaType},
		{"Content-Format 0", post(0, body), codes.UnsupportedMediaType},
		{"Content-Format 65000", post(wire.ContentFormatKey, body), codes.UnsupportedMediaType},
		{"Content-Format 65005", post(65005, body), codes.UnsupportedMediaType},
	}
	for _, code := range []codes.Code{codes.POST, codes.PUT, codes.DELETE, 5, 31} {
		cases = append(cases, c{"/pk", build(code, "pk", nil, nil), codes.MethodNotAllowed})
	}
	for _, code := range []codes.Code{codes.GET, codes.PUT, codes.DELETE, 7} {
		cases = append(cases, c{"/msg", build(code, "msg", nil, body), codes.MethodNotAllowed})
	}
	for format := uint16(wire.ContentFormatHandshake512); format <= wire.ContentFormatHandshake1024; format++ {
		if format != r.suite.ContentFormat() {
			cases = append(cases, c{"another suite", post(format, body), codes.UnsupportedMediaType})
		}
	}
	for _, c := range cases {
		expect(t, c.name, p.do(t, c.m), c.want, "")
	}
}

func queries(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	for name, queries := range map[string][]string{
		"empty kid": {"k="}, "kid of 33 B": {"k=" + string(make([]byte, 33))}, "another": {"x=1"},
		"twice": {"k=a", "k=a"}, "none of ours": {""}, "and another": {"k=a", "x"},
	} {
		opts := []message.Option{option(coap.Echo, a.echo)}
		for _, q := range queries {
			opts = append(opts, option(message.URIQuery, []byte(q)))
		}
		expect(t, name, p.do(t, post(r.suite.ContentFormat(), a.body, opts...)), codes.BadOption, "")
	}
	body, _ := r.legit.seal(t, 5, nil)
	expect(t, "k= on a record", p.do(t, post(wire.ContentFormatRecord, body, option(message.URIQuery, []byte("k=a")))), codes.BadOption, "")
}

// randomBytes sends noise and mutated requests. There is nothing to expect but
// that the gateway lives.
func randomBytes(t *testing.T, r *rig) {
	p := r.dial(t)
	a := p.prepare(t, p.freshEcho(t), nil)
	seeds := [][]byte{p.encode(get()), p.encode(p.message(&attempt{echo: a.echo, body: a.body[:min(len(a.body), 1024)]}))}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		d := bytes.Clone(seeds[i%len(seeds)])
		if i%5 == 4 {
			d = make([]byte, rng.IntN(1500))
			for j := range d {
				d[j] = byte(rng.Uint32())
			}
		}
		for range rng.IntN(4) {
			if len(d) > 0 {
				d[rng.IntN(len(d))] = byte(rng.Uint32())
			}
		}
		if len(d) > 0 {
			d = d[:rng.IntN(len(d))+1]
		}
		p.conn.Write(d)
		if i%50 == 49 { // let it keep up: what the kernel drops tests nothing
			p.drain(t)
		}
	}
}

// drain pings and reads until the ping is answered.
func (p *peer) drain(t testing.TB) {
	t.Helper()
	p.mid++
	ping := []byte{0x40, 0, byte(p.mid >> 8), byte(p.mid)}
	if _, err := p.conn.Write(ping); err != nil {
		t.Fatal(err)
	}
	for !bytes.Equal(p.read(t), []byte{0x70, 0, ping[2], ping[3]}) {
	}
}
