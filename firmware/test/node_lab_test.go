//go:build linux

package test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const never = ^uint64(0)

// labBoard is a board driven in virtual time; see port/posix/lab_link.h.
type labBoard struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errs    bytes.Buffer
	addr    netip.Addr
	next    uint64 // µs, when it wants to be called
	stream  bytes.Buffer
	console string
	screen  string
	joined  []string
	led     byte
	leds    []ledChange
	sent    []datagram
	pending []byte // messages for the next turn
}

type ledChange struct {
	at      uint64
	colours byte
}

type datagram struct {
	at   uint64
	to   netip.AddrPort
	data []byte
}

func startLab(t *testing.T, program, addr string, args ...string) *labBoard {
	t.Helper()
	b := &labBoard{t: t, addr: netip.MustParseAddr(addr), cmd: exec.Command(program, append([]string{"--lab"}, args...)...)}
	b.cmd.Stderr = &b.errs
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.out = bufio.NewReader(out)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.in.Close()
		if err := b.cmd.Wait(); err != nil {
			t.Errorf("%v: %v\n%s", b.cmd.Args, err, b.errs.Bytes())
		}
	})
	b.tell('N', b.addr.AsSlice())
	return b
}

func labMessage(typ byte, body []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{typ}, uint32(len(body))), body...)
}

// tell leaves a message for the next turn.
func (b *labBoard) tell(typ byte, body []byte) {
	b.pending = append(b.pending, labMessage(typ, body)...)
	b.next = 0
}

func (b *labBoard) enter(line string) { b.tell('C', []byte(line+"\r")) }

// turn lets the board act at a time, and takes what it says.
func (b *labBoard) turn(now uint64) {
	b.t.Helper()
	b.pending = append(b.pending, labMessage('T', binary.LittleEndian.AppendUint64(nil, now))...)
	if _, err := b.in.Write(b.pending); err != nil {
		b.t.Fatal(err)
	}
	b.pending = nil
	for {
		var h [5]byte
		if _, err := io.ReadFull(b.out, h[:]); err != nil {
			b.t.Fatalf("%v: %v\n%s", b.cmd.Args, err, b.errs.Bytes())
		}
		body := make([]byte, binary.LittleEndian.Uint32(h[1:]))
		if _, err := io.ReadFull(b.out, body); err != nil || len(body) > 4096 {
			b.t.Fatalf("message of %d bytes: %v", len(body), err)
		}
		b.stream.Write(h[:])
		b.stream.Write(body)
		if b.take(now, h[0], body) {
			return
		}
	}
}

// take handles one message; true at the end of the turn.
func (b *labBoard) take(now uint64, typ byte, body []byte) bool {
	b.t.Helper()
	switch typ {
	case 'u':
		ip, _ := netip.AddrFromSlice(body[:4])
		to := netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[4:]))
		b.sent = append(b.sent, datagram{now, to, body[6:]})
	case 'c':
		b.console += string(body)
	case 'l':
		b.led = body[0]
		b.leds = append(b.leds, ledChange{now, body[0]})
	case 'o':
		b.screen = string(body)
	case 'w':
		b.joined = append(b.joined, string(body))
		b.tell('N', b.addr.AsSlice())
	case 'b': // it has worked; here that takes no time
	case 't':
		if at := binary.LittleEndian.Uint64(body); b.pending == nil {
			b.next = at
		}
		return true
	default:
		b.t.Fatalf("message of type %q", typ)
	}
	return false
}

// labWorld is two boards on one network that takes 2 ms, and drops what lose says.
type labWorld struct {
	t       *testing.T
	now     uint64
	gateway *labBoard
	sender  *labBoard
	lose    func(n int) bool
	carried int
	flying  []datagram // from the board that is not at their address
}

func newLabWorld(t *testing.T, seed int, args ...string) *labWorld {
	t.Helper()
	args = append(args, "--seed", fmt.Sprint(seed))
	return &labWorld{t: t, lose: func(int) bool { return false },
		gateway: startLab(t, gatewayProgram, "192.168.4.2", args...),
		sender:  startLab(t, senderProgram, "192.168.4.3", args...)}
}

const labLatency = 2000 // µs

// ports of the two boards' sockets
const gatewayPort, senderPort = 5683, 49152

func (w *labWorld) collect(b *labBoard) {
	for _, d := range b.sent {
		w.carried++
		if !w.lose(w.carried) {
			d.at += labLatency
			w.flying = append(w.flying, d)
		}
	}
	b.sent = nil
}

