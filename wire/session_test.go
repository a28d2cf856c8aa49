package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// sessionVector is the part of testdata/vectors/session-v1.json that concerns
// layout; peer/session answers to the rest.
type sessionVector struct {
	CT, SID, Kc, Kg, IV, Rec0, Rec1, Resp0 string
	MS                                     string `json:"oscore_ms"`
	Salt                                   string `json:"oscore_salt"`
}

func sessionVectors(t testing.TB) (vs []sessionVector) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors/session-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestSessionVectors(t *testing.T) {
	for _, v := range sessionVectors(t) {
		sid := SID(unhex(t, v.SID))
		for seq, rec := range []string{v.Rec0, v.Rec1} {
			raw := unhex(t, rec)
			r, err := ParseSessionRecord(raw)
			if err != nil || r.Nonce != NewSessionNonce(sid, uint64(seq)) || r.Nonce.SID() != sid || r.Nonce.SEQ() != uint64(seq) {
				t.Errorf("record %d: %x, %v", seq, r.Nonce, err)
			}
			if out := AppendSessionRecord(nil, r); !bytes.Equal(out, raw) {
				t.Errorf("record %d comes back as %x", seq, out)
			}
		}
		raw := append(unhex(t, v.CT), unhex(t, v.Rec0)...)
		h, err := ParseHandshake(raw, CiphertextSize512)
		if err != nil || !bytes.Equal(h.Ciphertext, unhex(t, v.CT)) || !bytes.Equal(AppendHandshake(nil, h), raw) {
			t.Errorf("handshake: %v", err)
		}
	}
}

func TestSessionLengths(t *testing.T) {
	full := make([]byte, CiphertextSize512+RecordOverhead)
	full[CiphertextSize512] = NonceLead
	for n := range full {
		if _, err := ParseHandshake(full[:n], CiphertextSize512); !errors.Is(err, ErrPayload) {
			t.Fatalf("handshake of %d bytes: %v", n, err)
		}
	}
	h, err := ParseHandshake(full, CiphertextSize512)
	if err != nil || len(h.Record.Sealed) != TagSize {
		t.Errorf("handshake without data: %v", err)
	}
	for n := range RecordOverhead {
		if _, err := ParseSessionRecord(full[CiphertextSize512:][:n]); !errors.Is(err, ErrPayload) {
			t.Errorf("record of %d bytes: %v", n, err)
		}
	}
	full[CiphertextSize512] = 6
	if _, err := ParseHandshake(full, CiphertextSize512); !errors.Is(err, ErrPayload) {
		t.Errorf("lead byte 06: %v", err)
	}
}

func TestSessionNonceBounds(t *testing.T) {
	const maxSEQ uint64 = 1<<40 - 1
	n := NewSessionNonce(SID{1, 2, 3, 4, 5, 6, 7}, maxSEQ)
	if want := unhex(t, "07 01020304050607 ffffffffff"); !bytes.Equal(n[:], want) || n.SEQ() != maxSEQ {
		t.Errorf("nonce %x", n)
	}
	defer func() {
		if recover() == nil {
			t.Error("a sequence number of 41 bits was cut in silence")
		}
	}()
	NewSessionNonce(SID{}, maxSEQ+1)
}

func keyLogExample(t testing.TB) (lines []KeyLogLine, text string) {
	v := sessionVectors(t)[0]
	lines = []KeyLogLine{
		{SID: SID(unhex(t, v.SID)), Set: 512, Kc: [16]byte(unhex(t, v.Kc)), Kg: [16]byte(unhex(t, v.Kg)), IV: [13]byte(unhex(t, v.IV))},
		{SID: SID(unhex(t, v.SID)), OSCORE: true, MasterSecret: [32]byte(unhex(t, v.MS)), MasterSalt: [8]byte(unhex(t, v.Salt))},
	}
	text = "PQIOT1 " + v.SID + " 512 " + v.Kc + " " + v.Kg + " " + v.IV + "\n" +
		"PQIOT1_OSCORE " + v.SID + " " + v.MS + " " + v.Salt + "\n"
	return lines, text
}

