package dissector_test

import (
	"bytes"
	"crypto/aes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/pion/dtls/v3/pkg/crypto/ccm"

	"pqiot/firmware/lab/air"
	"pqiot/wire"
	"pqiot/wire/vectors"
)

// CoAP types and codes (RFC 7252 §3, §12.1).
const (
	con, non, ack = 0, 1, 2

	get, post                      = 0x01, 0x02
	changed, content, unauthorized = 0x44, 0x45, 0x81
)

// CoAP option numbers.
const (
	optPath, optFormat, optBlock2, optBlock1 = 11, 12, 23, 27
)

type option struct {
	number uint16
	value  []byte
}

// message is a CoAP message. Options stand in rising order.
type message struct {
	typ, code byte
	mid       uint16
	token     string
	options   []option
	payload   []byte
}

// bytes encodes the message (RFC 7252 §3).
func (m message) bytes() []byte {
	b := []byte{1<<6 | m.typ<<4 | byte(len(m.token)), m.code, byte(m.mid >> 8), byte(m.mid)}
	b = append(b, m.token...)
	last := uint16(0)
	for _, o := range m.options {
		delta, deltaMore := nibble(int(o.number - last))
		length, lengthMore := nibble(len(o.value))
		b = append(b, delta<<4|length)
		b = append(append(append(b, deltaMore...), lengthMore...), o.value...)
		last = o.number
	}
	if len(m.payload) > 0 {
		b = append(append(b, 0xff), m.payload...)
	}
	return b
}

// nibble is an option's delta or length with its extension.
func nibble(n int) (byte, []byte) {
	switch {
	case n < 13:
		return byte(n), nil
	case n < 269:
		return 13, []byte{byte(n - 13)}
	default:
		return 14, binary.BigEndian.AppendUint16(nil, uint16(n-269))
	}
}

func path(s string) option { return option{optPath, []byte(s)} }

func format(cf uint16) option { return option{optFormat, binary.BigEndian.AppendUint16(nil, cf)} }

func echo(value string) option { return option{wire.OptionEcho, []byte(value)} }

// request is POST /msg, response the 2.04 to it, with a record or handshake.
func request(mid uint16, token string, cf uint16, body []byte, more ...option) message {
	return message{con, post, mid, token, append([]option{path("msg"), format(cf)}, more...), body}
}

func response(mid uint16, token string, body []byte) message {
	return message{ack, changed, mid, token, []option{format(wire.ContentFormatRecord)}, body}
}

// sender, gateway and stranger are the hosts of the captures.
var (
	sender   = netip.MustParseAddrPort("192.168.4.3:49152")
	gateway  = netip.MustParseAddrPort("192.168.4.2:5683")
	stranger = netip.MustParseAddrPort("192.168.4.9:40000")
)

// packet is one IPv4 packet of a capture.
type packet struct {
	after time.Duration // since the packet before; 10 ms where 0
	data  []byte
}

func datagram(t testing.TB, from, to netip.AddrPort, payload []byte) packet {
	t.Helper()
	data, err := air.UDP(from, to, 1, payload)
	if err != nil {
		t.Fatal(err)
	}
	return packet{data: data}
}

func (p packet) later(d time.Duration) packet { p.after = d; return p }

// up is a message from the sender, down one from the gateway.
func up(t testing.TB, m message) packet { return datagram(t, sender, gateway, m.bytes()) }

func down(t testing.TB, m message) packet { return datagram(t, gateway, sender, m.bytes()) }

// ethernet writes packets as a pcap file; snaplen 0 keeps them whole.
func ethernet(t testing.TB, snaplen int, packets ...packet) string {
	t.Helper()
	var out bytes.Buffer
	w := pcapgo.NewWriterNanos(&out)
	if err := w.WriteFileHeader(262144, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, p := range packets {
		at = at.Add(p.gap())
		frame := append([]byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x03\x08\x00"), p.data...)
		info := gopacket.CaptureInfo{Timestamp: at, Length: len(frame), CaptureLength: len(frame)}
		if snaplen > 0 && len(frame) > snaplen {
			frame, info.CaptureLength = frame[:snaplen], snaplen
		}
		if err := w.WritePacket(info, frame); err != nil {
			t.Fatal(err)
		}
	}
	return save(t, "capture.pcap", out.Bytes())
}

func (p packet) gap() time.Duration {
	if p.after == 0 {
		return 10 * time.Millisecond
	}
	return p.after
}

func save(t testing.TB, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// vector is vector A of session-v1.json.
type vector struct {
	EK, CT, SID, Kc, Kg, IV unhex
	Rec0, Resp0, Rec1       unhex
	Echo                    unhex
	Plaintext               unhex
	ResponsePlaintext       unhex `json:"response_plaintext"`
	AAD0, AADR              unhex
}

type unhex []byte

func (u *unhex) UnmarshalText(s []byte) (err error) {
	*u, err = hex.DecodeString(string(s))
	return err
}

func vectorA(t testing.TB) vector {
	t.Helper()
	var all []vector
	if err := json.Unmarshal(vectors.Own(t, "session-v1.json"), &all); err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func (v vector) handshake() []byte { return slices.Concat(v.CT, v.Rec0) }

// keylog is the line that the peers would write for the vector.
func (v vector) keylog() string { return v.keys().line() }

func (v vector) keys() keys { return keys{512, v.SID, v.Kc, v.Kg, v.IV} }

// keys are those of one session.
type keys struct {
	suite           int
	sid, kc, kg, iv []byte
}

func (k keys) line() string {
	return "PQIOT1 " + hex.EncodeToString(k.sid) + " " + map[int]string{512: "512", 768: "768", 1024: "1024"}[k.suite] +
		" " + hex.EncodeToString(k.kc) + " " + hex.EncodeToString(k.kg) + " " + hex.EncodeToString(k.iv) + "\n"
}

func nonce(sid []byte, seq uint64) []byte {
	n := append([]byte{wire.NonceLead}, sid...)
	return append(n, binary.BigEndian.AppendUint64(nil, seq)[3:]...)
}

// seal makes a record; req is the nonce of the request that it answers, or nil.
func (k keys) seal(t testing.TB, typ byte, cf uint16, seq uint64, req []byte, text string) []byte {
	t.Helper()
	n, key, code := nonce(k.sid, seq), k.kc, byte(post)
	if req != nil {
		key, code = k.kg, changed
	}
	aad := append([]byte("pqiot1"), typ, code, byte(cf>>8), byte(cf), 3, 'm', 's', 'g')
	aad = append(append(aad, req...), n...)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := ccm.NewCCM(block, wire.TagSize, wire.NonceSize)
	if err != nil {
		t.Fatal(err)
	}
	xored := make([]byte, wire.NonceSize)
	for i := range xored {
		xored[i] = n[i] ^ k.iv[i]
	}
	return aead.Seal(n, xored, []byte(text), aad)
}

// data and answer are a later record and the answer to one.
func (k keys) data(t testing.TB, seq uint64, text string) []byte {
	return k.seal(t, 0x02, wire.ContentFormatRecord, seq, nil, text)
}

func (k keys) answer(t testing.TB, seq, to uint64, text string) []byte {
	return k.seal(t, 0x82, wire.ContentFormatRecord, seq, nonce(k.sid, to), text)
}

// sidOf is the session id of a ciphertext.
func sidOf(ct []byte) []byte {
	h := sha256.Sum256(append([]byte("pqiot1 sid"), ct...))
	return h[:wire.SIDSize]
}
