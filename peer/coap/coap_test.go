package coap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		err       error
		illegal   message.OptionID
		options   []message.OptionID
	}{
		{"GET /pk", "44011234aabbccddb2706b", nil, 0, []message.OptionID{11}},
		{"ping", "40001234", nil, 0, nil},
		{"payload", "40021234ff00", nil, 0, nil},
		{"two-byte delta", "40021234e0000000", nil, 0, []message.OptionID{269, 269}},
		{"RFC 8613 C.4", "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e", nil, 0, []message.OptionID{3, 9}},
		{"long Accept", "40021234d304000000", nil, 17, nil},
		{"empty Uri-Host", "4002123430", nil, 3, nil},
		{"long Content-Format is dropped", "40021234c3000000", nil, 0, nil},
		{"empty Echo is dropped", "40021234d0ef", nil, 0, nil},
		{"version 0", "00011234", ErrVersion, 0, nil},
		{"version 2", "80011234", ErrVersion, 0, nil},
		{"three bytes", "400112", ErrShort, 0, nil},
		{"nothing", "", ErrShort, 0, nil},
		{"token length 9", "49011234000000000000000000", ErrFormat, 0, nil},
		{"token cut", "44011234aabbcc", ErrFormat, 0, nil},
		{"option cut", "40011234b270", ErrFormat, 0, nil},
		{"extended delta cut", "40011234d0", ErrFormat, 0, nil},
		{"extended length cut", "4001123401", ErrFormat, 0, nil},
		{"delta 15", "40011234f0", ErrFormat, 0, nil},
		{"length 15", "400112340f", ErrFormat, 0, nil},
		{"option number over 16 bits", "40011234e0ffff", ErrFormat, 0, nil},
		{"marker alone", "40011234ff", ErrFormat, 0, nil},
		{"empty message with a token", "4100123400", ErrFormat, 0, nil},
		{"reserved class 1", "40201234", ErrFormat, 0, nil},
		{"reserved class 7", "40e11234", ErrFormat, 0, nil},
	} {
		m, err := Parse(unhex(t, c.hex), nil)
		if !errors.Is(err, c.err) || m.Illegal != c.illegal {
			t.Errorf("%s: %v, illegal %d", c.name, err, m.Illegal)
		}
		var ids []message.OptionID
		for _, o := range m.Options {
			ids = append(ids, o.ID)
		}
		if !reflect.DeepEqual(ids, c.options) {
			t.Errorf("%s: options %v", c.name, ids)
		}
	}
}

func TestAppend(t *testing.T) {
	m := message.Message{Type: message.Confirmable, Code: codes.POST, MessageID: 0x1234, Token: []byte{1},
		Options: message.Options{{ID: message.URIPath, Value: []byte("msg")}}, Payload: []byte("x")}
	want := unhex(t, "4102123401b36d7367ff78")
	for _, dst := range [][]byte{nil, make([]byte, 0, 64), []byte("before")} {
		if got := Append(dst, m); !bytes.Equal(got[len(dst):], want) || !bytes.HasPrefix(got, dst) {
			t.Errorf("%x", got)
		}
	}
	if got := AppendReset(nil, 0x1234); !bytes.Equal(got, unhex(t, "70001234")) {
		t.Errorf("reset %x", got)
	}
	if got := AppendACK(nil, 0x1234); !bytes.Equal(got, unhex(t, "60001234")) {
		t.Errorf("ack %x", got)
	}
}

func TestBlock(t *testing.T) {
	for _, c := range []struct {
		hex    string
		want   Block
		offset int
	}{
		{"", Block{}, 0}, {"0e", Block{0, true, 6}, 0}, {"16", Block{1, false, 6}, 1024}, {"fffffe", Block{1<<20 - 1, true, 6}, (1<<20 - 1) * 1024},
	} {
		got, err := ParseBlock(unhex(t, c.hex))
		if err != nil || got != c.want || got.Offset() != c.offset || hex.EncodeToString(got.Value()) != c.hex {
			t.Errorf("%s: %+v, %v", c.hex, got, err)
		}
	}
	for _, bad := range []string{"07", "0f", "00000006"} {
		if _, err := ParseBlock(unhex(t, bad)); !errors.Is(err, ErrBlock) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzCoAP(f *testing.F) {
	for _, s := range []string{"44011234aabbccddb2706b", "40021234e0000000ff01", "44025d1f00003974396c6f63616c686f7374620914ff612f1092", "40021234d304000000", "40021234d0ef"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b, nil)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrShort) {
				t.Error(err)
			}
			return
		}
		for _, o := range m.Options {
			if !legal(o.ID, len(o.Value)) {
				t.Errorf("option %d of %d bytes is kept", o.ID, len(o.Value))
			}
			if o.ID == message.Block1 || o.ID == message.Block2 {
				if blk, err := ParseBlock(o.Value); err == nil && (blk.Size() > 1024 || blk.Offset() < 0) {
					t.Errorf("block %+v", blk)
				}
			}
		}
		again, err := Parse(Append(nil, m.Message), nil)
		again.Illegal = m.Illegal // a second reading has it no more
		if len(m.Options) == 0 {
			m.Options, again.Options = nil, nil
		}
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%x: %+v becomes %+v, %v", b, m, again, err)
		}
	})
}
