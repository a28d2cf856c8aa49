package dissector_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/sample"
	"pqiot/wire"
)

// Each malformed body with the words that must stand in its expert
// information.
func TestMalformed(t *testing.T) {
	v := vectorA(t)
	hs := v.handshake()
	set := func(b []byte, at int, x byte) []byte { b = slices.Clone(b); b[at] = x; return b }
	for _, c := range []struct {
		name string
		code byte
		cf   uint16
		body []byte
		want string // "" where nothing is wrong
	}{
		{"key of 799", content, wire.ContentFormatKey, v.EK[:799], "Key of 799 bytes: 800, 1184 or 1568 expected"},
		{"key of 1", content, wire.ContentFormatKey, v.EK[:1], "Key of 1 bytes"},
		{"key of 801", content, wire.ContentFormatKey, append(slices.Clone(v.EK), 0), "Key of 801 bytes"},
		{"key not reduced", content, wire.ContentFormatKey, set(v.EK, 1, 0xff), "Coefficient 0 is 3897: below 3329 expected"},
		{"key not reduced, odd", content, wire.ContentFormatKey, set(v.EK, 2, 0xff), "Coefficient 1 is 4089: below 3329 expected"},
		{"key, last coefficient", content, wire.ContentFormatKey, set(v.EK, 767, 0xff), "Coefficient 511 is "},
		{"key in a POST", post, wire.ContentFormatKey, v.EK, "Code 0.02: 2.05 expected"},
		{"handshake of 1", post, wire.ContentFormatHandshake512, hs[:1], "Handshake of 1 bytes, at least 797 expected"},
		{"handshake of 767", post, wire.ContentFormatHandshake512, hs[:767], "Handshake of 767 bytes, at least 797 expected"},
		{"handshake of 768", post, wire.ContentFormatHandshake512, hs[:768], "Handshake of 768 bytes"},
		{"handshake of 796", post, wire.ContentFormatHandshake512, hs[:796], "Handshake of 796 bytes"},
		{"handshake of 797", post, wire.ContentFormatHandshake512, hs[:797], ""},
		{"handshake of 1021", post, wire.ContentFormatHandshake512, append(slices.Clone(hs), make([]byte, 1021-len(hs))...), ""},
		{"handshake of 1022", post, wire.ContentFormatHandshake512, append(slices.Clone(hs), make([]byte, 1022-len(hs))...), "225 bytes of data, at most 224 are allowed"},
		{"handshake in a 2.04", changed, wire.ContentFormatHandshake512, hs, "Code 2.04: 0.02 expected"},
		{"handshake, lead 06", post, wire.ContentFormatHandshake512, set(hs, 768, 6), "Nonce starts with 0x06: 0x07 expected"},
		{"handshake, other SID", post, wire.ContentFormatHandshake512, set(hs, 769, 0x26), "Session id 260f62e5be7db3 is not that of the ciphertext, 250f62e5be7db3"},
		{"handshake, altered ciphertext", post, wire.ContentFormatHandshake512, set(hs, 0, 0), "Session id 250f62e5be7db3 is not that of the ciphertext"},
		{"handshake with SEQ 3", post, wire.ContentFormatHandshake512, set(hs, 780, 3), "Handshake with sequence 3: 0 expected"},
		{"512 sent as 768", post, wire.ContentFormatHandshake768, hs, "Handshake of 804 bytes, at least 1117 expected"},
		{"record of 1", post, wire.ContentFormatRecord, v.Rec1[:1], "Record of 1 bytes, at least 29 expected"},
		{"record of 28", post, wire.ContentFormatRecord, v.Rec1[:28], "Record of 28 bytes, at least 29 expected"},
		{"record of 29", post, wire.ContentFormatRecord, v.Rec1[:29], ""},
		{"record, lead 08", post, wire.ContentFormatRecord, set(v.Rec1, 0, 8), "Nonce starts with 0x08"},
		{"record in a 2.05", content, wire.ContentFormatRecord, v.Rec1, "Code 2.05: 2.04 expected"},
		{"record of 1024", post, wire.ContentFormatRecord, append(slices.Clone(v.Rec1), make([]byte, 1024-len(v.Rec1))...), ""},
		{"record of 1025", post, wire.ContentFormatRecord, append(slices.Clone(v.Rec1), make([]byte, 1025-len(v.Rec1))...), "996 bytes of data, at most 995 are allowed"},
		{"SEQ over the limit", post, wire.ContentFormatRecord, set(v.Rec1, 9, 0xff), "over the limit of a session, 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := message{con, c.code, 1, "t", []option{format(c.cf)}, c.body}
			capture := ethernet(t, 0, up(t, m))
			got := tshark(t, capture, "-T", "fields", "-e", "_ws.lua.error", "-e", "pqiot", "-e", "_ws.expert.message")
			cells := strings.Split(strings.TrimSpace(got), "\t")
			if c.want == "" && len(cells) > 1 || !strings.Contains(got, c.want) || !strings.HasPrefix(got, "\t") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A capture with a snap length must be told from a short body.
func TestCutByTheCapture(t *testing.T) {
	ps := session(t)
	for _, snaplen := range []int{60, 72, 75, 80, 100, 300, 860} {
		got := tshark(t, ethernet(t, snaplen, ps...), "-T", "fields", "-e", "frame.number",
			"-e", "pqiot.expert.malformed", "-e", "_ws.lua.error", "-e", "_ws.col.Protocol")
		for line := range strings.Lines(got) {
			if cells := strings.Split(line, "\t"); cells[1] != "" || cells[2] != "" {
				t.Errorf("snap length %d: %q", snaplen, line)
			}
		}
	}
	golden(t, "cut-100", fields(t, ethernet(t, 100, ps...)))
	golden(t, "cut-860", fields(t, ethernet(t, 860, ps...), withKeys(t, vectorA(t).keylog())...))
}

// Mutated bodies of every format, many in one file: no Lua error, whatever
// they are.
func TestMutations(t *testing.T) {
	v := vectorA(t)
	r := rand.New(rand.NewPCG(1, 2))
	bodies := []struct {
		code byte
		cf   uint16
		body []byte
	}{
		{content, wire.ContentFormatKey, v.EK}, {post, wire.ContentFormatHandshake512, v.handshake()},
		{post, wire.ContentFormatHandshake768, noise(1, 1200)}, {post, wire.ContentFormatHandshake1024, noise(2, 1400)},
		{post, wire.ContentFormatRecord, v.Rec1}, {changed, wire.ContentFormatRecord, v.Resp0},
	}
	const count = 10000
	elsewhere := netip.AddrPortFrom(gateway.Addr(), 40404) // left to the heuristic
	ps := make([]packet, 0, count)
	for i := range count {
		b := bodies[r.IntN(len(bodies))]
		code := b.code
		if r.IntN(8) == 0 {
			code = byte(r.Uint32())
		}
		m := message{byte(r.IntN(4)), code, uint16(r.IntN(300)), hexed(noise(i, r.IntN(5))), []option{path("msg"), format(b.cf)}, mutate(r, b.body)}
		raw := m.bytes()
		if r.IntN(10) == 0 { // the CoAP header and options too
			raw = mutate(r, raw)
		}
		from, to := []netip.AddrPort{sender, stranger}[r.IntN(2)], []netip.AddrPort{gateway, elsewhere}[r.IntN(4)/3]
		if r.IntN(2) == 0 {
			from, to = to, from
		}
		ps = append(ps, datagram(t, from, to, raw))
	}
	keys := withKeys(t, v.keylog())
	for _, args := range [][]string{nil, {"-2"}} {
		got := tshark(t, ethernet(t, 0, ps...), append(append(keys, args...),
			"-T", "fields", "-e", "frame.number", "-e", "_ws.lua.error", "-e", "_ws.col.Protocol")...)
		ours := 0
		for line := range strings.Lines(got) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if cells[1] != "" {
				n, _ := strconv.Atoi(cells[0])
				t.Fatalf("Lua error in frame %d: %x", n, ps[n-1].data)
			}
			if cells[2] == "PQIOT" {
				ours++
			}
		}
		if ours < count*3/4 {
			t.Errorf("PQIOT in %d of %d frames: the mutations hit CoAP, not the bodies", ours, count)
		}
	}
}

// mutate flips, cuts, repeats or inserts.
func mutate(r *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return []byte{byte(r.Uint32())}
		}
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0, 1:
			b[at] ^= 1 << r.IntN(8)
		case 2:
			b = b[:at]
		case 3:
			b = slices.Insert(b, at, noise(r.IntN(1000), r.IntN(20))...)
		case 4:
			b = slices.Delete(b, at, min(len(b), at+r.IntN(40)))
		}
	}
	return b[:min(len(b), 1400)]
}

