package dissector_test

import (
	"crypto/aes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/dissector"
	"pqiot/wire"
	"pqiot/wire/vectors"
)

var inputs = flag.Int("inputs", 5000, "mutated inputs for each Lua version")

// versions of Lua inside the Wiresharks that the file is for; 4.0 has 5.2,
// later ones 5.4.
var versions = []string{"lua5.2", "lua5.3", "lua5.4"}

// lua runs a script after the dissector was loaded as T, in every version.
func lua(t *testing.T, script string) {
	t.Helper()
	stub, err := filepath.Abs("testdata/stub.lua")
	if err != nil {
		t.Fatal(err)
	}
	script = fmt.Sprintf("dofile(%q)\nT = dofile(%q)\n%s", stub, save(t, dissector.Name, []byte(dissector.Script())), script)
	file := save(t, "script.lua", []byte(script))
	for _, version := range versions {
		out, err := exec.Command(version, file).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", version, err, out)
		}
		t.Logf("%s", out)
	}
}

// luaBytes is a Lua expression.
func luaBytes(b []byte) string { return fmt.Sprintf("unhex(%q)", hexed(b)) }

func TestSHA256(t *testing.T) {
	var s strings.Builder
	for _, n := range []int{0, 1, 3, 54, 55, 56, 63, 64, 65, 119, 120, 779, 1568, 70000} {
		b := noise(n, n)
		fmt.Fprintf(&s, "assert(hex(T.sha256(%s)) == \"%x\", \"%d bytes\")\n", luaBytes(b), sha256.Sum256(b), n)
	}
	lua(t, s.String())
}

// Wycheproof's AES-CCM vectors of our parameters: 128-bit key, 13-byte nonce,
// 16-byte tag.
func TestWycheproofCCM(t *testing.T) {
	var file struct {
		TestGroups []struct {
			KeySize, IVSize, TagSize int
			Tests                    []struct {
				TcID                       int
				Key, IV, AAD, Msg, CT, Tag unhex
				Result                     string
			}
		}
	}
	if err := json.Unmarshal(vectors.Wycheproof(t, "aes_ccm_test.json"), &file); err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	count := 0
	for _, g := range file.TestGroups {
		if g.KeySize != 128 || g.IVSize != 8*wire.NonceSize || g.TagSize != 8*wire.TagSize {
			continue
		}
		for _, c := range g.Tests {
			count++
			opens(&s, c.Key, c.IV, c.AAD, c.Msg, append(c.CT, c.Tag...), c.Result != "invalid")
		}
	}
	if count < 6 {
		t.Errorf("%d vectors of our parameters", count)
	}
	lua(t, s.String())
}

// opens adds the check that sealed data opens to msg, and where it is good
// that one flipped bit anywhere makes it bad.
func opens(s *strings.Builder, key, iv, aad, msg, sealed []byte, good bool) {
	check := func(key, iv, aad, sealed []byte, good bool) {
		n := len(sealed) - wire.TagSize
		fmt.Fprintf(s, "do local p, ok = T.ccm_open(T.aes128_expand(%s), %s, %s, %s, %s) assert(ok == %v and (not ok or hex(p) == %q), \"%d B data, %d B AAD\") end\n",
			luaBytes(key), luaBytes(iv), luaBytes(aad), luaBytes(sealed[:n]), luaBytes(sealed[n:]), good, hexed(msg), n, len(aad))
	}
	flip := func(b []byte) []byte {
		b = slices.Clone(b)
		b[len(sealed)%len(b)] ^= 1 << (len(sealed) % 8)
		return b
	}
	check(key, iv, aad, sealed, good)
	if !good {
		return
	}
	check(flip(key), iv, aad, sealed, false)
	check(key, flip(iv), aad, sealed, false)
	check(key, iv, aad, flip(sealed), false)
	if len(aad) > 0 {
		check(key, iv, flip(aad), sealed, false)
	}
}