// deliver hands over what has arrived.
func (w *labWorld) deliver() {
	var later []datagram
	for _, d := range w.flying {
		to, from, port := w.gateway, w.sender, uint16(senderPort)
		if d.to.Addr() == w.sender.addr {
			to, from, port = w.sender, w.gateway, gatewayPort
		}
		if d.at > w.now {
			later = append(later, d)
		} else if to.addr == d.to.Addr() {
			body := binary.BigEndian.AppendUint16(from.addr.AsSlice(), port)
			to.tell('U', append(body, d.data...))
		}
	}
	w.flying = later
}

// run lets virtual time pass.
func (w *labWorld) run(us uint64) {
	w.t.Helper()
	for end := w.now + us; ; {
		w.deliver()
		next := never
		for _, b := range []*labBoard{w.gateway, w.sender} {
			if b.next <= w.now {
				b.turn(w.now)
				w.collect(b)
			}
			next = min(next, b.next)
		}
		for _, d := range w.flying {
			next = min(next, d.at)
		}
		if next > end {
			w.now = end
			return
		}
		w.now = max(w.now, next)
	}
}

// pin reads the gateway's pin off its console.
func (w *labWorld) pin() string {
	w.t.Helper()
	all := regexp.MustCompile(`(?m)^pin ([0-9a-f]{64})\r$`).FindAllStringSubmatch(w.gateway.console, -1)
	if all == nil {
		w.t.Fatalf("no pin:\n%s", w.gateway.console)
	}
	return all[len(all)-1][1]
}

func (w *labWorld) provision() {
	w.t.Helper()
	w.run(1_000_000)
	w.sender.enter("gateway 192.168.4.2")
	w.sender.enter("pin " + w.pin())
	w.run(1_000_000)
}

func (w *labWorld) want(b *labBoard, text string) {
	w.t.Helper()
	if !strings.Contains(b.console, text) {
		w.t.Fatalf("%q was not printed:\n%s", text, b.console)
	}
}

// flashes is a pattern of the LED: colours, and ms from its start.
type flashes []struct {
	colours byte
	ms      uint64
}

var (
	success = flashes{{2, 0}, {0, 120}, {2, 240}, {0, 360}}
	failure = flashes{{1, 0}, {0, 60}, {1, 120}, {0, 180}, {1, 240}, {0, 300}, {1, 360}, {0, 420}, {1, 480}, {0, 540}}
)

// wantLED compares the LED's changes since a time with a pattern. What the board
// computes takes some ms of its own time.
func (b *labBoard) wantLED(since uint64, want flashes) {
	b.t.Helper()
	var got []ledChange
	for _, l := range b.leds {
		if l.at >= since {
			got = append(got, l)
		}
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(want); i++ {
		ms := int64(got[i].at-got[0].at) / 1000
		same = got[i].colours == want[i].colours && max(ms-int64(want[i].ms), int64(want[i].ms)-ms) <= 10
	}
	if !same {
		b.t.Errorf("LED %v since %d, not %v\n%s", got, since, want, b.console)
	}
}

func TestBoardLab(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, 1)
	w.provision()
	w.sender.enter("send T=21.5C")
	start := w.now
	w.run(2_000_000)
	w.want(w.gateway, " from 192.168.4.3:49152: T=21.5C\r\n")
	if !regexp.MustCompile(`(?m)^kem.decaps [1-9][0-9]*\.[0-9] ms\r$`).MatchString(w.gateway.console) {
		t.Errorf("no time of a board's decapsulation:\n%s", w.gateway.console)
	}
	w.want(w.sender, " by 192.168.4.2:5683: ok\r\n")
	if w.gateway.screen != "pqiot gateway\n192.168.4.2\nT=21.5C" {
		t.Errorf("screen %q", w.gateway.screen)
	}
	w.gateway.wantLED(start, success)
	w.sender.wantLED(start, success)

	forged := []byte{0x50, 0x02, 0, 1, 0xb3, 'm', 's', 'g', 0x12, 0xfd, 0xec, 0xff}
	forged = append(forged, 7)
	forged = append(forged, make([]byte, 40)...) // a record of no session
	w.gateway.tell('U', append([]byte{192, 168, 4, 9, 0x30, 0x39}, forged...))
	start = w.now
	w.run(2_000_000)
	w.want(w.gateway, "refused: ")
	w.gateway.wantLED(start, failure)
}

