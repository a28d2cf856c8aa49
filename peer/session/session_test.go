package session

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pqiot/wire"
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

// vector is one of testdata/vectors/session-v1.json, which the C core and the
// dissector answer to as well.
type vector struct {
	ID, M, PSK, KID, Echo, EK, CT, SS, SID, TH, PRK, MS, Salt, Kc, Kg, IV string

	Seed         string `json:"seed_dz"`
	Plaintext    string
	Reply        string `json:"response_plaintext"`
	N0           string
	AAD0         string
	Rec0         string
	AADR         string
	Resp0        string
	Rec1         string
	OSCOREMS     string `json:"oscore_ms"`
	OSCORESalt   string `json:"oscore_salt"`
	HandshakeSum string `json:"hs_sha256"`
}

func vectorA(t testing.TB) vector {
	var vs []vector
	if err := json.Unmarshal(vectors.Own(t, "session-v1.json"), &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) != 1 || vs[0].ID != "A" {
		t.Fatalf("vector A alone expected, got %d", len(vs))
	}
	return vs[0]
}

func (v vector) transcript(t testing.TB, key *PrivateKey) *Transcript {
	return &Transcript{Suite: MLKEM512, KID: []byte(v.KID), PSK: unhex(t, v.PSK), Echo: unhex(t, v.Echo),
		Pin: key.Pin(), CT: unhex(t, v.CT)}
}

func TestVectorAKeys(t *testing.T) {
	v := vectorA(t)
	check := func(name string, got []byte, want string) {
		t.Helper()
		if hex.EncodeToString(got) != want {
			t.Errorf("%s = %x, want %s", name, got, want)
		}
	}
	key, err := NewPrivateKey(MLKEM512, unhex(t, v.Seed))
	if err != nil {
		t.Fatal(err)
	}
	check("ek", key.EncapsulationKey(), v.EK)
	pub, err := ParsePublicKey(MLKEM512, key.EncapsulationKey())
	if err != nil {
		t.Fatal(err)
	}
	pin := pub.Pin()
	check("pin", pin[:], "3ae268dccc5456ac0d0f9b39257dc48fe081383b97c400512d712b739762daee")
	ct, ss, err := pub.Encapsulate(unhex(t, v.M))
	if err != nil {
		t.Fatal(err)
	}
	check("ct", ct, v.CT)
	check("ss", ss[:], v.SS)
	back, err := key.Decapsulate(ct)
	check("decapsulated", back[:], v.SS)
	if err != nil {
		t.Error(err)
	}
	tr := v.transcript(t, key)
	prk, th, err := tr.extract(ss[:])
	check("TH", th, v.TH)
	check("PRK", prk, v.PRK)
	var ms [32]byte
	var salt [8]byte
	err = errors.Join(err, expand(ms[:], prk, th, labelMS), expand(salt[:], prk, th, labelSalt))
	check("MS", ms[:], v.MS)
	check("MSalt", salt[:], v.Salt)
	k, kerr := Derive(tr, ss[:])
	if err = errors.Join(err, kerr); err != nil {
		t.Fatal(err)
	}
	check("SID", k.SID[:], v.SID)
	check("Kc", k.Kc[:], v.Kc)
	check("Kg", k.Kg[:], v.Kg)
	check("IV", k.IV[:], v.IV)
	check("OSCORE secret", k.OSCORESecret[:], v.OSCOREMS)
	check("OSCORE salt", k.OSCORESalt[:], v.OSCORESalt)
}

func keysA(t testing.TB) (vector, *Keys) {
	v := vectorA(t)
	key, err := NewPrivateKey(MLKEM512, unhex(t, v.Seed))
	if err != nil {
		t.Fatal(err)
	}
	k, err := Derive(v.transcript(t, key), unhex(t, v.SS))
	if err != nil {
		t.Fatal(err)
	}
	return v, k
}

