package gateway

import (
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/oscore"
	"pqiot/peer/session"
	"pqiot/wire"
)

// oscoreClient is the sender's end of a session in RFC 8613's terms.
type oscoreClient struct {
	*oscore.Context
	g   *Gateway
	mid uint16
}

func newOSCOREClient(t *testing.T, next uint64) (*oscoreClient, *[]string) {
	t.Helper()
	s, accepted := newSubject(t), &[]string{}
	g := s.gateway(t, accepted)
	handle(t, g, fuzzBoot, s.handshake, codes.Changed, "")
	c, err := oscore.New(oscore.Params{MasterSecret: s.keys.OSCORESecret[:], MasterSalt: s.keys.OSCORESalt[:],
		SenderID: s.sid[:], RecipientID: []byte{session.GatewayID}, NextSEQ: next})
	if err != nil {
		t.Fatal(err)
	}
	return &oscoreClient{Context: c, g: g, mid: 100}, accepted
}

// send sends a protected request and returns the answer as it came.
func (c *oscoreClient) send(t *testing.T, code codes.Code, path string, opts ...message.Option) (coap.Message, oscore.Request, []byte) {
	t.Helper()
	c.mid++
	m := message.Message{Type: message.Confirmable, MessageID: int32(c.mid), Token: message.Token{1}, Code: code, Payload: []byte("inside"),
		Options: append(message.Options{{ID: message.URIPath, Value: []byte(path)}}, opts...)}
	out, req, err := c.ProtectRequest(m)
	if err != nil {
		t.Fatal(err)
	}
	d := coap.Append(nil, out)
	answer, err := coap.Parse(c.g.Handle(fuzzBoot.Add(time.Second), fuzzSource, d), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer, req, d
}

// TestOSCOREInside: what is wrong inside is answered inside.
func TestOSCOREInside(t *testing.T) {
	c, accepted := newOSCOREClient(t, 0)
	for _, v := range []struct {
		name string
		code codes.Code
		path string
		opts []message.Option
		want codes.Code
	}{
		{"POST /msg", codes.POST, "msg", nil, codes.Changed},
		{"GET /msg", codes.GET, "msg", nil, codes.MethodNotAllowed},
		{"POST /pk", codes.POST, "pk", nil, codes.NotFound},
		{"unknown critical option", codes.POST, "msg", []message.Option{{ID: 2049}}, codes.BadOption},
	} {
		answer, req, _ := c.send(t, v.code, v.path, v.opts...)
		inner, err := c.UnprotectResponse(answer.Message, req)
		if answer.Code != codes.Changed || err != nil || inner.Code != v.want {
			t.Errorf("%s: %v outside, %v inside, %v", v.name, answer.Code, inner.Code, err)
		}
	}
	if len(*accepted) != 2 || (*accepted)[1] != "inside" { // the first flight's before it
		t.Errorf("accepted %q", *accepted)
	}
}

func TestOSCOREReplay(t *testing.T) {
	c, accepted := newOSCOREClient(t, 0)
	_, _, d := c.send(t, codes.POST, "msg")
	first := handle(t, c.g, fuzzBoot.Add(time.Second), d, codes.Changed, "")
	if again := handle(t, c.g, fuzzBoot.Add(time.Second), d, codes.Changed, ""); string(first) != string(again) {
		t.Error("a retransmission gets another answer")
	}
	d[3]++
	handle(t, c.g, fuzzBoot.Add(time.Second), d, codes.Unauthorized, diagReplay)
	if len(*accepted) != 2 {
		t.Errorf("accepted %q", *accepted)
	}
}

// TestOSCORELimit: a session ends at the same number, whatever is spoken in it.
func TestOSCORELimit(t *testing.T) {
	c, _ := newOSCOREClient(t, wire.MaxSessionSEQ)
	if answer, _, _ := c.send(t, codes.POST, "msg"); answer.Code != codes.Changed {
		t.Errorf("SEQ 2^20: %v", answer.Code)
	}
	for range 2 {
		if answer, _, _ := c.send(t, codes.POST, "msg"); answer.Code != codes.Unauthorized || string(answer.Payload) != diagNoContext {
			t.Errorf("SEQ over 2^20: %v %q", answer.Code, answer.Payload)
		}
	}
	if len(c.g.sessions.bySID) != 0 {
		t.Error("the session lives on")
	}
}