// A key log with bad lines is used as far as it goes, and said so once.
func TestBadKeyLog(t *testing.T) {
	v := vectorA(t)
	good := v.keylog()
	capture := ethernet(t, 0, session(t)...)
	for _, c := range []struct {
		name, text, want string
		open             bool // records still open
	}{
		{"none of ours", "CLIENT_RANDOM 00 11\n\n# x\nPQIOT1_OSCORE 00 11 22\n", "", false},
		{"short session id", "PQIOT1 00 512 00 00 00\n" + good, "1 bad lines in the key log, first line 1: session id of 2 digits, 14 expected", true},
		{"parameter set", strings.Replace(good, " 512 ", " 513 ", 1), "first line 1: no ML-KEM parameter set", false},
		{"no hex", strings.Replace(good, "c318", "g318", 1), "not five fields of lower-case hex", false},
		{"key too long", good + strings.Replace(good, "c318", "c3180", 1), "1 bad lines in the key log, first line 2: a key that is not of 32 digits", true},
		{"IV cut", good[:len(good)-3] + "\n", "IV of 24 digits, 26 expected", false},
		{"no last newline", strings.TrimSpace(good), "", true},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "", true},
		{"upper case", "PQIOT1 " + strings.ToUpper(good[7:]), "not five fields of lower-case hex", false},
		{"word alone", "PQIOT1\n" + good, "first line 1: not five fields", true},
		{"zero before the set", strings.Replace(good, " 512 ", " 0512 ", 1), "no ML-KEM parameter set", false},
		{"wrong key", strings.Replace(good, "c318", "c319", 1), "The tag does not verify under the key of the key log", false},
		{"second set of the session", strings.Replace(good, "c318", "c319", 1) + good, "", true},
		{"second set is the wrong one", good + strings.Replace(good, "c318", "c319", 1), "", true},
		{"binary", string(noise(3, 5000)) + "\n" + good, "", true},
		{"zero bytes", "PQIOT1 \x00\x00\n" + good, "not five fields", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tshark(t, capture, append(withKeys(t, c.text), "-Y", "pqiot", "-T", "fields",
				"-e", "pqiot.text", "-e", "_ws.expert.message")...)
			if strings.Contains(got, "\nT=21.5C\t") != c.open || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want open %v and %q", got, c.open, c.want)
			}
			if strings.Count(got, "bad lines") > 1 {
				t.Errorf("said more than once: %q", got)
			}
		})
	}
	for _, path := range []string{"/nonexistent/keys.log", t.TempDir()} {
		got := tshark(t, capture, "-o", "pqiot.keylog:"+path, "-T", "fields", "-e", "_ws.expert.message")
		if n := strings.Count(got, "The key log cannot be read: "); n != 1 {
			t.Errorf("%s: reported %d times: %q", path, n, got)
		}
	}
}

