package dissector_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pqiot/dissector"
	"pqiot/wire"
)

// session is the exchange of vector A, as it goes over the wire, and two more
// records under its keys.
func session(t testing.TB) []packet {
	t.Helper()
	v := vectorA(t)
	key := message{ack, content, 1, "\x01", []option{format(wire.ContentFormatKey), echo(string(v.Echo))}, v.EK}
	return []packet{
		up(t, message{con, get, 1, "\x01", []option{path("pk")}, nil}),
		down(t, key),
		up(t, request(2, "\x02", wire.ContentFormatHandshake512, v.handshake(), echo(string(v.Echo)))),
		down(t, response(2, "\x02", v.Resp0)),
		up(t, request(3, "\x03", wire.ContentFormatRecord, v.Rec1)),
		down(t, response(3, "\x03", v.keys().answer(t, 1, 1, "on"))),
		up(t, request(4, "\x04", wire.ContentFormatRecord, v.keys().data(t, 2, "\x00\xff binary"))),
		down(t, response(4, "\x04", v.keys().answer(t, 2, 2, ""))),
	}
}

func TestSession(t *testing.T) {
	capture := ethernet(t, 0, session(t)...)
	golden(t, "session", fields(t, capture))
	golden(t, "session-keylog", fields(t, capture, withKeys(t, "# comment\n", vectorA(t).keylog())...))
	golden(t, "session-two-passes", fields(t, capture, "-2"))
}

// The bytes of each part must come out as they went in.
func TestBytesOfParts(t *testing.T) {
	v := vectorA(t)
	got := tshark(t, ethernet(t, 0, session(t)...), "-Y", "pqiot", "-T", "fields",
		"-e", "pqiot.key", "-e", "pqiot.ciphertext", "-e", "pqiot.nonce", "-e", "pqiot.data", "-e", "pqiot.tag")
	lines := strings.Split(got, "\n")
	n, c, tag := v.Rec0[:13], v.Rec0[13:len(v.Rec0)-16], v.Rec0[len(v.Rec0)-16:]
	if want := hexed(v.EK) + "\t\t\t\t"; lines[0] != want {
		t.Errorf("key: got %s", lines[0])
	}
	if want := strings.Join([]string{"", hexed(v.CT), hexed(n), hexed(c), hexed(tag)}, "\t"); lines[1] != want {
		t.Errorf("handshake: got  %s", lines[1])
	}
}

func TestInfoColumn(t *testing.T) {
	got := tshark(t, ethernet(t, 0, session(t)...), "-Y", "pqiot", "-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info")
	want := []string{
		"PQIOT\tPQIOT key ML-KEM-512, 800 B",
		"PQIOT\tPQIOT handshake ML-KEM-512 SID 250f62e5be7db3 SEQ 0, 7 B data",
		"PQIOT\tPQIOT handshake response ML-KEM-512 SID 250f62e5be7db3 SEQ 0, 2 B data",
		"PQIOT\tPQIOT data ML-KEM-512 SID 250f62e5be7db3 SEQ 1, 7 B data",
	}
	lines := strings.Split(got, "\n")
	for i, w := range want { // older versions add CoAP's token behind it
		if !strings.HasPrefix(lines[i], w) {
			t.Errorf("line %d: got %q, want %q", i, lines[i], w)
		}
	}
}

