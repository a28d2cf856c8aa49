package session

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"pqiot/wire"
	"pqiot/wire/vectors"
)

func TestObserverOpensVectorA(t *testing.T) {
	var vs []struct {
		SID, Kc, Kg, IV, Rec0, Resp0, Rec1, Plaintext string
		Response                                      string `json:"response_plaintext"`
	}
	if err := json.Unmarshal(vectors.Own(t, "session-v1.json"), &vs); err != nil {
		t.Fatal(err)
	}
	v := vs[0]
	line, err := wire.ParseKeyLogLine([]byte(wire.KeyLogSession + " " + v.SID + " 512 " + v.Kc + " " + v.Kg + " " + v.IV))
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObserver(&line)
	if err != nil {
		t.Fatal(err)
	}
	record := func(s string) wire.SessionRecord {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := wire.ParseSessionRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := record(v.Rec0)
	for _, s := range []string{v.Rec0, v.Rec1, v.Rec0} {
		if got, err := o.Request(nil, record(s)); err != nil || hex.EncodeToString(got) != v.Plaintext {
			t.Errorf("request: %x, %v", got, err)
		}
	}
	answer := record(v.Resp0)
	if got, err := o.Response(nil, first.Nonce, answer); err != nil || hex.EncodeToString(got) != v.Response {
		t.Errorf("response: %x, %v", got, err)
	}
	if _, err := o.Response(nil, record(v.Rec1).Nonce, answer); !errors.Is(err, ErrTag) {
		t.Errorf("a response to another request: %v", err)
	}
	first.Sealed[0] ^= 1
	if _, err := o.Request(nil, first); !errors.Is(err, ErrTag) {
		t.Errorf("a flipped bit: %v", err)
	}
}
