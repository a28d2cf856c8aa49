package flash_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
	"pqiot/firmware/flash/sim"
)

// generations are the two kinds of loaders.
var generations = map[string]bool{"old loader": false, "new loader": true}

func options(t testing.TB, l *sim.Line, modern bool) flash.Options {
	t.Helper()
	loader, err := image.ParseLoader(sim.Loader(modern, 6000))
	if err != nil {
		t.Fatal(err)
	}
	return flash.Options{Loader: loader, ROMBaud: 500000, Baud: 2000000, Wait: 10 * time.Second, Clock: l}
}

func open(t testing.TB, l *sim.Line, modern bool) *flash.Board {
	t.Helper()
	b, err := flash.Open(l, options(t, l, modern))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func plan(t testing.TB, files ...flash.File) *flash.Plan {
	t.Helper()
	p, err := flash.NewPlan(files, 2<<20)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// holds compares the whole flash with what was there before and the files.
func holds(t testing.TB, board *sim.Board, before []byte, files []flash.File) {
	t.Helper()
	want := bytes.Clone(before)
	for _, f := range files {
		copy(want[f.Addr:], f.Data)
	}
	for i := range want {
		if board.Flash[i] != want[i] {
			t.Fatalf("flash at 0x%06x holds %02x, want %02x", i, board.Flash[i], want[i])
		}
	}
}

func TestWriteBothGenerations(t *testing.T) {
	for name, modern := range generations {
		t.Run(name, func(t *testing.T) {
			before := random(1, 2<<20)
			files := []flash.File{
				{Name: "boot2", Addr: 0, Data: random(2, 30000)},
				{Name: "partition", Addr: 0xE000, Data: random(3, 272)},
				{Name: "two in a sector", Addr: 0xE800, Data: random(4, 100)},
				{Name: "firmware", Addr: 0x10000, Data: random(5, 300001)},
			}
			board := sim.New(sim.Options{Flash: bytes.Clone(before)})
			line := sim.NewLine(board)
			b := open(t, line, modern)
			st, err := b.Write(plan(t, files...))
			if err != nil {
				t.Fatal(err)
			}
			holds(t, board, before, files)
			if want := 8 + 1 + 74; sectors(st.Erased) != want {
				t.Errorf("%d sectors erased, want %d: %v", sectors(st.Erased), want, st.Erased)
			}
			ops := len(board.Ops)
			st, err = b.Write(plan(t, files...))
			if err != nil || len(board.Ops) != ops || st.Written != 0 || st.Unchanged != 30000+272+100+300001 {
				t.Errorf("the second time: %+v, %v, operations %v", st, err, board.Ops[ops:])
			}
			t.Logf("%v of line time, %d replies", line.Elapsed(), board.Replies)
		})
	}
}

func sectors(rs []flash.Range) (n int) {
	for _, r := range rs {
		n += int(r.Length / flash.SectorSize)
	}
	return n
}

// TestErasesOnlyWhatItMust: blank sectors are written without an erase, equal
// ones not at all, and one changed byte costs one sector.
func TestErasesOnlyWhatItMust(t *testing.T) {
	board := sim.New(sim.Options{})
	data := random(7, 5*flash.SectorSize+100)
	file := flash.File{Name: "a", Addr: 0x20000 + 40, Data: data}
	b := open(t, sim.NewLine(board), true)
	st, err := b.Write(plan(t, file))
	if err != nil || len(st.Erased) != 0 {
		t.Fatalf("blank flash: %+v, %v", st, err)
	}
	board.Flash[0x22000+5] ^= 0x80
	board.Ops = nil
	st, err = b.Write(plan(t, file))
	if err != nil || len(st.Erased) != 1 || st.Erased[0] != (flash.Range{Addr: 0x22000, Length: 4096}) || st.Written != 4096 {
		t.Errorf("one byte changed: %+v, %v", st, err)
	}
	if board.Ops[0] != (sim.Op{Kind: "erase", Addr: 0x22000, Length: 4096}) {
		t.Errorf("the board was told %v", board.Ops)
	}
	holds(t, board, bytes.Repeat([]byte{0xFF}, 2<<20), []flash.File{file})
}

func TestReadEraseChip(t *testing.T) {
	before := random(9, 2<<20)
	board := sim.New(sim.Options{Flash: bytes.Clone(before), EraseTime: 45 * time.Millisecond})
	line := sim.NewLine(board)
	b := open(t, line, true)
	got, err := b.Read(flash.Range{Addr: 0x1234, Length: 200000})
	if err != nil || !bytes.Equal(got, before[0x1234:0x1234+200000]) {
		t.Fatalf("read: %v", err)
	}
	if _, err := b.Erase(flash.Range{Addr: 0x1000, Length: 100}); !errors.Is(err, flash.ErrNoFit) {
		t.Errorf("half a sector: %v", err)
	}
	if _, err := b.Erase(flash.Range{Addr: 0x1FF000, Length: 0x2000}); !errors.Is(err, flash.ErrNoFit) {
		t.Errorf("past the end: %v", err)
	}
	done, err := b.Erase(flash.Range{Addr: 0x3000, Length: 0x5000})
	if err != nil || sectors(done) != 5 {
		t.Fatalf("erase: %v, %v", done, err)
	}
	holds(t, board, before, []flash.File{{Addr: 0x3000, Data: bytes.Repeat([]byte{0xFF}, 0x5000)}})
	if done, err = b.Erase(flash.Range{Addr: 0x3000, Length: 0x5000}); err != nil || len(done) != 0 {
		t.Errorf("erase of blank sectors: %v, %v", done, err)
	}
	if err := b.EraseChip(); err != nil {
		t.Fatal(err)
	}
	holds(t, board, bytes.Repeat([]byte{0xFF}, 2<<20), nil)
}

// TestAttach: a loader left running by a session that was cut off is used
// as it is, whatever its generation.
func TestAttach(t *testing.T) {
	for name, modern := range generations {
		t.Run(name, func(t *testing.T) {
			board := sim.New(sim.Options{})
			line := sim.NewLine(board)
			open(t, line, modern)
			line.Sleep(20 * time.Second)
			frames := board.Frames
			open(t, line, modern)
			if n := board.Frames - frames; n > 6 {
				t.Errorf("%d frames: the loader was sent again", n)
			}
			b := open(t, line, modern) // at once, while the loader is still in its window
			if err := b.Restart(); err != nil {
				t.Fatal(err)
			}
			start := line.Elapsed()
			if open(t, line, modern); line.Elapsed()-start > time.Second {
				t.Errorf("after a restart it took %v to be back", line.Elapsed()-start)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	board := sim.New(sim.Options{})
	b := open(t, sim.NewLine(board), false)
	info, ok := b.Boot()
	if !ok || info.MAC != [6]byte{0x24, 0x94, 0x94, 0x47, 0x88, 0xDD} || info.Version != 1 {
		t.Errorf("%+v %v", info, ok)
	}
	if mac, err := b.EfuseMAC(); err != nil || mac != info.MAC {
		t.Errorf("%x, %v", mac, err)
	}
	if j := b.Flash(); j.Size() != 2<<20 || j.Maker() != "Winbond" || !j.Recognised {
		t.Errorf("%+v", j)
	}
	if _, ok, err := b.Partitions(); ok || err != nil {
		t.Errorf("a table in blank flash: %v", err)
	}
	tab := image.AppendTable(nil, image.Table{Age: 3, Entries: []image.Entry{{Name: "FW"}}})
	copy(board.Flash[0xF000:], tab)
	if got, ok, err := b.Partitions(); !ok || err != nil || got.Age != 3 {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
}

func TestBoardsThatDoNotAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		o    sim.Options
		want error
	}{
		"silent":        {sim.Options{Silent: true}, flash.ErrSilent},
		"firmware runs": {sim.Options{Chatter: true}, flash.ErrChatter},
		"no flash":      {sim.Options{JEDEC: []byte{0xFF, 0xFF, 0xFF, 0}}, flash.ErrNoFlash},
		"pulled cable":  {sim.Options{OnReply: func(int, byte, []byte) sim.Answer { return sim.Answer{Unplug: true} }}, flash.ErrLost},
	} {
		line := sim.NewLine(sim.New(c.o))
		_, err := flash.Open(line, options(t, line, true))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if line.Elapsed() > 20*time.Second {
			t.Errorf("%s: took %v", name, line.Elapsed())
		}
	}
}

// TestLateReset: the user presses the button while the flasher polls.
func TestLateReset(t *testing.T) {
	board := sim.New(sim.Options{Silent: true})
	line := sim.NewLine(board)
	o := options(t, line, true)
	prompts := 0
	o.Notify = func(e flash.Event) {
		if e.Kind == flash.EventPrompt {
			prompts++
			board.Reset(line.Elapsed() + 3*time.Second)
		}
	}
	if _, err := flash.Open(line, o); err != nil || prompts != 1 {
		t.Errorf("%d prompts, %v", prompts, err)
	}
}

func TestFlakyHandshakes(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"surplus 0x55 become frames": {Surplus: true},
		"one left over":              {Surplus: true, SyncBytes: 15},
		"two left over":              {Surplus: true, SyncBytes: 14},
		"three left over":            {Surplus: true, SyncBytes: 13},
		"deaf at first":              {DeafFirst: 5},
		"both":                       {Surplus: true, DeafFirst: 3, Latency: 8 * time.Millisecond},
		"slow USB":                   {Latency: 16 * time.Millisecond},
	} {
		for gen, modern := range generations {
			board := sim.New(o)
			line := sim.NewLine(board)
			opts := options(t, line, modern)
			opts.Wait = 30 * time.Second
			b, err := flash.Open(line, opts)
			if err != nil {
				t.Errorf("%s, %s: %v", name, gen, err)
				continue
			}
			f := flash.File{Name: "f", Addr: 0x10000, Data: random(1, 9000)}
			if _, err := b.Write(plan(t, f)); err != nil {
				t.Errorf("%s, %s: %v", name, gen, err)
			}
			holds(t, board, bytes.Repeat([]byte{0xFF}, 2<<20), []flash.File{f})
		}
	}
}

func TestResetLines(t *testing.T) {
	for name, c := range map[string]struct {
		lines flash.ResetLines
		boot  func(dtr, rts bool) (boot, reset bool)
	}{
		"dtr-rts": {flash.ResetDTRRTS, func(dtr, rts bool) (bool, bool) { return rts, dtr }},
		"rts-dtr": {flash.ResetRTSDTR, func(dtr, rts bool) (bool, bool) { return dtr, rts }},
	} {
		board := sim.New(sim.Options{Silent: true})
		line := sim.NewLine(board)
		var was bool
		line.OnLines = func(dtr, rts bool) {
			boot, reset := c.boot(dtr, rts)
			if was && !reset && boot {
				board.Reset(line.Elapsed())
			}
			was = reset
		}
		o := options(t, line, true)
		if got, err := flash.ParseResetLines(name); err != nil || got != c.lines {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		o.Reset = c.lines
		b, err := flash.Open(line, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := b.Restart(); err != nil || was {
			t.Errorf("%s: restart: %v", name, err)
		}
	}
}