func TestKeyLog(t *testing.T) {
	lines, text := keyLogExample(t)
	var out []byte
	for _, l := range lines {
		out = AppendKeyLogLine(out, l)
	}
	if string(out) != text {
		t.Errorf("wrote\n%s", out)
	}
	for i, line := range bytes.SplitAfter([]byte(text), []byte("\n"))[:2] {
		for _, end := range []string{"\n", "\r\n", ""} {
			got, err := ParseKeyLogLine(append(bytes.TrimSpace(line), end...))
			if err != nil || got != lines[i] {
				t.Errorf("line %d: %+v, %v", i, got, err)
			}
		}
	}
}

func TestKeyLogBad(t *testing.T) {
	_, text := keyLogExample(t)
	session, oscore, _ := bytes.Cut([]byte(text), []byte("\n"))
	for _, skip := range []string{"", "\n", "# PQIOT1", "CLIENT_RANDOM 00 00", "PQIOT12 00", " PQIOT1 00"} {
		if _, err := ParseKeyLogLine([]byte(skip)); !errors.Is(err, ErrKeyLogSkip) {
			t.Errorf("%q: %v", skip, err)
		}
	}
	bad := map[string][]byte{
		"cut":         session[:len(session)-1],
		"long":        append(bytes.Clone(session), '0', '0'),
		"upper case":  bytes.Replace(session, []byte("e5"), []byte("E5"), 1),
		"not hex":     bytes.Replace(session, []byte("e5"), []byte("g5"), 1),
		"two blanks":  bytes.Replace(session, []byte(" "), []byte("  "), 1),
		"set":         bytes.Replace(session, []byte(" 512 "), []byte(" 513 "), 1),
		"oscore cut":  bytes.TrimSpace(oscore)[:60],
		"oscore more": append(bytes.TrimSpace(oscore), " 00"...),
	}
	for name, line := range bad {
		got, err := ParseKeyLogLine(line)
		if !errors.Is(err, ErrKeyLog) || got != (KeyLogLine{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzSession(f *testing.F) {
	v := sessionVectors(f)[0]
	f.Add(unhex(f, v.Rec0), 0)
	f.Add(append(unhex(f, v.CT), unhex(f, v.Rec0)...), CiphertextSize512)
	f.Fuzz(func(t *testing.T, b []byte, ctSize int) {
		if r, err := ParseSessionRecord(b); err == nil {
			if r.Nonce != NewSessionNonce(r.Nonce.SID(), r.Nonce.SEQ()) || !bytes.Equal(AppendSessionRecord(nil, r), b) {
				t.Error("a record does not survive parse and append")
			}
		} else if !errors.Is(err, ErrPayload) {
			t.Error(err)
		}
		if ctSize < 0 || ctSize > 4096 {
			return
		}
		if h, err := ParseHandshake(b, ctSize); err == nil {
			if len(h.Ciphertext) != ctSize || !bytes.Equal(AppendHandshake(nil, h), b) {
				t.Error("a handshake does not survive parse and append")
			}
		} else if !errors.Is(err, ErrPayload) {
			t.Error(err)
		}
	})
}

func FuzzKeyLog(f *testing.F) {
	_, text := keyLogExample(f)
	for line := range bytes.Lines([]byte(text)) {
		f.Add(line)
	}
	f.Add([]byte("# comment"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeyLogLine(b)
		if err == nil {
			if out := AppendKeyLogLine(nil, k); !bytes.Equal(bytes.TrimRight(out, "\n"), bytes.TrimRight(b, "\r\n")) {
				t.Errorf("%q comes back as %q", b, out)
			}
		} else if !errors.Is(err, ErrKeyLog) && !errors.Is(err, ErrKeyLogSkip) {
			t.Error(err)
		}
	})
}
