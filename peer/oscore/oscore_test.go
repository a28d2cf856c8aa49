package oscore

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/wire/vectors"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parse(t testing.TB, b []byte) message.Message {
	t.Helper()
	m, err := coap.Parse(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m.Message
}

func newContext(t testing.TB, p Params) *Context {
	t.Helper()
	c, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reverse(p Params) Params {
	p.SenderID, p.RecipientID = p.RecipientID, p.SenderID
	return p
}

// appendixC returns the parameters of RFC 8613 Appendix C.1, C.2 and C.3, as
// the client holds them.
func appendixC(t testing.TB) [3]Params {
	secret, salt := unhex(t, "0102030405060708090a0b0c0d0e0f10"), unhex(t, "9e7ca92223786340")
	return [3]Params{
		{MasterSecret: secret, MasterSalt: salt, RecipientID: []byte{1}},
		{MasterSecret: secret, SenderID: []byte{0}, RecipientID: []byte{1}},
		{MasterSecret: secret, MasterSalt: salt, IDContext: unhex(t, "37cbf3210017a2d3"), RecipientID: []byte{1}},
	}
}

// TestAppendixCKeys: RFC 8613 C.1–C.3. The keys themselves live in the AEADs;
// C.4–C.8 show that they are right.
func TestAppendixCKeys(t *testing.T) {
	for i, want := range [][3]string{
		{"4622d4dd6d944168eefb54987c", "4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"},
		{"be35ae297d2dace910c52e99f9", "bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"},
		{"2ca58fb85ff1b81c0b7181b85e", "2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"},
	} {
		c := newContext(t, appendixC(t)[i])
		for j, got := range [][]byte{c.iv, c.nonce(c.senderID, []byte{0}), c.nonce(c.recipientID, []byte{0})} {
			if hex.EncodeToString(got) != want[j] {
				t.Errorf("C.%d value %d = %x, want %s", i+1, j, got, want[j])
			}
		}
	}
}

// TestAppendixCMessages: RFC 8613 C.4–C.8, each protected and unprotected.
func TestAppendixCMessages(t *testing.T) {
	for i, v := range []struct{ name, plain, protected string }{
		{"C.4", "44015d1f00003974396c6f63616c686f737483747631", "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e"},
		{"C.5", "440171c30000b932396c6f63616c686f737483747631", "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0"},
		{"C.6", "44012f8eef9bbf7a396c6f63616c686f737483747631", "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3"},
	} {
		p := appendixC(t)[i]
		client, server := newContext(t, p), newContext(t, reverse(p))
		client.next = 20
		got, req, err := client.ProtectRequest(parse(t, unhex(t, v.plain)))
		if raw := coap.Append(nil, got); err != nil || hex.EncodeToString(raw) != v.protected || req.SEQ() != 20 {
			t.Errorf("%s protected to %x, %v", v.name, raw, err)
		}
		back, sreq, err := server.UnprotectRequest(parse(t, unhex(t, v.protected)))
		if raw := coap.Append(nil, back); err != nil || hex.EncodeToString(raw) != v.plain || sreq.SEQ() != 20 {
			t.Errorf("%s unprotected to %x, %v", v.name, raw, err)
		}
		if _, _, err := server.UnprotectRequest(parse(t, unhex(t, v.protected))); !errors.Is(err, ErrReplay) {
			t.Errorf("%s again: %v", v.name, err)
		}
	}
	p := appendixC(t)[0]
	client, server := newContext(t, p), newContext(t, reverse(p))
	req := Request{KID: []byte{}, PIV: []byte{0x14}}
	const plain = "64455d1f00003974ff48656c6c6f20576f726c6421"
	for _, v := range []struct {
		name, protected string
		protect         func(message.Message, Request) (message.Message, error)
	}{
		{"C.7", "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106", server.ProtectResponse},
		{"C.8", "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e", server.ProtectResponseFresh},
	} {
		got, err := v.protect(parse(t, unhex(t, plain)), req)
		if raw := coap.Append(nil, got); err != nil || hex.EncodeToString(raw) != v.protected {
			t.Errorf("%s protected to %x, %v", v.name, raw, err)
		}
		back, err := client.UnprotectResponse(parse(t, unhex(t, v.protected)), req)
		if raw := coap.Append(nil, back); err != nil || hex.EncodeToString(raw) != plain {
			t.Errorf("%s unprotected to %x, %v", v.name, raw, err)
		}
	}
}

// vectorA returns both ends of the OSCORE context of session vector A.
func vectorA(t testing.TB) (client, server *Context) {
	var vs []struct {
		SID    string
		Secret string `json:"oscore_ms"`
		Salt   string `json:"oscore_salt"`
	}
	if err := json.Unmarshal(vectors.Own(t, "session-v1.json"), &vs); err != nil || len(vs) == 0 {
		t.Fatal(err)
	}
	p := Params{MasterSecret: unhex(t, vs[0].Secret), MasterSalt: unhex(t, vs[0].Salt), SenderID: unhex(t, vs[0].SID), RecipientID: []byte{1}}
	return newContext(t, p), newContext(t, reverse(p))
}

func TestVectorA(t *testing.T) {
	client, server := vectorA(t)
	m := message.Message{Type: message.Confirmable, Code: codes.POST, MessageID: 1, Token: []byte{1, 2, 3, 4},
		Options: message.Options{{ID: message.URIPath, Value: []byte("msg")}}, Payload: []byte("T=21.5C")}
	out, req, err := client.ProtectRequest(m)
	raw := coap.Append(nil, out)
	if err != nil || hex.EncodeToString(raw) != "4402000101020304990900250f62e5be7db3ff5a0da6297572c9d919dda7f16a6dad110b09684c4c" {
		t.Errorf("request %x, %v", raw, err)
	}
	if _, _, err := server.UnprotectRequest(parse(t, raw)); err != nil {
		t.Error(err)
	}
	reply, err := server.ProtectResponse(message.Message{Type: message.Acknowledgement, Code: codes.Changed, MessageID: 1, Token: m.Token, Payload: []byte("ok")}, req)
	if raw := coap.Append(nil, reply); err != nil || hex.EncodeToString(raw) != "644400010102030490ff239c0a2897f42d414389813a" {
		t.Errorf("response %x, %v", raw, err)
	}
}

// TestForged flips every bit of option and ciphertext: nothing passes, and the
// genuine request does afterwards.
func TestForged(t *testing.T) {
	client, server := vectorA(t)
	out, req, err := client.ProtectRequest(message.Message{Code: codes.POST, Payload: []byte("data"), Options: message.Options{{ID: message.URIPath, Value: []byte("msg")}}})
	if err != nil {
		t.Fatal(err)
	}
	option := out.Options[0].Value
	for i := range 8 * (len(option) + len(out.Payload)) {
		m := out
		value, payload := bytes.Clone(option), bytes.Clone(out.Payload)
		if i < 8*len(option) {
			value[i/8] ^= 1 << (i % 8)
		} else {
			payload[i/8-len(option)] ^= 1 << (i % 8)
		}
		m.Options, m.Payload = message.Options{{ID: coap.OSCORE, Value: value}}, payload
		if _, _, err := server.UnprotectRequest(m); err == nil {
			t.Fatalf("bit %d does not matter", i)
		}
	}
	if _, _, err := server.UnprotectRequest(out); err != nil {
		t.Errorf("the genuine request: %v", err)
	}
	reply, err := server.ProtectResponse(message.Message{Code: codes.Changed, Payload: []byte("ok")}, req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.UnprotectResponse(reply, Request{KID: req.KID, PIV: []byte{1}}); !errors.Is(err, ErrDecrypt) {
		t.Errorf("an answer to another request: %v", err)
	}
}

func TestContextLimits(t *testing.T) {
	p := appendixC(t)[0]
	p.MaxSEQ = 1
	c := newContext(t, p)
	for range 2 {
		if _, _, err := c.ProtectRequest(message.Message{Code: codes.GET}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.ProtectRequest(message.Message{Code: codes.GET}); !errors.Is(err, ErrSpent) {
		t.Errorf("a third of two: %v", err)
	}
	p.SenderID = make([]byte, 8)
	if _, err := New(p); !errors.Is(err, ErrParams) {
		t.Errorf("an id of 8 bytes: %v", err)
	}
}

func TestOptionBad(t *testing.T) {
	for _, bad := range []string{"00", "0000", "06000000000000", "07", "20", "0102ff", "02ff", "11ff05aa", "10", "1905"} {
		if o, err := ParseOption(unhex(t, bad)); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %+v, %v", bad, o, err)
		}
	}
}

func FuzzOption(f *testing.F) {
	for _, s := range []string{"", "0914", "091400", "19140837cbf3210017a2d3", "0900250f62e5be7db3", "0100"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOption(b)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Error(err)
			}
			return
		}
		if out := AppendOption(nil, o); !bytes.Equal(out, b) {
			t.Errorf("%x comes back as %x", b, out)
		}
	})
}

// FuzzUnprotect gives both ends anything at all: without the key nothing
// verifies.
func FuzzUnprotect(f *testing.F) {
	client, server := vectorA(f)
	f.Add(unhex(f, "0900250f62e5be7db3"), unhex(f, "5a0da6297572c9d919dda7f16a6dad110b09684c"))
	f.Add(unhex(f, "0900250f62e5be7db3"), []byte{})
	f.Fuzz(func(t *testing.T, option, payload []byte) {
		m := message.Message{Code: codes.POST, Payload: payload, Options: message.Options{{ID: coap.OSCORE, Value: option}}}
		if _, _, err := server.UnprotectRequest(m); err == nil && hex.EncodeToString(payload) != "5a0da6297572c9d919dda7f16a6dad110b09684c4c" {
			t.Errorf("forged request %x %x", option, payload)
		}
		if _, err := client.UnprotectResponse(m, Request{KID: []byte{1}, PIV: []byte{0}}); err == nil {
			t.Errorf("forged response %x %x", option, payload)
		}
	})
}
