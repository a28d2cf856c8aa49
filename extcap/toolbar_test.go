//go:build unix

package extcap

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pqiot/wire"
)

// wireshark collects what comes out of control-out, byte for byte.
type wireshark struct {
	*running
	mu  sync.Mutex
	got []string // messages in hex
}

func withToolbar(t *testing.T, cfg Config, f *fakeSniffer) *wireshark {
	t.Helper()
	w := &wireshark{running: start(t, cfg, f, true)}
	go func() {
		for {
			m, err := w.messages.Next()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.got = append(w.got, hex.EncodeToString(AppendMessage(nil, m)))
			w.mu.Unlock()
		}
	}()
	return w
}

// send writes raw bytes to control-in.
func (w *wireshark) send(s string) {
	w.t.Helper()
	if _, err := w.toBoard.Write(unhex(w.t, s)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wireshark) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

func (w *wireshark) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = nil
}

// expect waits for messages, each given in hex.
func (w *wireshark) expect(messages ...string) {
	w.t.Helper()
	for _, m := range messages {
		m = strings.ReplaceAll(m, " ", "")
		eventually(w.t, fmt.Sprintf("message %s (%s)", m, unhex(w.t, m)), func() bool { return slices.Contains(w.heard(), m) })
	}
}

// expectText waits for a message to a control whose text matches.
func (w *wireshark) expectText(control uint8, command Command, pattern string) {
	w.t.Helper()
	re := regexp.MustCompile(pattern)
	eventually(w.t, pattern, func() bool {
		for _, h := range w.heard() {
			m, _, err := ParseMessage(unhex(w.t, h))
			if err == nil && m.Control == control && m.Command == command && re.Match(m.Payload) {
				return true
			}
		}
		return false
	})
}

const initialized = "54 000002 00 00"

// readBackDefaults is what comes back of a board with default settings: channel 6, no
// hopping, beacons, whole frames, no filter.
var readBackDefaults = []string{"54 000003 00 01 36", "54 000002 01 01", "54 000003 02 01 00", "54 000003 03 01 30", "54 000002 04 01"}

// TestToolbarControls works every control and checks the command that the
// board gets and the read-back that the toolbar gets, byte for byte.
func TestToolbarControls(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send(initialized)
	w.expect(readBackDefaults...)
	tests := []struct {
		name    string
		press   string
		command wire.Type
		body    string
		back    []string
	}{
		{"channel 11", "54 000004 00 01 3131", wire.TypeChannel, "0b", []string{"54 000004 00 01 3131"}},
		{"hop 1, 6, 11", "54 000009 01 01 312c20362c3131", wire.TypeHop, "fa00 03 01060b",
			[]string{"54 000008 01 01 312c362c3131", "54 000003 00 01 30"}},
		{"hop no more", "54 000002 01 01", wire.TypeHop, "fa00 00", []string{"54 000002 01 01", "54 000004 00 01 3131"}},
		{"no beacons", "54 000003 02 01 01", wire.TypeFilter, "07 01 00",
			[]string{"54 000003 02 01 01", "54 00000c 04 01 6e6f7420626561636f6e"}},
		{"beacons again", "54 000003 02 01 00", wire.TypeFilter, "07 00 00", []string{"54 000003 02 01 00", "54 000002 04 01"}},
		{"snap length 128", "54 000005 03 01 313238", wire.TypeSnapLen, "8000", []string{"54 000005 03 01 313238"}},
		{"filter", "54 00000b 04 01 747970652064617461", wire.TypeFilter, "04 00 00",
			[]string{"54 00000b 04 01 747970652064617461"}},
		{"ask the board", "54 000002 06 01", wire.TypeStatusNow, "", nil},
	}
	for _, test := range tests {
		before := len(f.took(test.command))
		w.forget()
		w.send(test.press)
		eventually(t, test.name, func() bool { return len(f.took(test.command)) > before })
		got := f.took(test.command)
		if last := got[len(got)-1]; !bytes.Equal(last, unhex(t, test.body)) {
			t.Errorf("%s: the board got %x, want %s", test.name, last, test.body)
		}
		w.expect(test.back...)
	}
	w.expectText(ctlLog, CommandAdd, `info: heard \d+ frames, .*\n$`)
	f.send(wire.TypeLog, wire.AppendLog(nil, wire.Log{Level: wire.LogWarning, Text: []byte("radio \xff restarted")}))
	w.expectText(ctlLog, CommandAdd, "^[0-9-]{10}T.* warning: board: radio \uFFFD restarted\n$")
	f.frame(dataFrame(0))
	w.expectText(ctlStatus, CommandSet, `^\d+ frames/s, 1 in all, 0 lost, UART \d+ %`)
	w.expectText(0, CommandStatusBar, `^\d+ frames/s, 1 in all, 0 lost, UART \d+ %`)
	w.stop()
}

