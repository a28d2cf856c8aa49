//go:build unix

package extcap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pqiot/wire"
)

// fakeConsole is the port of a board that prints.
type fakeConsole struct {
	io.Reader
	io.Closer
}

func (fakeConsole) Write(p []byte) (int, error) { return len(p), nil }
func (fakeConsole) SetBaud(int) error           { return nil }
func (fakeConsole) Name() string                { return "a console" }

// consoleOpener opens each of its readers in turn, and is then not there.
func consoleOpener(readers ...*io.PipeReader) Opener {
	return OpenerFunc(func(context.Context) (Board, error) {
		if len(readers) == 0 {
			return nil, ErrGone
		}
		r := readers[0]
		readers = readers[1:]
		return fakeConsole{r, r}, nil
	})
}

// consoleLines are the lines among the packets, as "interface time-ordered text".
func consoleLines(packets []block) (lines []string) {
	for _, p := range packets {
		if i := binary.NativeEndian.Uint32(p.body); i > 0 {
			_, text, _ := strings.Cut(string(p.captured()), "\x00\x00\x00\x00")
			lines = append(lines, fmt.Sprint(i, " ", strings.Trim(text, "\x00")))
		}
	}
	return lines
}

func TestConsolesBesideFrames(t *testing.T) {
	sniffer := newFakeSniffer()
	in1, out1 := io.Pipe()
	in2, out2 := io.Pipe()
	again, outAgain := io.Pipe()
	cfg := testConfig()
	cfg.Consoles = []Console{{Name: "gateway", Open: consoleOpener(in1, again)}, {Name: "sender", Open: consoleOpener(in2)}}
	r := start(t, cfg, sniffer, false)
	eventually(t, "the interface blocks", func() bool {
		return len(only(wholeBlocks(t, r.bytes()), blockInterface)) == 3
	})
	io.WriteString(out1, "kem.dec")
	io.WriteString(out1, "aps 6.1 ms\r\n\r\nled green\nhalf")
	eventually(t, "two lines", func() bool { return len(consoleLines(r.packets())) == 2 })
	sniffer.frame([]byte("\x80\x00a frame of this size"))
	eventually(t, "the frame", func() bool { return len(r.packets()) == 3 })
	io.WriteString(out2, "T=\x01\xff21.5C\n"+strings.Repeat("x", maxConsoleLine+1)+"\n")
	out1.CloseWithError(errors.New("unplugged"))
	io.WriteString(outAgain, "back\n")
	eventually(t, "all lines", func() bool { return len(consoleLines(r.packets())) == 7 })
	blocks := readBlocks(t, r.stop())
	got := consoleLines(only(blocks, blockPacket))
	slices.Sort(got)
	want := []string{"1 gateway: back", "1 gateway: half", "1 gateway: kem.decaps 6.1 ms", "1 gateway: led green",
		"2 sender: T= \uFFFD21.5C", "2 sender: x", "2 sender: " + strings.Repeat("x", maxConsoleLine)}
	if !slices.Equal(got, want) {
		t.Errorf("lines %q\nwant %q", got, want)
	}
	for i, b := range only(blocks, blockInterface)[1:] {
		if link := binary.NativeEndian.Uint16(b.body); link != linkUpperPDU || string(b.options[ifName]) != cfg.Consoles[i].Name {
			t.Errorf("interface %d: link type %d, name %s", i+1, link, b.options[ifName])
		}
	}
}

// A console that cannot be opened is told of, and costs nothing else.
func TestConsoleThatIsNotThere(t *testing.T) {
	sniffer := newFakeSniffer()
	cfg := testConfig()
	cfg.Consoles = []Console{{Name: "gateway", Open: OpenerFunc(func(context.Context) (Board, error) {
		return nil, errors.New("/dev/ttyUSB9: no such port")
	})}}
	r := start(t, cfg, sniffer, false)
	eventually(t, "the interface blocks", func() bool {
		return len(only(wholeBlocks(t, r.bytes()), blockInterface)) == 2
	})
	sniffer.frame([]byte("\x80\x00a frame of this size"))
	eventually(t, "the frame", func() bool { return len(r.packets()) == 1 })
	r.cancel()
	err := r.wait()
	if err == nil || !strings.Contains(err.Error(), "console gateway: /dev/ttyUSB9: no such port") {
		t.Errorf("Capture: %v", err)
	}
}

// A recorded stream's lines come before the board has said who it is: they
// wait for the interface blocks.
func TestConsoleBeforeHello(t *testing.T) {
	in, out := io.Pipe()
	sniffer := newFakeSniffer()
	sniffer.mute = true
	cfg := testConfig()
	cfg.Consoles = []Console{{Name: "gateway", Open: consoleOpener(in)}}
	r := start(t, cfg, sniffer, false)
	io.WriteString(out, "early\n")
	time.Sleep(50 * time.Millisecond)
	if n := len(r.packets()); n != 0 {
		t.Errorf("%d packets before their interface", n)
	}
	sniffer.send(wire.TypeHello, wire.AppendHello(nil, sniffer.hello))
	eventually(t, "the line", func() bool { return slices.Equal(consoleLines(r.packets()), []string{"1 gateway: early"}) })
}

func TestParseConsoles(t *testing.T) {
	const head = "--capture --extcap-interface pinecone --fifo /f "
	c, err := ParseArgs(strings.Fields(head + "--console gateway=/dev/ttyUSB1 --console=sender=/dev/ttyUSB2"))
	want := []Console{{Name: "gateway", Port: "/dev/ttyUSB1"}, {Name: "sender", Port: "/dev/ttyUSB2"}}
	if err != nil || fmt.Sprint(c.Config.Consoles) != fmt.Sprint(want) {
		t.Errorf("consoles %v, %v", c.Config.Consoles, err)
	}
	for _, x := range []struct{ value, says string }{
		{"gateway", `"gateway" is not NAME=PORT`}, {"gateway=", "is not NAME=PORT"}, {"=x", "1 to 32 of a-z"},
		{"Gate=x", "1 to 32 of a-z"}, {"a=x,a=y", "console a is given twice"}, {"a=x,b=x", "port x is given twice"},
		{"a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9", "9 consoles, at most 8"},
	} {
		if _, err := ParseArgs(strings.Fields(head + "--console " + x.value)); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("--console %s: %v, want %s", x.value, err, x.says)
		}
	}
}

// FuzzLineSplitter: whatever comes, in whatever pieces, lines are short and
// nothing but ends of lines and trailing blanks is lost.
func FuzzLineSplitter(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"), 2)
	f.Add([]byte(strings.Repeat("x", 3000)), 7)
	f.Fuzz(func(t *testing.T, in []byte, piece int) {
		var l lineSplitter
		var got []byte
		keep := func(s string) {
			if len(s) > maxConsoleLine || strings.Contains(s, "\n") {
				t.Fatalf("line of %d bytes: %q", len(s), s)
			}
			got = append(got, s...)
		}
		for b := in; len(b) > 0; {
			n := min(max(piece%64, 1), len(b))
			l.add(b[:n], keep)
			b = b[n:]
		}
		l.rest(keep)
		solid := strings.NewReplacer("\n", "", "\r", "", " ", "").Replace // by bytes: pieces may be no UTF-8
		if solid(string(got)) != solid(string(in)) {
			t.Fatalf("%q became %q", in, got)
		}
	})
}