func pair(t testing.TB) (vector, *Client, *Server) {
	v, k := keysA(t)
	c, err := NewClient(k, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(k, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return v, c, s
}

func TestVectorARecords(t *testing.T) {
	v, c, s := pair(t)
	plain, reply := unhex(t, v.Plaintext), unhex(t, v.Reply)
	rec0, n0, err := c.Seal(nil, plain)
	if err != nil || hex.EncodeToString(rec0) != v.Rec0 || hex.EncodeToString(n0[:]) != v.N0 {
		t.Fatalf("handshake record %x, %v", rec0, err)
	}
	if got := hex.EncodeToString(c.c.aad); got != v.AAD0 {
		t.Errorf("handshake AAD %s", got)
	}
	h, err := wire.ParseHandshake(append(unhex(t, v.CT), rec0...), wire.CiphertextSize512)
	if err != nil || CheckHandshake(h) != nil {
		t.Fatalf("%v %v", err, CheckHandshake(h))
	}
	if got, err := s.Handshake(nil, h.Record); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("handshake data %q, %v", got, err)
	}
	resp0, err := s.Seal(nil, n0, reply)
	if err != nil || hex.EncodeToString(resp0) != v.Resp0 || hex.EncodeToString(s.g.aad) != v.AADR {
		t.Errorf("response %x, %v, AAD %x", resp0, err, s.g.aad)
	}
	if c.Confirmed() {
		t.Error("confirmed before the answer")
	}
	if got, err := c.Open(nil, n0, resp0); err != nil || !bytes.Equal(got, reply) || !c.Confirmed() {
		t.Errorf("reply %q, %v", got, err)
	}
	rec1, _, err := c.Seal(nil, plain)
	if err != nil || hex.EncodeToString(rec1) != v.Rec1 {
		t.Errorf("record 1 %x, %v", rec1, err)
	}
}

func parse(t testing.TB, b []byte) wire.SessionRecord {
	t.Helper()
	r, err := wire.ParseSessionRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// open runs the handshake of a pair.
func open(t testing.TB, c *Client, s *Server) {
	t.Helper()
	rec, n, err := c.Seal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Handshake(nil, parse(t, rec)); err != nil {
		t.Fatal(err)
	}
	resp, err := s.Seal(nil, n, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(nil, n, resp); err != nil {
		t.Fatal(err)
	}
}

// TestEveryBit flips each bit of a record and of its answer: none passes, and
// nothing of the session moves.
func TestEveryBit(t *testing.T) {
	_, c, s := pair(t)
	open(t, c, s)
	rec, n, err := c.Seal(nil, []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte, i int) []byte {
		b = bytes.Clone(b)
		b[i/8] ^= 1 << (i % 8)
		return b
	}
	for i := range 8 * len(rec) {
		r, err := wire.ParseSessionRecord(flip(rec, i))
		if err == nil {
			_, err = s.Open(nil, r)
		}
		if err == nil {
			t.Fatalf("bit %d of a record does not matter", i)
		}
	}
	if _, err := s.Open(nil, parse(t, rec)); err != nil {
		t.Fatalf("the genuine record after the forged ones: %v", err)
	}
	resp, err := s.Seal(nil, n, []byte("answer"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(resp) {
		if _, err := c.Open(nil, n, flip(resp, i)); err == nil {
			t.Fatalf("bit %d of a response does not matter", i)
		}
	}
	if _, err := c.Open(nil, wire.NewSessionNonce(c.SID(), 7), resp); !errors.Is(err, ErrTag) {
		t.Errorf("an answer to another request: %v", err)
	}
	if _, err := c.Open(nil, n, resp); err != nil {
		t.Errorf("the genuine response: %v", err)
	}
	if _, err := c.Open(nil, n, resp); !errors.Is(err, ErrReplay) {
		t.Errorf("the response again: %v", err)
	}
	if _, err := s.Open(nil, parse(t, resp)); !errors.Is(err, ErrReplay) && !errors.Is(err, ErrTag) {
		t.Errorf("a response as a request: %v", err)
	}
}

func TestLimits(t *testing.T) {
	_, c, s := pair(t)
	open(t, c, s)
	c.next = wire.MaxSessionSEQ
	last, _, err := c.Seal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(nil, parse(t, last)); err != nil {
		t.Errorf("record %d: %v", wire.MaxSessionSEQ, err)
	}
	if _, _, err := c.Seal(nil, nil); !errors.Is(err, ErrEnded) {
		t.Errorf("a record too many is sealed: %v", err)
	}
	n := wire.NewSessionNonce(c.sid, wire.MaxSessionSEQ+1)
	c.c.bindRequest(&n, c.suite)
	before := s.window
	if _, err := s.Open(nil, parse(t, c.c.seal(nil, &n, nil))); !errors.Is(err, ErrEnded) || s.window != before {
		t.Errorf("a record too many is opened: %v", err)
	}
	s.next = wire.MaxSessionSEQ + 1
	if _, err := s.Seal(nil, n, nil); !errors.Is(err, ErrEnded) {
		t.Errorf("an answer too many: %v", err)
	}
	if s.Ended(time.Time{}.Add(MaxAge-1)) || !s.Ended(time.Time{}.Add(MaxAge)) {
		t.Error("a session lasts 24 h")
	}
	s.failed = MaxFailedTags
	if !s.Ended(time.Time{}) {
		t.Error("failed tags do not end the session")
	}
	for n, seal := range map[int]func([]byte) error{
		wire.MaxFirstData + 1: func(b []byte) error { _, c, _ := pair(t); _, _, err := c.Seal(nil, b); return err },
		wire.MaxData + 1:      func(b []byte) error { c.next = 1; _, _, err := c.Seal(nil, b); return err },
	} {
		if seal(make([]byte, n)) == nil || seal(make([]byte, n-1)) != nil {
			t.Errorf("%d bytes are over the limit by one", n)
		}
	}
}

func TestHandshakeChecks(t *testing.T) {
	v := vectorA(t)
	h, err := wire.ParseHandshake(append(unhex(t, v.CT), unhex(t, v.Rec0)...), wire.CiphertextSize512)
	if err != nil {
		t.Fatal(err)
	}
	bad := h
	bad.Record.Nonce[wire.NonceSize-1] = 1
	if err := CheckHandshake(bad); !errors.Is(err, ErrReplay) {
		t.Errorf("SEQ 1: %v", err)
	}
	h.Ciphertext[0] ^= 1
	if err := CheckHandshake(h); !errors.Is(err, ErrOther) {
		t.Errorf("another ciphertext's SID: %v", err)
	}
}

func TestTranscriptChecks(t *testing.T) {
	v := vectorA(t)
	key, _ := NewPrivateKey(MLKEM512, unhex(t, v.Seed))
	for name, spoil := range map[string]func(*Transcript){
		"ciphertext": func(tr *Transcript) { tr.CT = tr.CT[1:] },
		"echo":       func(tr *Transcript) { tr.Echo = make([]byte, 41) },
		"no psk":     func(tr *Transcript) { tr.PSK = nil },
		"short psk":  func(tr *Transcript) { tr.PSK = tr.PSK[1:] },
		"no kid":     func(tr *Transcript) { tr.KID = nil },
		"long kid":   func(tr *Transcript) { tr.KID = make([]byte, 33) },
	} {
		tr := v.transcript(t, key)
		spoil(tr)
		if _, err := Derive(tr, unhex(t, v.SS)); !errors.Is(err, ErrTranscript) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTranscriptBinds changes each part of the transcript: no key survives.
func TestTranscriptBinds(t *testing.T) {
	v, k := keysA(t)
	key, _ := NewPrivateKey(MLKEM512, unhex(t, v.Seed))
	for name, change := range map[string]func(*Transcript){
		"kid":        func(tr *Transcript) { tr.KID = []byte("k2") },
		"psk":        func(tr *Transcript) { tr.PSK[0] ^= 1 },
		"echo":       func(tr *Transcript) { tr.Echo[0] ^= 1 },
		"pin":        func(tr *Transcript) { tr.Pin[0] ^= 1 },
		"ciphertext": func(tr *Transcript) { tr.CT[0] ^= 1 },
		"mode":       func(tr *Transcript) { tr.PSK, tr.KID = nil, nil },
	} {
		tr := v.transcript(t, key)
		change(tr)
		got, err := Derive(tr, unhex(t, v.SS))
		if err != nil {
			t.Fatal(err)
		}
		if got.Kc == k.Kc || got.Kg == k.Kg || got.IV == k.IV || got.OSCORESecret == k.OSCORESecret || got.OSCORESalt == k.OSCORESalt {
			t.Errorf("%s is not bound", name)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	_, c, s := pair(b)
	open(b, c, s)
	buf, data := make([]byte, 0, 256), make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		c.next = 1
		if _, _, err := c.Seal(buf, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	_, c, s := pair(b)
	open(b, c, s)
	rec, _, _ := c.Seal(nil, make([]byte, 32))
	r, buf := parse(b, rec), make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		s.window = Window{}
		if _, err := s.Open(buf, r); err != nil {
			b.Fatal(err)
		}
	}
}
