package flash_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/sim"
)

// fault is what becomes of a reply.
type fault func(reply []byte) sim.Answer

// spoil does it to some of the replies.
func spoil(f fault, which func(n int) bool) sim.Options {
	return sim.Options{OnReply: func(n int, _ byte, r []byte) sim.Answer {
		if which(n) {
			return f(r)
		}
		return sim.Answer{Data: r}
	}}
}

// faults are what can become of a reply. The board has obeyed in each case.
var faults = map[string]fault{
	"lost":            func([]byte) sim.Answer { return sim.Answer{} },
	"unplugged":       func([]byte) sim.Answer { return sim.Answer{Unplug: true} },
	"late by 1 s":     func(r []byte) sim.Answer { return sim.Answer{Data: r, Delay: time.Second} },
	"late by 3 s":     func(r []byte) sim.Answer { return sim.Answer{Data: r, Delay: 3 * time.Second} },
	"late by 7 s":     func(r []byte) sim.Answer { return sim.Answer{Data: r, Delay: 7 * time.Second} },
	"first byte":      func(r []byte) sim.Answer { return damaged(r, 0, 0x01) },
	"second byte":     func(r []byte) sim.Answer { return damaged(r, 1, 0x10) },
	"length":          func(r []byte) sim.Answer { return damaged(r, 2, 0x04) },
	"length, high":    func(r []byte) sim.Answer { return damaged(r, 3, 0x80) },
	"data":            func(r []byte) sim.Answer { return damaged(r, len(r)/2, 0x40) },
	"last byte":       func(r []byte) sim.Answer { return damaged(r, len(r)-1, 0x01) },
	"cut short":       func(r []byte) sim.Answer { return sim.Answer{Data: r[:len(r)-1]} },
	"only one byte":   func(r []byte) sim.Answer { return sim.Answer{Data: r[:1]} },
	"twice":           func(r []byte) sim.Answer { return sim.Answer{Data: append(bytes.Clone(r), r...)} },
	"noise before":    func(r []byte) sim.Answer { return sim.Answer{Data: append([]byte{0, 0xFF, 0x80}, r...)} },
	"noise after":     func(r []byte) sim.Answer { return sim.Answer{Data: append(bytes.Clone(r), 0, 'O', 'K')} },
	"FL 0001":         refused(0x0001),
	"FL 0003":         refused(0x0003),
	"FL 0006":         refused(0x0006),
	"FL 0102":         refused(0x0102),
	"FL 0103":         refused(0x0103),
	"FL 0104":         refused(0x0104),
	"FL 0204":         refused(0x0204),
	"FL FFFF":         refused(0xFFFF),
	"OK for anything": func([]byte) sim.Answer { return sim.Answer{Data: []byte("OK")} },
	"PD for anything": func([]byte) sim.Answer { return sim.Answer{Data: []byte("PD")} },
}

func damaged(r []byte, at int, mask byte) sim.Answer {
	r = bytes.Clone(r)
	r[min(at, len(r)-1)] ^= mask
	return sim.Answer{Data: r}
}

func refused(code uint16) fault {
	return func([]byte) sim.Answer { return sim.Answer{Data: []byte{'F', 'L', byte(code), byte(code >> 8)}} }
}

// scenario is a small session that meets every command: skipped, blank,
// erased and partly kept sectors.
type scenario struct {
	before []byte
	files  []flash.File

	oneFault bool // the same damage twice would look like the truth
}

func newScenario() scenario {
	s := scenario{before: random(11, 1<<17)}
	s.files = []flash.File{
		{Name: "kept around", Addr: 0x3100, Data: random(12, 5000)},
		{Name: "unchanged", Addr: 0x8000, Data: bytes.Clone(s.before[0x8000:0xA000])},
		{Name: "into blank", Addr: 0x10010, Data: random(13, 6000)},
	}
	copy(s.before[0x10000:], bytes.Repeat([]byte{0xFF}, 0x3000))
	return s
}

