package decoder

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pqiot/wire"
)

// step is one record and what should be said of it.
type step struct {
	seq    uint16
	ms     int          // board time
	status *wire.Status // instead of a frame
	hello  bool         // instead of a frame

	lost uint32
	boot bool
	late bool
}

func (s step) record() wire.Record {
	r := wire.Record{Type: wire.TypeFrame, Seq: s.seq, Time: uint64(s.ms) * 1000, Body: wire.AppendFrame(nil, wire.Frame{})}
	if s.status != nil {
		r.Type, r.Body = wire.TypeStatus, wire.AppendStatus(nil, *s.status)
	}
	if s.hello {
		r.Type, r.Body = wire.TypeHello, wire.AppendHello(nil, wire.Hello{Major: 1})
	}
	return r
}

// counters is a status of a board that filters nothing.
func counters(passed, dropped uint32) *wire.Status {
	return &wire.Status{Heard: passed, Passed: passed, RingDropped: dropped}
}

type tally struct{ missing, board, wire, reboots uint64 }

func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []step
		want  tally
	}{
		{"none", []step{{seq: 7, ms: 9000}, {seq: 8, ms: 9001}, {seq: 9, ms: 9002}}, tally{}},
		{"gap", []step{{seq: 7, ms: 9000}, {seq: 10, ms: 9001, lost: 2}}, tally{missing: 2}},
		{"wrap", []step{{seq: 65534, ms: 9000}, {seq: 65535, ms: 9001}, {seq: 0, ms: 9002}, {seq: 2, ms: 9003, lost: 1}}, tally{missing: 1}},
		{"board and wire told apart", []step{
			{seq: 0, ms: 1, hello: true},
			{seq: 1, ms: 2},
			{seq: 5, ms: 3, lost: 3}, // two dropped on the board
			{seq: 6, ms: 1000, status: counters(5, 2)},
		}, tally{missing: 3, board: 2, wire: 1}},
		{"joined later: counts from the first status", []step{
			{seq: 500, ms: 100_000},
			{seq: 502, ms: 100_001, lost: 1}, // nobody can say where
			{seq: 503, ms: 100_002, status: counters(9000, 700)},
			{seq: 507, ms: 100_003, lost: 3},
			{seq: 508, ms: 101_002, status: counters(9004, 703)},
		}, tally{missing: 4, board: 3}},
		{"a lost status is made up for by the next", []step{
			{seq: 0, ms: 1, hello: true},
			{seq: 3, ms: 2, lost: 2},    // both on the board
			{seq: 5, ms: 1001, lost: 1}, // seq 4 was the status
			{seq: 6, ms: 2000, status: counters(4, 2)},
		}, tally{missing: 3, board: 2, wire: 1}},
		{"the board's counters wrap at 32 bits", []step{
			{seq: 10, ms: 9000, status: counters(0xFFFFFFFE, 0xFFFFFFFF)},
			{seq: 14, ms: 9001, lost: 3},
			{seq: 15, ms: 10_000, status: counters(2, 2)},
		}, tally{missing: 3, board: 3}},
		{"a whole turn of the sequence lost, told by the counters", []step{
			{seq: 10, ms: 9000, status: counters(100, 0)},
			{seq: 13, ms: 60_000, lost: 2},
			{seq: 14, ms: 60_001, lost: 65536, status: counters(100+1+2+65536, 65538)},
		}, tally{missing: 65538, board: 65538}},
		{"two turns lost on the wire", []step{
			{seq: 10, ms: 9000, status: counters(100, 0)},
			{seq: 9, ms: 120_000, lost: 65534 + 65536, status: counters(100+65534+65536, 0)},
		}, tally{missing: 65534 + 65536, wire: 65534 + 65536}},
		{"gap of more than half a turn", []step{{seq: 10, ms: 9000}, {seq: 50010, ms: 20_000, lost: 49_999}}, tally{missing: 49_999}},

		{"reboot with hello", []step{
			{seq: 900, ms: 50_000},
			{seq: 0, ms: 2, hello: true, boot: true},
			{seq: 1, ms: 3},
		}, tally{reboots: 1}},
		{"reboot, the first records lost", []step{
			{seq: 900, ms: 50_000},
			{seq: 2, ms: 3, boot: true, lost: 2},
			{seq: 3, ms: 1000, status: counters(3, 1)},
		}, tally{missing: 2, board: 1, wire: 1, reboots: 1}},
		{"reboot while the sequence seems to go on", []step{
			{seq: 65530, ms: 50_000},
			{seq: 0, ms: 2, hello: true, boot: true},
		}, tally{reboots: 1}},
		{"board that restarts again and again", []step{
			{seq: 0, ms: 50, hello: true},
			{seq: 0, ms: 51, hello: true, boot: true},
			{seq: 0, ms: 49, hello: true, boot: true},
			{seq: 1, ms: 60},
		}, tally{reboots: 2}},
		{"reboot early in the first boot", []step{
			{seq: 0, ms: 50, hello: true}, {seq: 1, ms: 70}, {seq: 2, ms: 90},
			{seq: 0, ms: 51, hello: true, boot: true},
			{seq: 1, ms: 71},
		}, tally{reboots: 1}},
		{"reboot, its first record in a gap of the boot before", []step{
			{seq: 0, ms: 5000}, {seq: 1, ms: 5001}, {seq: 5, ms: 5005, lost: 3},
			{seq: 3, ms: 50, boot: true, lost: 3},
		}, tally{missing: 6, reboots: 1}},
		{"reboot seen by the counters alone", []step{
			{seq: 100, ms: 5000, status: counters(700, 0)},
			{seq: 250, ms: 9000, status: counters(200, 0), boot: true, lost: 250},
		}, tally{missing: 250, wire: 250, reboots: 1}},

		{"repeated record", []step{
			{seq: 7, ms: 9000}, {seq: 8, ms: 9001}, {seq: 8, ms: 9001, late: true}, {seq: 7, ms: 9000, late: true}, {seq: 9, ms: 9002},
		}, tally{}},
		{"repeated hello of the boot", []step{
			{seq: 0, ms: 5, hello: true}, {seq: 1, ms: 6}, {seq: 0, ms: 5, hello: true, late: true}, {seq: 2, ms: 7},
		}, tally{}},
		{"swapped records", []step{
			{seq: 7, ms: 9000}, {seq: 9, ms: 9002, lost: 1}, {seq: 8, ms: 9001, late: true}, {seq: 10, ms: 9003},
		}, tally{missing: 1}},
		{"times a little out of order", []step{
			{seq: 7, ms: 9050}, {seq: 8, ms: 9000}, {seq: 9, ms: 9051},
		}, tally{}},
		{"a status overtakes frames in the ring", []step{
			{seq: 7, ms: 9000}, {seq: 8, ms: 12_000, status: counters(50, 0)}, {seq: 9, ms: 9001}, {seq: 10, ms: 9002},
			{seq: 11, ms: 12_500, hello: true}, {seq: 12, ms: 9003},
		}, tally{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stream []byte
			for _, s := range c.steps {
				stream = wire.AppendRecord(stream, s.record())
			}
			r := NewReader(bytes.NewReader(stream))
			for i, s := range c.steps {
				rec, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if rec.Lost != s.lost || rec.Boot != s.boot || rec.Late != s.late {
					t.Errorf("record %d (seq %d): lost %d, boot %v, late %v; want %d, %v, %v",
						i, s.seq, rec.Lost, rec.Boot, rec.Late, s.lost, s.boot, s.late)
				}
			}
			s := r.Stats()
			if got := (tally{s.Missing, s.BoardDropped, s.WireLost, s.Reboots}); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestUnexplained(t *testing.T) {
	for _, c := range []struct {
		s    Stats
		want uint64
	}{
		{Stats{Missing: 9, BoardDropped: 3, WireLost: 2}, 4},
		{Stats{Missing: 2, BoardDropped: 3}, 0},
	} {
		if got := c.s.Unexplained(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.s, got, c.want)
		}
	}
}

// TestTSF: times of the radio's own clock say nothing of a reboot.
func TestTSF(t *testing.T) {
	tsf := wire.AppendFrame(nil, wire.Frame{Flags: wire.FrameTSF})
	b := newBoard(1)
	b.seq, b.time = 100, 9_000_000
	b.frame(10)
	for _, us := range []uint64{1 << 50, 12, 1 << 40} {
		b.raw(wire.Record{Type: wire.TypeFrame, Seq: b.seq, Time: us, Body: tsf})
		b.seq++
	}
	b.frame(10)
	for i, g := range readAll(t, NewReader(bytes.NewReader(b.out))) {
		if g.Boot || g.Late || g.Lost != 0 {
			t.Errorf("record %d: %+v", i, g)
		}
	}
}

// TestTSFLate: records are late by their sequence alone where one of them has
// no board time.
func TestTSFLate(t *testing.T) {
	for _, radio := range [][]uint16{{101, 103}, {102}} { // sequences of the frames with the radio's time
		b := newBoard(1)
		for _, seq := range []uint16{100, 101, 103, 102} {
			frame, us := wire.Frame{}, 9e6+uint64(seq)
			if slices.Contains(radio, seq) {
				frame.Flags, us = wire.FrameTSF, uint64(seq%2)<<50
			}
			b.raw(wire.Record{Type: wire.TypeFrame, Seq: seq, Time: us, Body: wire.AppendFrame(nil, frame)})
		}
		r := NewReader(bytes.NewReader(b.out))
		got := readAll(t, r)
		if last := got[3]; !last.Late || last.Boot || r.Stats().Missing != 1 {
			t.Errorf("%v: %+v, %+v", radio, last, r.Stats())
		}
	}
}

// TestForgedRecord: a frame that carries the bytes of a record, in a record
// that the line damaged. What is inside is reported as Rescued, and neither
// restarts the board nor moves its sequence on.
func TestForgedRecord(t *testing.T) {
	for _, forged := range []wire.Record{
		{Type: wire.TypeHello, Seq: 0, Time: 5, Body: wire.AppendHello(nil, wire.Hello{Major: 1})},
		{Type: wire.TypeStatus, Seq: 101, Time: 9_000_500, Body: wire.AppendStatus(nil, wire.Status{RingDropped: 1 << 31})},
		{Type: wire.TypeStatus, Seq: 40_000, Time: 60e6, Body: wire.AppendStatus(nil, wire.Status{RingDropped: 1 << 31})},
	} {
		b := newBoard(1)
		b.seq, b.time = 100, 9_000_000
		b.frame(10)
		at := len(b.out)
		b.emit(wire.TypeFrame, wire.AppendFrame(nil, wire.Frame{Data: wire.AppendRecord(nil, forged)}))
		b.out[at+wire.HeaderSize] ^= 1
		b.frame(10)
		b.emit(wire.TypeStatus, wire.AppendStatus(nil, wire.Status{}))
		r := NewReader(bytes.NewReader(b.out))
		got := readAll(t, r)
		if len(got) != 4 || !got[1].Rescued || got[1].Boot || got[2].Boot || got[2].Rescued {
			t.Errorf("%+v", got)
		}
		if s := r.Stats(); s.Reboots != 0 || s.Missing > 1 || s.BoardDropped != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// TestLossBeforeUnknown: what is lost before a record that is not returned is
// told at the next one.
func TestLossBeforeUnknown(t *testing.T) {
	b := newBoard(1)
	b.seq, b.time = 50, 9_000_000
	b.frame(10)
	b.seq = 54
	b.emit(0x42, []byte("from a later version"))
	b.seq = 56
	b.emit(wire.TypeStatus, []byte("too short"))
	b.frame(10)
	r := NewReader(bytes.NewReader(b.out))
	got := readAll(t, r)
	s := r.Stats()
	if len(got) != 2 || got[1].Lost != 4 || s.Missing != 4 || s.Unknown != 1 || s.Malformed != 1 {
		t.Errorf("%+v, %+v", got, s)
	}
}

func TestResume(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct {
		name string
		away time.Duration
		next wire.Record // after seq 9 at 5 s
		lost uint32
		boot bool
	}{
		{"same boot", 3 * time.Second, wire.Record{Seq: 12, Time: 8_000_000}, 2, false},
		{"restarted", 3 * time.Second, wire.Record{Seq: 0, Time: 1_000_000}, 0, true},
		{"restarted, up for longer than before", 30 * time.Second, wire.Record{Seq: 700, Time: 20_000_000}, 0, true},
		{"away for an hour, same boot", time.Hour, wire.Record{Seq: 12, Time: 3605_000_000}, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := wire.AppendFrame(nil, wire.Frame{})
			first := wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: 9, Time: 5_000_000, Body: body})
			r := NewReader(bytes.NewReader(append(first, first[:20]...)))
			r.Now = func() time.Time { return now }
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			now = now.Add(c.away)
			c.next.Type, c.next.Body = wire.TypeFrame, body
			r.Resume(bytes.NewReader(wire.AppendRecord(nil, c.next)))
			rec, err := r.Next()
			if err != nil || rec.Lost != c.lost || rec.Boot != c.boot || rec.Offset != int64(len(first)+20) {
				t.Errorf("%+v, %v; want lost %d, boot %v", rec, err, c.lost, c.boot)
			}
			if s := r.Stats(); s.Skipped != 20 {
				t.Errorf("%+v", s)
			}
		})
	}
}
