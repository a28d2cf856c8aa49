package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCRC(t *testing.T) {
	if got := CRC16([]byte("123456789")); got != 0x29B1 {
		t.Errorf("CRC16 = %04x", got)
	}
	if got := CRC32([]byte("123456789")); got != 0xCBF43926 {
		t.Errorf("CRC32 = %08x", got)
	}
}

// TestCRCLengths holds the fast CRCs against bitwise ones at every length
// around their blocks.
func TestCRCLengths(t *testing.T) {
	b := make([]byte, 150)
	for i := range b {
		b[i] = byte(i*i*7 + i)
	}
	for n := range b {
		c16, c32 := uint32(0xFFFF), ^uint32(0)
		for _, x := range b[:n] {
			for bit := range 8 {
				c16 = c16<<1 ^ 0x1021*(c16>>15&1^uint32(x)>>(7-bit)&1)
				c32 = c32>>1 ^ 0xEDB88320*(c32&1^uint32(x)>>bit&1)
			}
		}
		if got := CRC16(b[:n]); got != uint16(c16) {
			t.Errorf("CRC16 of %d bytes = %04x, want %04x", n, got, uint16(c16))
		}
		if got := CRC32(b[:n]); got != ^c32 {
			t.Errorf("CRC32 of %d bytes = %08x, want %08x", n, got, ^c32)
		}
	}
}

// serialVector is one record of testdata/vectors/serial-v1.json, which the C
// core answers to as well.
type serialVector struct {
	Name   string
	Record string // hex of the whole record
	Type   uint8
	Seq    uint16
	Time   uint64
	Body   string
}

func serialVectors(t testing.TB) (vs []serialVector) {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors/serial-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestSerialVectors(t *testing.T) {
	for _, v := range serialVectors(t) {
		want := Record{Type(v.Type), v.Seq, v.Time, unhex(t, v.Body)}
		raw := unhex(t, v.Record)
		got, n, err := ParseRecord(raw)
		if err != nil || n != len(raw) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ParseRecord = %+v, %d, %v", v.Name, got, n, err)
		}
		if out := AppendRecord(nil, want); !bytes.Equal(out, raw) {
			t.Errorf("%s: AppendRecord = %x", v.Name, out)
		}
		if out, ok := rebuild(got); !ok || !bytes.Equal(out, got.Body) {
			t.Errorf("%s: the body does not survive parse and append: %x", v.Name, out)
		}
	}
}

// rebuild parses a body as its type says and appends it again.
func rebuild(r Record) (out []byte, ok bool) {
	var err error
	switch r.Type {
	case TypeFrame:
		var f Frame
		f, err = ParseFrame(r.Body)
		out = AppendFrame(nil, f)
	case TypeStatus:
		var s Status
		s, err = ParseStatus(r.Body)
		out = AppendStatus(nil, s)
	case TypeHello:
		var h Hello
		h, err = ParseHello(r.Body)
		out = AppendHello(nil, h)
	case TypeLog:
		var l Log
		l, err = ParseLog(r.Body)
		out = AppendLog(nil, l)
	case TypeReply:
		var p Reply
		p, err = ParseReply(r.Body)
		out = AppendReply(nil, p)
	case TypeHop:
		var h Hop
		h, err = ParseHop(r.Body)
		out = AppendHop(nil, h)
	case TypeFilter:
		var f Filter
		f, err = ParseFilter(r.Body)
		out = AppendFilter(nil, f)
	default:
		out = r.Body
	}
	return out, err == nil
}