// run is one session. It returns the board's state and how it ended.
func (s scenario) run(t *testing.T, modern bool, o sim.Options) (*sim.Board, *sim.Line, error) {
	o.Flash = bytes.Clone(s.before)
	o.EraseTime, o.PageTime = 700*time.Millisecond, 500*time.Microsecond
	board := sim.New(o)
	line := sim.NewLine(board)
	b, err := flash.Open(line, options(t, line, modern))
	if err != nil {
		return board, line, err
	}
	boot, ok := b.Boot()
	if id := b.Flash().ID; s.oneFault && (id != [3]byte{0xEF, 0x40, 0x11} || ok && boot.MAC != [6]byte{0x24, 0x94, 0x94, 0x47, 0x88, 0xDD}) {
		t.Errorf("a garbled reply was believed: JEDEC id %x, MAC %x", id, boot.MAC)
	}
	p, err := flash.NewPlan(s.files, uint32(len(s.before)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.Write(p); err == nil {
		err = b.Restart()
	}
	return board, line, err
}

// judge fails if a run ended in anything but an exact image or a clear error,
// or took longer than the time-outs allow.
func (s scenario) judge(t *testing.T, what string, board *sim.Board, line *sim.Line, err error, limit time.Duration) {
	t.Helper()
	if err == nil {
		want := bytes.Clone(s.before)
		for _, f := range s.files {
			copy(want[f.Addr:], f.Data)
		}
		if !bytes.Equal(board.Flash, want) {
			t.Errorf("%s: success, and the flash is not as it should be", what)
		}
	} else if !known(err) {
		t.Errorf("%s: unclear error %v", what, err)
	}
	if line.Elapsed() > limit {
		t.Errorf("%s: took %v (%v)", what, line.Elapsed(), err)
	}
}

// known reports the errors that the command explains.
func known(err error) bool {
	var refused flash.BoardError
	var differs *flash.MismatchError
	for _, e := range []error{flash.ErrLost, flash.ErrSilent, flash.ErrChatter, flash.ErrGarbled, flash.ErrTimeout, flash.ErrNoFlash} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, &refused) || errors.As(err, &differs)
}

// faultLimit bounds any run with one fault: the handshake's wait, an erase's
// time-out and two rounds of re-synchronisation.
const faultLimit = 10*time.Second + 15*time.Second + 2*15*time.Second

// TestFaultAtEveryReply does one thing to one reply of a session, for every
// reply and every thing. A fault that heals must not cost the session.
func TestFaultAtEveryReply(t *testing.T) {
	s := newScenario()
	s.oneFault = true
	for gen, modern := range generations {
		t.Run(gen, func(t *testing.T) {
			clean, line, err := s.run(t, modern, sim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			runs, failures := 0, map[string]int{}
			longest := time.Duration(0)
			for name, fault := range faults {
				for n := range clean.Replies {
					board, line, err := s.run(t, modern, spoil(fault, func(i int) bool { return i == n }))
					what := fmt.Sprintf("reply %d %s", n, name)
					s.judge(t, what, board, line, err, faultLimit)
					if err != nil {
						failures[name]++
						if name != "unplugged" {
							t.Errorf("%s: one fault ended the session: %v", what, err)
						}
					}
					runs++
					longest = max(longest, line.Elapsed())
				}
			}
			t.Logf("%d replies, %d runs, clean %v, longest %v, failed: %v", clean.Replies, runs, line.Elapsed(), longest, failures)
		})
	}
}

// TestFaultFromReplyOn keeps the fault up from one reply on: the run cannot
// succeed by repeating, unless the fault is harmless.
func TestFaultFromReplyOn(t *testing.T) {
	s := newScenario()
	for gen, modern := range generations {
		t.Run(gen, func(t *testing.T) {
			clean, _, err := s.run(t, modern, sim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			longest, what := time.Duration(0), ""
			for name, fault := range faults {
				for n := 0; n < clean.Replies; n += 1 + n/8 {
					board, line, err := s.run(t, modern, spoil(fault, func(i int) bool { return i >= n }))
					name := fmt.Sprintf("from reply %d on %s", n, name)
					s.judge(t, name, board, line, err, 5*time.Minute)
					if line.Elapsed() > longest {
						longest, what = line.Elapsed(), fmt.Sprintf("%s: %v", name, err)
					}
				}
			}
			t.Logf("longest %v: %s", longest, what)
		})
	}
}

// TestFaultAtEveryFrame flips a bit of one frame on its way to the board.
func TestFaultAtEveryFrame(t *testing.T) {
	s := newScenario()
	for gen, modern := range generations {
		t.Run(gen, func(t *testing.T) {
			clean, _, err := s.run(t, modern, sim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, where := range []string{"id", "checksum", "first", "middle", "last"} {
				for n := range clean.Frames {
					board, line, err := s.run(t, modern, sim.Options{OnFrame: func(i int, f []byte) {
						at := map[string]int{"id": 0, "checksum": 1, "first": min(4, len(f)-1), "middle": len(f) / 2, "last": len(f) - 1}[where]
						if i == n {
							f[at] ^= 0x20
						}
					}})
					s.judge(t, fmt.Sprintf("frame %d, %s byte", n, where), board, line, err, faultLimit)
				}
			}
		})
	}
}

// TestUnplugAtEveryByte pulls the cable after each byte that the host sends,
// in steps that grow.
func TestUnplugAtEveryByte(t *testing.T) {
	s := newScenario()
	_, clean, err := s.run(t, true, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < clean.Sent; n += 1 + n/50 {
		board := sim.New(sim.Options{Flash: bytes.Clone(s.before)})
		line := sim.NewLine(board)
		cut := &cutLine{Line: line, left: n}
		o := options(t, line, true)
		b, err := flash.Open(cut, o)
		if err == nil {
			p, _ := flash.NewPlan(s.files, uint32(len(s.before)))
			_, err = b.Write(p)
		}
		if !errors.Is(err, flash.ErrLost) {
			t.Errorf("cable pulled after %d bytes: %v", n, err)
		}
		if line.Elapsed() > faultLimit {
			t.Errorf("cable pulled after %d bytes: took %v", n, line.Elapsed())
		}
	}
}

// cutLine pulls the cable after so many bytes.
type cutLine struct {
	*sim.Line
	left int
}

func (c *cutLine) Write(p []byte) (int, error) {
	n, err := c.Line.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 && err == nil {
		c.Board.Unplug = true
		return n, sim.ErrUnplugged
	}
	return n, err
}

// TestBadFlash: cells that fail to program, with and without notice, and
// cells that read back differently. The error names the first bad address.
func TestBadFlash(t *testing.T) {
	s := newScenario()
	for name, c := range map[string]struct {
		o    sim.Options
		addr uint32
	}{
		"program fails":   {sim.Options{BadCells: func(a uint32) bool { return a == 0x3777 }}, 0x3777},
		"stuck cell":      {sim.Options{Stuck: func(a uint32) (byte, bool) { return 0x5A ^ byte(a), a == 0x10123 }}, 0x10123},
		"write-protected": {sim.Options{BadCells: func(a uint32) bool { return a >= 0x10000 }}, 0x10010},
	} {
		for gen, modern := range generations {
			board, line, err := s.run(t, modern, c.o)
			var m *flash.MismatchError
			if !errors.As(err, &m) || m.Addr != c.addr {
				t.Errorf("%s, %s: %v, want the address 0x%x", name, gen, err, c.addr)
			}
			s.judge(t, name, board, line, err, faultLimit)
		}
	}
}

// TestPendingForever: a board that is never done is given up.
func TestPendingForever(t *testing.T) {
	s := newScenario()
	_, line, err := s.run(t, true, sim.Options{PDFor: time.Hour})
	if err == nil || line.Elapsed() > 2*time.Minute {
		t.Errorf("%v after %v", err, line.Elapsed())
	}
}

// TestProgramCheckIsHeeded: a failed program is no success, not even where the
// SHA-256 is right.
func TestProgramCheckIsHeeded(t *testing.T) {
	s := newScenario()
	asked := 0
	o := sim.Options{OnReply: func(_ int, cmd byte, r []byte) sim.Answer {
		if cmd == 0x3A {
			asked++
			return refused(0x0006)(r)
		}
		return sim.Answer{Data: r}
	}}
	_, _, err := s.run(t, true, o)
	var e flash.BoardError
	if !errors.As(err, &e) || e.Cmd != flash.CmdProgramCheck || e.Code != 6 || asked != 4 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// TestProgramFailsOnce: the loader stays with a failure until the next erase,
// so blank sectors are erased before they are tried again.
func TestProgramFailsOnce(t *testing.T) {
	s := newScenario()
	failed := false
	board, line, err := s.run(t, true, sim.Options{BadCells: func(a uint32) bool {
		now := a == 0x10123 && !failed
		failed = failed || now
		return now
	}})
	if err != nil {
		t.Error(err)
	}
	s.judge(t, "one failure", board, line, err, faultLimit)
}

// TestWrongEcho: a segment header that comes back otherwise starts the upload
// again.
func TestWrongEcho(t *testing.T) {
	s := newScenario()
	headers, spoiled := 0, false
	_, _, err := s.run(t, false, sim.Options{OnReply: func(_ int, cmd byte, r []byte) sim.Answer {
		if cmd == 0x11 {
			headers++
		}
		if cmd == 0x17 && !spoiled {
			spoiled = true
			return damaged(r, 7, 1)
		}
		return sim.Answer{Data: r}
	}})
	if err != nil || headers != 2 {
		t.Errorf("the boot header was sent %d times: %v", headers, err)
	}
}