// The same seed, the same bytes; another seed, another key.
func TestBoardLabDeterministic(t *testing.T) {
	t.Parallel()
	play := func(seed int) (*labWorld, string) {
		w := newLabWorld(t, seed)
		w.lose = func(n int) bool { return n%5 == 3 }
		w.provision()
		w.sender.enter("interval 7")
		w.sender.enter("psk k1 " + strings.Repeat("42", 32))
		w.gateway.enter("psk k1 " + strings.Repeat("42", 32))
		w.run(120_000_000)
		w.gateway.tell('R', nil)
		w.gateway.tell('N', w.gateway.addr.AsSlice())
		w.run(120_000_000)
		return w, w.gateway.stream.String() + w.sender.stream.String()
	}
	a, first := play(1)
	_, second := play(1)
	_, other := play(2)
	if first != second {
		t.Error("two runs of one seed differ")
	}
	if first == other {
		t.Error("two seeds give the same run")
	}
	if n := strings.Count(a.gateway.console, "\r\nmessage "); n < 25 {
		t.Errorf("%d messages in 240 s at one in 7 s:\n%s", n, a.gateway.console)
	}
	if n := strings.Count(a.gateway.console, "\r\nsession "); n < 2 {
		t.Errorf("%d sessions, before and after the power cut", n)
	}
}

// Wi-Fi: the credentials come over the console and are joined again after a power
// cut; without an address nothing is served, and the LED says so.
func TestBoardLabNetwork(t *testing.T) {
	t.Parallel()
	w := newLabWorld(t, 3)
	g := w.gateway
	g.tell('N', nil) // no network yet
	w.run(3_000_000)
	if strings.Contains(g.console, "ready") || g.led != 4 {
		t.Errorf("ready without an address, LED %d:\n%s", g.led, g.console)
	}
	w.want(g, "no network is set: wifi SSID PASSPHRASE\r\n")
	g.enter(`wifi "my net" "correct horse"`)
	w.run(3_000_000)
	w.want(g, "joining my net\r\naddress 192.168.4.2\r\nready\r\n")
	if g.led != 0 || strings.Contains(g.console, "correct") {
		t.Errorf("LED %d:\n%s", g.led, g.console)
	}
	g.tell('N', nil)
	w.run(3_000_000)
	w.want(g, "the network is lost\r\n")
	if g.led != 4 {
		t.Errorf("LED %d without a network", g.led)
	}
	pin := w.pin()
	g.console = ""
	g.tell('R', nil)
	w.run(3_000_000)
	w.want(g, "joining my net\r\n")
	w.want(g, "ready\r\n")
	if w.pin() != pin {
		t.Error("the pin has changed")
	}
	g.console = ""
	g.enter("reboot")
	w.run(3_000_000)
	w.want(g, "pqiot gateway 0.1.0, ML-KEM-512, simulated PineCone\r\n")
	w.want(g, "ready\r\n")
	if want := "my net\x00correct horse"; len(g.joined) != 3 || g.joined[0] != want || g.joined[2] != want {
		t.Errorf("joined %q", g.joined)
	}
}

// What is no message of the lab's ends the board, with a reason.
func TestBoardLabBadMessages(t *testing.T) {
	t.Parallel()
	at := func(us uint64) []byte { return labMessage('T', binary.LittleEndian.AppendUint64(nil, us)) }
	tests := []struct {
		name string
		in   []byte
		says string
		exit int
	}{
		{"nothing", nil, "", 0},
		{"end in a message", at(1)[:7], "", 0},
		{"unknown", labMessage('x', []byte("abc")), "the lab sent 'x' with 3 bytes", 2},
		{"too long", []byte{'C', 1, 0x10, 0, 0}, "a message of 4097 bytes", 2},
		{"short time", labMessage('T', make([]byte, 7)), "the lab sent 'T' with 7 bytes", 2},
		{"short datagram", labMessage('U', make([]byte, 5)), "the lab sent 'U' with 5 bytes", 2},
		{"IPv6", labMessage('N', make([]byte, 16)), "the lab sent 'N' with 16 bytes", 2},
		{"back in time", append(at(5), at(4)...), "the lab's time runs backwards", 2},
	}
	for _, tt := range tests {
		cmd := exec.Command(senderProgram, "--lab")
		cmd.Stdin = bytes.NewReader(tt.in)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		cmd.Run()
		if cmd.ProcessState.ExitCode() != tt.exit || !strings.Contains(errs.String(), tt.says) {
			t.Errorf("%s: exit %d, %q", tt.name, cmd.ProcessState.ExitCode(), errs.String())
		}
	}
}