// TestToolbarStale sends values before Initialized: they are left over from an
// earlier capture and change nothing, and the toolbar is put right.
func TestToolbarStale(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send("54 000004 00 01 3133") // channel 13
	w.send("54 000003 02 01 01")   // no beacons
	eventually(t, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
	w.expectText(ctlLog, CommandAdd, "stale value of control 2")
	w.forget()
	w.send(initialized)
	w.expect(readBackDefaults...)
	if got := f.took(wire.TypeChannel); len(got) != 1 || got[0][0] != 6 {
		t.Errorf("channel commands: %v", got)
	}
	if got := f.took(wire.TypeFilter); len(got) != 1 || got[0][1] != 0 {
		t.Errorf("filter commands: %x", got)
	}
	w.stop()
}

// TestToolbarBadValues checks that what cannot be is said in a dialog, asked of
// no board, and replaced by what is in force.
func TestToolbarBadValues(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send(initialized)
	w.expect(readBackDefaults...)
	eventually(t, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
	before := len(f.took(wire.TypeFilter)) + len(f.took(wire.TypeHop)) + len(f.took(wire.TypeSnapLen)) + len(f.took(wire.TypeChannel))
	for _, test := range []struct {
		control uint8
		value   string
		want    string
	}{
		{ctlChannel, "15", `"15" is no channel`},
		{ctlChannel, "six", `"six" is no channel`},
		{ctlHop, "1,99", `hop list: `},
		{ctlNoBeacons, "yes", `neither 0 nor 1`},
		{ctlSnapLen, "70000", `"70000" is no snap length`},
		{ctlFilter, "type mgt or addr 0a:00:00:00:00:01", `"or" at position 10`},
		{77, "x", `there is no control 77`},
	} {
		w.forget()
		w.toBoard.Write(AppendMessage(nil, Message{test.control, CommandSet, []byte(test.value)}))
		w.expectText(test.control, CommandWarning, test.want)
		w.expect(readBackDefaults...)
	}
	w.forget()
	w.send("54 000003 00 01 30") // "hopping" is shown, not chosen
	w.expect(readBackDefaults...)
	after := len(f.took(wire.TypeFilter)) + len(f.took(wire.TypeHop)) + len(f.took(wire.TypeSnapLen)) + len(f.took(wire.TypeChannel))
	if before != after {
		t.Errorf("the board got %d commands", after-before)
	}
	w.stop()
}

// TestToolbarRefused has the board refuse a channel: a dialog says so, and the
// selector goes back.
func TestToolbarRefused(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send(initialized)
	w.expect(readBackDefaults...)
	f.mu.Lock()
	f.refuse = map[wire.Type]uint8{wire.TypeChannel: wire.ReplyBadValue}
	f.mu.Unlock()
	w.forget()
	w.send("54 000004 00 01 3134")
	w.expectText(0, CommandWarning, "channel 14: the board refused the channel command: bad value")
	w.expect(readBackDefaults...)
	w.stop()
}

// TestToolbarGarbage breaks the control pipe: the capture goes on, and
// Wireshark can go on writing.
func TestToolbarGarbage(t *testing.T) {
	for _, garbage := range []string{"58", "54 ffffff 0001", "54 000001 00"} {
		f := newFakeSniffer()
		w := withToolbar(t, testConfig(), f)
		w.send(initialized)
		w.expect(readBackDefaults...)
		w.send(garbage + strings.Repeat("00", 300_000)) // more than a pipe holds
		w.expectText(ctlLog, CommandAdd, "control pipe, byte 6: no control message.*the toolbar is off")
		f.frame(beacon())
		eventually(t, "the packet", func() bool { return len(w.packets()) == 1 })
		w.stop()
	}
}

// TestToolbarQuit stops a capture by the message of newer versions.
func TestToolbarQuit(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send(initialized)
	w.expect(readBackDefaults...)
	w.send("51 000000")
	if err := w.wait(); err != nil {
		t.Errorf("Capture: %v", err)
	}
}

// TestToolbarUnread leaves control-out unread: the capture does not mind.
func TestToolbarUnread(t *testing.T) {
	f := newFakeSniffer()
	r := start(t, testConfig(), f, true)
	eventually(t, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
	for range 5000 {
		f.send(wire.TypeLog, wire.AppendLog(nil, wire.Log{Level: wire.LogInfo, Text: make([]byte, 100)}))
	}
	f.frame(beacon())
	eventually(t, "the packet", func() bool { return len(r.packets()) == 1 })
	r.stop()
}

func TestToolbarReplug(t *testing.T) {
	f := newFakeSniffer()
	w := withToolbar(t, testConfig(), f)
	w.send(initialized)
	w.expect(readBackDefaults...)
	f.unplug()
	w.expectText(0, CommandStatusBar, "the capture waits for the board")
	w.send("54 000004 00 01 3131") // while it is away
	f.plug()
	eventually(t, "the channel", func() bool {
		got := f.took(wire.TypeChannel)
		return len(got) > 1 && got[len(got)-1][0] == 11
	})
	w.expect("54 000004 00 01 3131")
	w.stop()
}

// TestToolbarSentences checks what the listing says of the controls against
// what the engine does with them.
func TestToolbarSentences(t *testing.T) {
	sentences := ToolbarSentences(Version{4, 0})
	form := regexp.MustCompile(`^(control|value) (\{[a-z]+=[^{}]*\})+$`)
	for _, s := range sentences {
		if !form.MatchString(s) {
			t.Errorf("malformed: %s", s)
		}
	}
	all := strings.Join(sentences, "\n")
	for number, kind := range map[int]string{ctlChannel: "selector", ctlHop: "string", ctlNoBeacons: "boolean", ctlSnapLen: "string",
		ctlFilter: "string", ctlStatus: "string", ctlStatusNow: "button", ctlLog: "button", ctlHelp: "button", ctlRestore: "button"} {
		if n := strings.Count(all, fmt.Sprintf("control {number=%d}{type=%s}", number, kind)); n != 1 {
			t.Errorf("control %d, a %s, stands there %d times", number, kind, n)
		}
	}
	for ch := wire.ChannelMin; ch <= wire.ChannelMax; ch++ {
		var s settings
		if !strings.Contains(all, fmt.Sprintf("value {control=0}{value=%d}", ch)) {
			t.Errorf("channel %d is no choice", ch)
		}
		if ask, err := s.set(Message{ctlChannel, CommandSet, []byte(fmt.Sprint(ch))}); err != nil || ask != askChannel || int(s.channel) != ch {
			t.Errorf("channel %d: %v, %v", ch, ask, err)
		}
	}
	for _, role := range []string{"{role=logger}", "{role=help}", "{role=restore}"} {
		if strings.Count(all, role) != 1 {
			t.Errorf("not exactly one %s", role)
		}
	}
	if channelFreq(1) != 2412 || channelFreq(13) != 2472 || channelFreq(14) != 2484 {
		t.Error("wrong frequencies")
	}
}

// FuzzToolbar gives the engine any message; a value that it accepts must be one
// that the wire can carry.
func FuzzToolbar(f *testing.F) {
	for _, c := range []uint8{ctlChannel, ctlHop, ctlNoBeacons, ctlSnapLen, ctlFilter} {
		f.Add(c, []byte("6"))
	}
	f.Add(uint8(ctlHop), []byte("1-13"))
	f.Add(uint8(ctlFilter), []byte("type mgt and not beacon"))
	f.Fuzz(func(t *testing.T, control uint8, payload []byte) {
		s := settings{channel: 6, dwell: DefaultDwell, filter: wire.Filter{Types: wire.FilterAll}}
		before := fmt.Sprint(s)
		ask, err := s.set(Message{control, CommandSet, payload})
		if (err != nil || ask == 0 || ask == askStatus) && fmt.Sprint(s) != before {
			t.Fatalf("refused, and yet %+v", s)
		}
		if err == nil {
			if h, err := wire.ParseHop(wire.AppendHop(nil, s.hopBody())); err != nil || !slices.Equal(h.Channels, s.hop) {
				t.Fatalf("hop %v: %v", s.hop, err)
			}
			if _, err := ParseFilter(FormatFilter(s.filter)); err != nil || s.channel < 1 || s.channel > 14 {
				t.Fatalf("%+v: %v", s, err)
			}
		}
	})
}