func TestParseRecordErrors(t *testing.T) {
	good := AppendRecord(nil, Record{Type: TypeLog, Seq: 3, Time: 9, Body: []byte("\x02hi")})
	edit := func(at int, x byte) []byte { b := bytes.Clone(good); b[at] ^= x; return b }
	version := bytes.Clone(good)
	version[3] = 2
	crc := CRC16(version[:16])
	version[16], version[17] = byte(crc), byte(crc>>8)
	long := bytes.Clone(good)
	long[4], long[5] = 0x01, 0x20
	crc = CRC16(long[:16])
	long[16], long[17] = byte(crc), byte(crc>>8)
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrShort},
		{"one sync byte", good[:1], ErrShort},
		{"header cut", good[:HeaderSize-1], ErrShort},
		{"body cut", good[:len(good)-1], ErrShort},
		{"first sync byte", edit(0, 1), ErrSync},
		{"second sync byte", edit(1, 1), ErrSync},
		{"second sync byte, short", edit(1, 1)[:2], ErrSync},
		{"type bit", edit(2, 1), ErrHeaderCRC},
		{"length bit", edit(5, 1), ErrHeaderCRC},
		{"header CRC bit", edit(17, 1), ErrHeaderCRC},
		{"body bit", edit(HeaderSize, 1), ErrRecordCRC},
		{"record CRC bit", edit(len(good)-1, 1), ErrRecordCRC},
		{"another major", version, ErrVersion},
		{"body length 8193", long, ErrLength},
	} {
		if _, n, err := ParseRecord(c.in); !errors.Is(err, c.want) || n != 0 {
			t.Errorf("%s: n = %d, err = %v, want %v", c.name, n, err, c.want)
		}
	}
}

func TestBodyErrors(t *testing.T) {
	hello := AppendHello(nil, Hello{Major: 1, Firmware: "1.0", Board: "PineCone"})
	for _, c := range []struct {
		name string
		typ  Type
		in   []byte
	}{
		{"frame", TypeFrame, make([]byte, FrameHeadSize-1)},
		{"status", TypeStatus, make([]byte, StatusSize-1)},
		{"hello empty", TypeHello, nil},
		{"hello head", TypeHello, hello[:HelloHeadSize-1]},
		{"hello without strings", TypeHello, hello[:HelloHeadSize]},
		{"hello string cut", TypeHello, hello[:len(hello)-1]},
		{"hello not UTF-8", TypeHello, append(hello[:HelloHeadSize:HelloHeadSize], 1, 0xFF, 0)},
		{"log", TypeLog, nil},
		{"reply", TypeReply, make([]byte, ReplyHeadSize-1)},
		{"hop", TypeHop, []byte{1, 0}},
		{"hop list cut", TypeHop, []byte{1, 0, 2, 1}},
		{"hop list too long", TypeHop, append([]byte{1, 0, 15}, make([]byte, 15)...)},
		{"filter", TypeFilter, []byte{7, 0}},
		{"filter list cut", TypeFilter, []byte{7, 0, 1, 1, 2, 3, 4, 5}},
		{"filter list too long", TypeFilter, append([]byte{7, 0, 9}, make([]byte, 54)...)},
	} {
		if _, ok := rebuild(Record{Type: c.typ, Body: c.in}); ok {
			t.Errorf("%s: accepted", c.name)
		}
	}
	if _, err := ParseHello([]byte{2}); !errors.Is(err, ErrVersion) {
		t.Errorf("hello of major 2: %v", err)
	}
}

func TestLongerBodiesAreRead(t *testing.T) {
	s := Status{Heard: 5, Uptime: 9}
	if got, err := ParseStatus(append(AppendStatus(nil, s), 1, 2, 3)); err != nil || got != s {
		t.Errorf("status with three more bytes: %+v, %v", got, err)
	}
	h := Hello{Major: 1, Minor: 3, Firmware: "f", Board: "b"}
	if got, err := ParseHello(append(AppendHello(nil, h), 1, 2, 3)); err != nil || got != h {
		t.Errorf("hello with three more bytes: %+v, %v", got, err)
	}
}

func FuzzRecord(f *testing.F) {
	for _, v := range serialVectors(f) {
		f.Add(unhex(f, v.Record))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, n, err := ParseRecord(in)
		if err != nil {
			return
		}
		if out := AppendRecord(nil, r); !bytes.Equal(out, in[:n]) {
			t.Fatalf("parse and append changed\n%x to\n%x", in[:n], out)
		}
		if out, ok := rebuild(r); ok && !bytes.HasPrefix(r.Body, out) {
			t.Fatalf("body %x became %x", r.Body, out)
		}
	})
}

// FuzzBody feeds bodies straight in: a mutated record hardly ever has a right
// CRC.
func FuzzBody(f *testing.F) {
	for _, v := range serialVectors(f) {
		f.Add(v.Type, unhex(f, v.Body))
	}
	f.Fuzz(func(t *testing.T, typ uint8, body []byte) {
		if out, ok := rebuild(Record{Type: Type(typ), Body: body}); ok && !bytes.HasPrefix(body, out) {
			t.Fatalf("type %02x: body %x became %x", typ, body, out)
		}
	})
}
