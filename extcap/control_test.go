package extcap

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("bad hex in the test: %v", err)
	}
	return b
}

// messages are the protocol's examples, byte for byte.
var messages = []struct {
	name string
	hex  string
	want Message
}{
	{"initialized", "54 000002 00 00", Message{0, CommandInitialized, nil}},
	{"set a string", "54 000005 04 01 616263", Message{4, CommandSet, []byte("abc")}},
	{"set a boolean", "54 000003 02 01 01", Message{2, CommandSet, []byte{1}}},
	{"button pressed", "54 000002 06 01", Message{6, CommandSet, nil}},
	{"add to a selector", "54 000008 00 02 31 00 6f6e6531", Message{0, CommandAdd, []byte("1\x00one1")}},
	{"remove", "54 000003 00 03 31", Message{0, CommandRemove, []byte("1")}},
	{"enable", "54 000002 01 04", Message{1, CommandEnable, nil}},
	{"disable", "54 000002 01 05", Message{1, CommandDisable, nil}},
	{"status bar", "54 000004 00 06 6f6b", Message{0, CommandStatusBar, []byte("ok")}},
	{"information", "54 000004 00 07 6f6b", Message{0, CommandInfo, []byte("ok")}},
	{"warning", "54 000004 00 08 6f6b", Message{0, CommandWarning, []byte("ok")}},
	{"error", "54 000004 00 09 6f6b", Message{0, CommandError, []byte("ok")}},
}

func TestMessage(t *testing.T) {
	for _, test := range messages {
		b := unhex(t, test.hex)
		if got := AppendMessage(nil, test.want); !bytes.Equal(got, b) {
			t.Errorf("%s: AppendMessage = %x, want %x", test.name, got, b)
		}
		m, n, err := ParseMessage(append(b, 'T', 0xFF)) // what follows does not matter
		if err != nil || n != len(b) || m.Control != test.want.Control || m.Command != test.want.Command ||
			!bytes.Equal(m.Payload, test.want.Payload) {
			t.Errorf("%s: ParseMessage = %+v, %d, %v", test.name, m, n, err)
		}
		for cut := range b {
			if _, _, err := ParseMessage(b[:cut]); !errors.Is(err, ErrControlShort) {
				t.Errorf("%s cut to %d bytes: %v, want ErrControlShort", test.name, cut, err)
			}
		}
	}
}

func TestParseMessageErrors(t *testing.T) {
	tests := []struct{ name, hex, want string }{
		{"another sync", "58 000002 00 00", "byte 0x58"},
		{"shorter than control and command", "54 000001 00", "length 1, at least 2"},
		{"payload over 65535", "54 010002", "length 65538, at most 65537"},
		{"longest length", "54 ffffff", "length 16777215"},
	}
	for _, test := range tests {
		_, _, err := ParseMessage(unhex(t, test.hex))
		if !errors.Is(err, ErrControl) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestMessageReader(t *testing.T) {
	var stream []byte
	for _, m := range messages {
		stream = append(stream, unhex(t, m.hex)...)
	}
	big := bytes.Repeat([]byte{'x'}, maxControlText)
	stream = AppendMessage(stream, Message{7, CommandAdd, append(big, "cut off"...)})
	stream = append(stream, unhex(t, "51 000003 010203 51 000000")...)

	r := NewMessageReader(iotest.OneByteReader(bytes.NewReader(stream)))
	for _, want := range messages {
		m, err := r.Next()
		if err != nil || m.Command != want.want.Command || !bytes.Equal(m.Payload, want.want.Payload) {
			t.Fatalf("%s: %+v, %v", want.name, m, err)
		}
	}
	if m, err := r.Next(); err != nil || !bytes.Equal(m.Payload, big) {
		t.Fatalf("longest message: %d bytes, %v", len(m.Payload), err)
	}
	for range 2 {
		if m, err := r.Next(); err != nil || m.Command != commandStop {
			t.Fatalf("quit: %+v, %v", m, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("at the end: %v, want io.EOF", err)
	}
}

func TestMessageReaderErrors(t *testing.T) {
	initialized := unhex(t, "54 000002 00 00")
	r := NewMessageReader(bytes.NewReader(append(initialized, "garbage"...)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, ErrControl) || !strings.Contains(err.Error(), "byte 6:") {
		t.Errorf("garbage: %v, want ErrControl at byte 6", err)
	}
	r = NewMessageReader(bytes.NewReader(initialized[:5]))
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut message: %v, want io.ErrUnexpectedEOF", err)
	}
	r = NewMessageReader(iotest.ErrReader(iotest.ErrTimeout))
	if _, err := r.Next(); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("failing pipe: %v, want its error", err)
	}
}

// FuzzMessageReader holds that the reader gives out exactly the messages that
// stand in the stream, wherever reads happen to end, and then one error.
func FuzzMessageReader(f *testing.F) {
	for _, m := range messages {
		f.Add(unhex(f, m.hex), false)
	}
	f.Add(unhex(f, "54 000002 00 00 51 000000 58"), true)
	f.Fuzz(func(t *testing.T, stream []byte, slow bool) {
		var src io.Reader = bytes.NewReader(stream)
		if slow {
			src = iotest.OneByteReader(src)
		}
		r := NewMessageReader(src)
		at := 0
		for {
			m, err := r.Next()
			if err != nil {
				_, _, want := ParseMessage(stream[at:])
				if (want == nil) || errors.Is(want, ErrControl) != errors.Is(err, ErrControl) {
					t.Fatalf("at byte %d of %x: %v, want %v", at, stream, err, want)
				}
				return
			}
			whole := AppendMessage(nil, m)
			if m.Command == commandStop && stream[at] == controlQuit {
				_, n, _ := ParseMessage(stream[at:])
				whole = stream[at : at+n]
			}
			if !bytes.HasPrefix(stream[at:], whole) {
				t.Fatalf("at byte %d of %x: gave %x", at, stream, whole)
			}
			at += len(whole)
		}
	})
}