// An ICMP error quotes the message that it is about.
func TestQuotedByICMP(t *testing.T) {
	sent := up(t, request(3, "\x03", wire.ContentFormatRecord, vectorA(t).Rec1))
	quote := slices.Concat([]byte{3, 3, 0, 0, 0, 0, 0, 0}, sent.data)
	binary.BigEndian.PutUint16(quote[2:], checksum(quote))
	ip := slices.Clone(sent.data[:20])
	ip[9] = byte(layers.IPProtocolICMPv4)
	binary.BigEndian.PutUint16(ip[2:], uint16(20+len(quote)))
	binary.BigEndian.PutUint16(ip[10:], 0)
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	golden(t, "icmp", fields(t, ethernet(t, 0, sent, packet{data: slices.Concat(ip, quote)})))
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// radio writes packets of the sender and the gateway as heard on an open
// network: up to the access point, then down from it.
func radio(t *testing.T, packets ...packet) string {
	t.Helper()
	ap, a, b := wire.MAC{2, 0, 0, 0, 0, 1}, wire.MAC{2, 0, 0, 0, 0, 2}, wire.MAC{2, 0, 0, 0, 0, 3}
	var out strings.Builder
	w, err := air.NewWriter(&out, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	seq, now := uint16(0), uint64(0)
	emit := func(h air.Header, p packet) {
		now += 300
		data := air.AppendLLC(h.Append(nil), air.EtherIPv4, p.data)
		if err := w.Write(air.Heard{Time: now, Frame: wire.Frame{Freq: 2437, RSSI: -50, PHY: wire.PHYOFDM, Rate: 48, Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range packets {
		now += uint64(p.gap().Microseconds())
		from, to := a, b
		if p.data[15] == 2 { // source address 192.168.4.2
			from, to = b, a
		}
		seq++
		h := air.Header{FC: air.FCQoSData, Flags: air.ToDS, A1: ap, A2: from, A3: to, Seq: seq}
		emit(h, p)
		if i%3 == 0 { // the acknowledgement was lost
			h.Flags |= air.Retry
			emit(h, p)
		}
		emit(air.Header{FC: air.FCQoSData, Flags: air.FromDS, A1: to, A2: ap, A3: from, Seq: 1000 + seq}, p)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return save(t, "air.pcapng", []byte(out.String()))
}

func TestRadio(t *testing.T) {
	ps := session(t)
	// A CoAP retransmission, and a replay under another message id.
	ps = append(ps, ps[6].later(2*time.Second), ps[7], up(t, request(9, "\x09", wire.ContentFormatRecord, vectorA(t).Rec1)))
	golden(t, "radio", fields(t, radio(t, ps...)))
}

// The sample is WPA2-encrypted; without the passphrase nothing shows.
func TestEncryptedRadio(t *testing.T) {
	capture := save(t, "sample.pcapng", sample.Capture)
	wpa := []string{"-o", "wlan.enable_decryption:TRUE", "-o", `uat:80211_keys:"wpa-pwd","` + sample.Passphrase + ":" + sample.SSID + `"`}
	golden(t, "wpa2", fields(t, capture, append(wpa, withKeys(t, vectorA(t).keylog())...)...))
	if got := fields(t, capture, "-o", "wlan.enable_decryption:FALSE"); got != "" {
		t.Errorf("without the passphrase: %s", got)
	}
}
