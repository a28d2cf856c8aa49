package decoder

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/iotest"

	"pqiot/wire"
)

// damaged is a stream after the line, and the records that came through whole
// with their new places.
type damaged struct {
	out    []byte
	intact []sent
}

// spoil flips bits, and inserts and drops bytes, each with its probability.
func spoil(rng *rand.Rand, b *board, flip, insert, drop float64) (d damaged) {
	next := 0
	good, start := false, 0
	for i, x := range b.out {
		if next < len(b.recs) && i == b.recs[next].at {
			good, start = true, len(d.out)
		}
		if rng.Float64() < insert {
			d.out = append(d.out, byte(rng.Uint32()))
			if start == len(d.out)-1 {
				start++ // before the record, not in it
			} else {
				good = false
			}
		}
		y := x
		for bit := range 8 {
			if rng.Float64() < flip {
				y ^= 1 << bit
			}
		}
		good = good && x == y
		if rng.Float64() < drop {
			good = false
		} else {
			d.out = append(d.out, y)
		}
		if next < len(b.recs) && i == b.recs[next].end-1 {
			if good {
				d.intact = append(d.intact, sent{b.recs[next].Record, start, len(d.out)})
			}
			next++
		}
	}
	return d
}

// TestDamagedStreams: every intact record comes out, in order, and none that
// was never sent.
func TestDamagedStreams(t *testing.T) {
	for _, c := range []struct {
		name               string
		flip, insert, drop float64
	}{
		{"clean", 0, 0, 0},
		{"bit errors", 1e-4, 0, 0},
		{"inserted bytes", 0, 1e-3, 0},
		{"dropped bytes", 0, 0, 1e-3},
		{"all", 1e-4, 1e-4, 1e-4},
		{"hardly anything whole", 2e-3, 1e-3, 1e-3},
	} {
		t.Run(c.name, func(t *testing.T) {
			intact, total := 0, 0
			for seed := range uint64(20) {
				b := newBoard(seed)
				b.garbage(b.rng.IntN(300))
				for range 500 {
					b.any()
					if b.rng.IntN(20) == 0 {
						b.garbage(b.rng.IntN(60))
					}
				}
				d := spoil(b.rng, b, c.flip, c.insert, c.drop)
				r := NewReader(bytes.NewReader(d.out))
				got := readAll(t, r)
				checkAllIntact(t, got, b.recs, d.intact)
				checkAccounts(t, r.Stats(), d.out)
				intact += len(d.intact)
				total += len(b.recs)
			}
			t.Logf("%d of %d records intact", intact, total)
		})
	}
}

// checkAllIntact: what was got was sent, in order, and what is intact was
// got. A record may also come through whole because damage happened to leave
// the same bytes, so there may be more than the intact ones.
func checkAllIntact(t *testing.T, got []result, recs, intact []sent) {
	t.Helper()
	for _, g := range got {
		for len(recs) > 0 && recs[0].Seq != g.Seq {
			recs = recs[1:]
		}
		if len(recs) == 0 {
			t.Fatalf("never sent, or out of order: %+v", g)
		}
		want := recs[0]
		want.at = int(g.Offset)
		if !same(g, want) {
			t.Fatalf("got %+v, sent %+v", g, want)
		}
		if recs = recs[1:]; len(intact) > 0 && intact[0].Seq == g.Seq {
			if intact[0].at != want.at {
				t.Fatalf("seq %d found at %d, stands at %d", g.Seq, want.at, intact[0].at)
			}
			intact = intact[1:]
		}
	}
	if len(intact) > 0 {
		t.Fatalf("intact, not got: seq %d at %d", intact[0].Seq, intact[0].at)
	}
}

// checkAccounts: each byte is skipped or belongs to an intact record.
func checkAccounts(t *testing.T, s Stats, stream []byte) {
	t.Helper()
	inside := 0
	for _, r := range reference(stream) {
		inside += r.end - r.at
	}
	if s.Bytes != int64(len(stream)) || s.Skipped != int64(len(stream)-inside) {
		t.Errorf("%d bytes, %d skipped; want %d, %d", s.Bytes, s.Skipped, len(stream), len(stream)-inside)
	}
}

// TestSplits: however the stream is cut into reads, the result is the same.
func TestSplits(t *testing.T) {
	for seed := range uint64(5) {
		b := newBoard(seed)
		b.garbage(50)
		for i := range 300 {
			b.any()
			switch i % 50 {
			case 10:
				b.garbage(30)
			case 20:
				b.out = append(b.out, falseHeader(5000)...)
			case 30:
				b.frame(wire.MaxFrame - 1)
			}
		}
		stream := spoil(b.rng, b, 1e-4, 1e-4, 1e-4).out
		whole := NewReader(bytes.NewReader(stream))
		want := readAll(t, whole)
		for name, src := range map[string]io.Reader{
			"one byte":          iotest.OneByteReader(bytes.NewReader(stream)),
			"halves":            iotest.HalfReader(bytes.NewReader(stream)),
			"data with EOF":     iotest.DataErrReader(bytes.NewReader(stream)),
			"random":            &chunks{bytes.NewReader(stream), b.rng, 300},
			"random, long":      &chunks{bytes.NewReader(stream), b.rng, 20000},
			"random, time-outs": &pauses{chunks{bytes.NewReader(stream), b.rng, 5000}, false},
		} {
			r := NewReader(src)
			r.Idle = 1 << 62
			got := readAll(t, r)
			for i := range got {
				got[i].Arrived = want[min(i, len(want)-1)].Arrived
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, %s: %s", seed, name, firstDifference(got, want))
			}
			if r.Stats() != whole.Stats() {
				t.Errorf("seed %d, %s: %+v, want %+v", seed, name, r.Stats(), whole.Stats())
			}
		}
	}
}

func firstDifference(got, want []result) string {
	for i := range min(len(got), len(want)) {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Sprintf("record %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return fmt.Sprintf("%d records, want %d", len(got), len(want))
}

// chunks returns reads of random length.
type chunks struct {
	r   io.Reader
	rng *rand.Rand
	max int
}

func (c *chunks) Read(p []byte) (int, error) {
	return c.r.Read(p[:min(len(p), 1+c.rng.IntN(c.max))])
}

// pauses answers every other read with nothing at all.
type pauses struct {
	chunks
	now bool
}

func (p *pauses) Read(b []byte) (int, error) {
	if p.now = !p.now; p.now {
		return 0, nil
	}
	return p.chunks.Read(b)
}

// falseHeader is a header with a right CRC that announces n bytes of body.
func falseHeader(n int) []byte {
	return wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: 77, Time: 5, Body: make([]byte, n)})[:wire.HeaderSize]
}
