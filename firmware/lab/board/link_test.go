package board

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain plays a board where it is started as one: PQIOT_FAKE_BOARD says
// what kind.
func TestMain(m *testing.M) {
	if kind := os.Getenv("PQIOT_FAKE_BOARD"); kind != "" {
		os.Exit(fake(kind))
	}
	os.Exit(m.Run())
}

// fake is a board that sends back each datagram and says each typed line, and
// wants to be called every 1000 µs; or one that breaks the protocol.
func fake(kind string) int {
	tell := func(k Kind, body []byte) { os.Stdout.Write(AppendMessage(nil, Message{k, body})) }
	for boots := 0; ; {
		m, err := ReadMessage(os.Stdin)
		if errors.Is(err, io.EOF) {
			return 0
		}
		switch m.Kind {
		case Arrived:
			tell(Leaves, m.Body)
		case Typed, Address:
			tell(Printed, m.Body)
		case PowerCut:
			boots++
			tell(Printed, fmt.Appendf(nil, "boot %d", boots))
		case Time:
			now, _ := ParseTime(m.Body)
			switch kind {
			case "dies":
				fmt.Fprintln(os.Stderr, "out of everything")
				return 3
			case "hangs":
				time.Sleep(time.Minute)
			case "babbles":
				os.Stdout.WriteString("this is not the protocol, not at all")
			case "short":
				tell(Done, []byte{1})
			}
			tell(Done, TimeMessage(now+1000).Body)
		}
	}
}

func startFake(t *testing.T, kind string, patience time.Duration) *Process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PQIOT_FAKE_BOARD="+kind)
	p, err := start("fake", cmd, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.Close() })
	return p
}

func TestStep(t *testing.T) {
	p := startFake(t, "good", Patience)
	peer := netip.MustParseAddrPort("192.168.7.9:5683")
	out, next, err := p.Step(500, []Message{
		AddressMessage(netip.MustParseAddr("192.168.7.2")), Datagram(Arrived, peer, []byte("hello")),
		{Typed, []byte("pin\n")}, {Kind: PowerCut},
	})
	if err != nil || next != 1500 {
		t.Fatalf("next %d, %v", next, err)
	}
	want := []Message{{Printed, []byte{192, 168, 7, 2}}, Datagram(Leaves, peer, []byte("hello")),
		{Printed, []byte("pin\n")}, {Printed, []byte("boot 1")}}
	if fmt.Sprint(out) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", out, want)
	}
	to, payload, err := ParseDatagram(out[1].Body)
	if err != nil || to != peer || string(payload) != "hello" {
		t.Errorf("%v %q %v", to, payload, err)
	}
	if out, next, err := p.Step(1500, nil); err != nil || len(out) != 0 || next != 2500 {
		t.Errorf("%v %d %v", out, next, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestBoardsThatFail(t *testing.T) {
	for _, c := range []struct{ kind, says string }{
		{"dies", "fake board: it ended: exit status 3; it said: out of everything"},
		{"hangs", "fake board: no answer within 300ms"},
		{"babbles", "fake board: not the protocol of the link: message 't' of 544434536 bytes, at most 4096 expected"},
		{"short", "fake board: not the protocol of the link: time of 1 bytes, 8 expected"},
	} {
		patience := Patience
		if c.kind == "hangs" {
			patience = 300 * time.Millisecond
		}
		p := startFake(t, c.kind, patience)
		for range 2 { // it stays of no use
			if _, _, err := p.Step(0, nil); err == nil || err.Error() != c.says {
				t.Errorf("%s: %v\nwant %s", c.kind, err, c.says)
			}
		}
	}
	if _, err := Start("absent", "/nonexistent/board"); err == nil || !strings.Contains(err.Error(), "/nonexistent/board") {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestParseJoin(t *testing.T) {
	if s, p, err := ParseJoin([]byte("net\x00pass word")); s != "net" || p != "pass word" || err != nil {
		t.Errorf("%q %q %v", s, p, err)
	}
	if s, p, err := ParseJoin([]byte("net\x00")); s != "net" || p != "" || err != nil {
		t.Errorf("%q %q %v", s, p, err)
	}
	if _, _, err := ParseJoin([]byte("net")); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
}

// FuzzReadMessage: a message that is read is the one that was written, and
// anything else an error.
func FuzzReadMessage(f *testing.F) {
	f.Add(AppendMessage(nil, TimeMessage(7)))
	f.Add(AppendMessage(nil, Datagram(Leaves, netip.MustParseAddrPort("1.2.3.4:5"), []byte("x"))))
	f.Add([]byte{'c', 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			left := r.Len()
			m, err := ReadMessage(r)
			if err != nil {
				if left == 0 != errors.Is(err, io.EOF) {
					t.Fatalf("%d bytes left: %v", left, err)
				}
				return
			}
			at := len(b) - left
			if again := AppendMessage(nil, m); !bytes.Equal(again, b[at:at+len(again)]) {
				t.Fatalf("%x read as %x", b[at:], again)
			}
			ParseDatagram(m.Body)
			ParseJoin(m.Body)
			ParseTime(m.Body)
		}
	})
}