// Against another implementation, around the edges of a block.
func TestCCM(t *testing.T) {
	var s strings.Builder
	for i, n := range []int{0, 1, 7, 15, 16, 17, 31, 32, 33, 224, 995} {
		for _, a := range []int{0, 1, 13, 14, 15, 29, 42, 255, 256, 300} {
			key, iv, aad, msg := noise(i, 16), noise(i+1, 13), noise(i+2, a), noise(i+3, n)
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatal(err)
			}
			aead, err := ccm.NewCCM(block, wire.TagSize, wire.NonceSize)
			if err != nil {
				t.Fatal(err)
			}
			opens(&s, key, iv, aad, msg, aead.Seal(nil, iv, msg, aad), true)
		}
	}
	lua(t, s.String())
}

func TestIsText(t *testing.T) {
	var s strings.Builder
	for in, want := range map[string]bool{
		"": true, "T=21.5C": true, "line\r\n\ttab": true, "Grad °C, 漢字, 🙂": true,
		"\x00": false, "\x1b[2J": false, "\x7f": false, "\xff": false, "\xc3": false, "\xc3A\xa9": false, "\xe2\x82": false, "\xc0\x80": false,
	} {
		fmt.Fprintf(&s, "assert(T.is_text(%s) == %v, %q)\n", luaBytes([]byte(in)), want, hexed([]byte(in)))
	}
	lua(t, s.String())
}

// Nothing that a sender can put into a body stops the dissector.
func TestFuzz(t *testing.T) {
	v := vectorA(t)
	var s strings.Builder
	fmt.Fprintf(&s, "inputs, keylog, seeds = %d, %q, {\n", *inputs, v.keylog())
	for _, b := range []struct {
		code byte
		cf   uint16
		body []byte
	}{
		{content, wire.ContentFormatKey, v.EK}, {post, wire.ContentFormatHandshake512, v.handshake()},
		{post, wire.ContentFormatHandshake768, noise(1, 1200)}, {post, wire.ContentFormatRecord, v.Rec1},
		{post, wire.ContentFormatRecord, v.keys().data(t, 2, "T=21.6C")},
		{changed, wire.ContentFormatRecord, v.Resp0}, {changed, wire.ContentFormatRecord, v.keys().answer(t, 1, 1, "ok")},
	} {
		m := request(1, "t", b.cf, b.body)
		m.code = b.code
		fmt.Fprintf(&s, "  { code = %d, cf = %d, body = %s, coap = %s },\n", b.code, b.cf, luaBytes(b.body), luaBytes(m.bytes()))
	}
	fuzz, err := filepath.Abs("testdata/fuzz.lua")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&s, "}\ndofile(%q)\n", fuzz)
	lua(t, s.String())
}

// The text of the statistics window.
func TestReportOfSessions(t *testing.T) {
	v := vectorA(t)
	var s strings.Builder
	fmt.Fprintf(&s, "local st, frame = T.new_state(''), 0\nT.keylog_text(st.keylog, %q)\n", v.keylog())
	add := func(body []byte, cf uint16, code int, src, dst, token string) {
		fmt.Fprintf(&s, `do
  frame = frame + 1
  local m = T.parse(%s, %d, %d)
  m.frame, m.time, m.mid, m.token, m.echo, m.src, m.dst = frame, frame, frame, %q, "", %q, %q
  m.flow, m.back = m.src .. ">" .. m.dst, m.dst .. ">" .. m.src
  T.track(st, m)
end
`, luaBytes(body), cf, code, token, src, dst)
	}
	add(v.handshake(), wire.ContentFormatHandshake512, post, "a:1", "b:2", "t")
	add(v.Resp0, wire.ContentFormatRecord, changed, "b:2", "a:1", "t")
	add(v.Rec1, wire.ContentFormatRecord, post, "a:1", "b:2", "u")
	add(v.Rec1, wire.ContentFormatRecord, post, "a:1", "b:2", "w")
	want := "250f62e5be7db3  ML-KEM-512           1        3            1         1          23        1         0  a:1 > b:2\n"
	fmt.Fprintf(&s, "local got = T.report_sessions(st)\nassert(got:match('\\n(.*)') == %q, got)\n", want)
	lua(t, s.String())
}