// The rules that go with the dissector, over a session with a replay, a forged
// and a malformed record in it.
func TestColorFilters(t *testing.T) {
	v := vectorA(t)
	forged := slices.Clone(v.Rec1)
	forged[12], forged[20] = 9, forged[20]^1
	ps := append(session(t), session(t)[6], up(t, request(5, "\x05", wire.ContentFormatRecord, v.Rec1)),
		up(t, request(6, "\x06", wire.ContentFormatRecord, forged)), up(t, request(7, "\x07", wire.ContentFormatRecord, forged[:20])))
	script := save(t, dissector.Name, []byte(dissector.Script()))
	if err := os.WriteFile(filepath.Join(filepath.Dir(script), "colorfilters"), []byte(dissector.ColorFilters()), 0o644); err != nil {
		t.Fatal(err)
	}
	colours := func(args ...string) string {
		var stderr bytes.Buffer
		cmd := command(script, append(args, "-r", ethernet(t, 0, ps...), "--color", "-T", "fields", "-e", "frame.number", "-e", "frame.coloring_rule.name")...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		mustBeQuiet(t, stderr.String())
		return string(out)
	}
	golden(t, "colours", colours()+"with keys\n"+colours(withKeys(t, v.keylog())...))
}

// A capture runs while the peers write the key log.
func TestKeyLogGrows(t *testing.T) {
	v := vectorA(t)
	capture, err := os.ReadFile(ethernet(t, 0, session(t)...))
	if err != nil {
		t.Fatal(err)
	}
	keylog := save(t, "keys.log", []byte("# empty\n"))
	cmd := command(save(t, dissector.Name, []byte(dissector.Script())), "-o", "pqiot.keylog:"+keylog,
		"-r", "-", "-l", "-Y", "pqiot.sid", "-T", "fields", "-e", "pqiot.tag.status")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() }).Stop()
	lines := bufio.NewScanner(out)
	// The response is the fourth packet; what follows it waits for the key.
	const head, record = 24, 16
	cut := head
	for range 4 {
		cut += record + int(binary.LittleEndian.Uint32(capture[cut+8:]))
	}
	in.Write(capture[:cut])
	for range 2 {
		if lines.Scan(); lines.Text() != "2" {
			t.Errorf("before the key is known: %q, want 2, unverified", lines.Text())
		}
	}
	if err := os.WriteFile(keylog, []byte("# empty\n"+v.keylog()), 0o644); err != nil {
		t.Fatal(err)
	}
	in.Write(capture[cut:])
	in.Close()
	for range 4 {
		if lines.Scan(); lines.Text() != "1" {
			t.Errorf("after: %q, want 1, good", lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// From the plugin folder and by -X at once.
func TestLoadedTwice(t *testing.T) {
	again := save(t, "again.lua", []byte(dissector.Script()))
	capture := ethernet(t, 0, session(t)...)
	if got, want := fields(t, capture, "-X", "lua_script:"+again), fields(t, capture); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Bodies over 1024 bytes come in blocks of RFC 7959, SZX 6.
func TestBlockwise(t *testing.T) {
	for _, c := range []struct {
		suite, ek, ct int
		cf            uint16
	}{
		{768, wire.EncapsulationKeySize768, wire.CiphertextSize768, wire.ContentFormatHandshake768},
		{1024, wire.EncapsulationKeySize1024, wire.CiphertextSize1024, wire.ContentFormatHandshake1024},
	} {
		name := map[int]string{768: "blockwise-768", 1024: "blockwise-1024"}[c.suite]
		t.Run(name, func(t *testing.T) {
			ct := noise(c.suite, c.ct)
			k := testKeys(c.suite, ct)
			var ps []packet
			ps = append(ps, blockedKey(t, zeroKey(c.ek))...)
			ps = append(ps, blockedPost(t, c.cf, slices.Concat(ct, k.seal(t, 0x01, c.cf, 0, nil, "T=21.5C")))...)
			ps = append(ps, down(t, response(21, "\x21", k.seal(t, 0x81, wire.ContentFormatRecord, 0, nonce(k.sid, 0), "ok"))))
			ps = append(ps, up(t, request(22, "\x22", wire.ContentFormatRecord, k.data(t, 1, "later"))))
			golden(t, name, fields(t, ethernet(t, 0, ps...), withKeys(t, k.line())...))
		})
	}
}

const blockSize = 1024

func block(number uint16, num int, more bool) option {
	v := byte(num<<4 | 6)
	if more {
		v |= 8
	}
	return option{number, []byte{v}}
}

// blockedKey is GET /pk answered by Block2.
func blockedKey(t testing.TB, ek []byte) []packet {
	var ps []packet
	for num := 0; num*blockSize < len(ek); num++ {
		mid := uint16(10 + num)
		ask := message{con, get, mid, "\x10", []option{path("pk")}, nil}
		if num > 0 {
			ask.options = append(ask.options, block(optBlock2, num, false))
		}
		part := ek[num*blockSize : min(len(ek), (num+1)*blockSize)]
		ps = append(ps, up(t, ask), down(t, message{ack, content, mid, "\x10",
			[]option{format(wire.ContentFormatKey), block(optBlock2, num, (num+1)*blockSize < len(ek))}, part}))
	}
	return ps
}

// blockedPost is POST /msg by Block1; the last block has message id 21 and
// waits for its answer.
func blockedPost(t testing.TB, cf uint16, body []byte) []packet {
	first := request(20, "\x21", cf, body[:blockSize], block(optBlock1, 0, true))
	goOn := message{ack, 0x5f, 20, "\x21", []option{block(optBlock1, 0, true)}, nil} // 2.31 Continue
	last := request(21, "\x21", cf, body[blockSize:], block(optBlock1, 1, false))
	return []packet{up(t, first), down(t, goOn), up(t, last)}
}

// noise is n bytes that look random and are the same on every run.
func noise(seed, n int) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		h := sha256.Sum256([]byte{byte(seed >> 8), byte(seed), byte(i >> 8), byte(i)})
		out = append(out, h[:]...)
	}
	return out[:n]
}

// zeroKey passes the modulus check: coefficients 0, then a noisy seed ρ.
func zeroKey(n int) []byte { return append(make([]byte, n-32), noise(n, 32)...) }

// testKeys are keys for a session with this ciphertext.
func testKeys(suite int, ct []byte) keys {
	k := noise(suite+1, 45)
	return keys{suite, sidOf(ct), k[:16], k[16:32], k[32:45]}
}

func hexed(b []byte) string {
	var out bytes.Buffer
	for _, x := range b {
		out.WriteByte("0123456789abcdef"[x>>4])
		out.WriteByte("0123456789abcdef"[x&15])
	}
	return out.String()
}
