package decoder

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"pqiot/wire"
)

// compose makes a stream out of a fuzzer's bytes: mutated records hardly ever
// have right CRCs, so the script says which records, and what happens to them.
func compose(script []byte) []byte {
	var out []byte
	take := func(n int) []byte {
		n = min(n, len(script))
		b := script[:n]
		script = script[n:]
		return b
	}
	number := func() int { // up to 65535
		var b [2]byte
		copy(b[:], take(2))
		return int(binary.LittleEndian.Uint16(b[:]))
	}
	seq, us := uint16(0), uint64(0)
	for len(script) > 0 && len(out) < 1<<16 {
		switch op := take(1)[0]; op % 8 {
		case 0, 1, 2: // a record of a known type
			n := int(op / 8)
			out = wire.AppendRecord(out, wire.Record{Type: wire.Type(1 + n%5), Seq: seq, Time: us, Body: take(n)})
			seq++
			us += uint64(n)
		case 3: // a record of any type, with any bytes of another record inside
			out = wire.AppendRecord(out, wire.Record{Type: wire.Type(op / 8 * 9), Seq: seq, Time: us,
				Body: out[max(0, len(out)-int(op)):]})
		case 4:
			out = append(out, take(int(op/8))...) // as it is
		case 5: // damage
			if n := number(); len(out) > 0 {
				out[len(out)-1-n%len(out)] ^= 1 << (op / 8 % 8)
			}
		case 6: // a header alone, perhaps of another major
			h := wire.AppendRecord(nil, wire.Record{Type: 1, Seq: seq, Time: us})[:wire.HeaderSize]
			h[3] += op / 8 % 2
			binary.LittleEndian.PutUint16(h[4:], uint16(number()%9000))
			binary.LittleEndian.PutUint16(h[16:], wire.CRC16(h[:16]))
			out = append(out, h...)
			if op/16%2 == 0 {
				out = binary.LittleEndian.AppendUint32(out, wire.CRC32(h))
			}
		case 7: // elsewhere in sequence and time
			seq, us = uint16(number()), uint64(number())<<(op/8)
		}
	}
	return out
}

// FuzzReader holds the Reader against the reference, and its counters against
// what came.
func FuzzReader(f *testing.F) {
	for seed := range uint64(8) {
		b := make([]byte, 400)
		rng := rand.New(rand.NewPCG(seed, 7))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b, seed)
	}
	f.Add([]byte("\x01\x01\x01\x01"), uint64(1))
	f.Fuzz(func(t *testing.T, script []byte, cut uint64) {
		stream := compose(script)
		r := NewReader(&chunks{bytes.NewReader(stream), rand.New(rand.NewPCG(cut, 0)), 1 + int(cut%5000)})
		r.Now = func() time.Time { return time.Time{} }
		all, inside := reference(stream), int64(0)
		var want []sent
		for _, w := range all {
			inside += int64(w.end - w.at)
			if returned(w.Record) {
				want = append(want, w)
			}
		}
		var lost, boots, frames uint64
		n := 0
		for _, g := range readAll(t, r) {
			if g.err != "" {
				continue
			}
			if n >= len(want) || !same(g, want[n]) {
				t.Fatalf("record %d of %d: %+v", n, len(want), g)
			}
			n++
			lost += uint64(g.Lost)
			if g.Boot {
				boots++
			}
			if g.Type == wire.TypeFrame {
				frames++
			}
		}
		s := r.Stats()
		if n != len(want) || s.Records != uint64(n) || s.Frames != frames {
			t.Fatalf("%d records, %d counted, %d frames of %d; want %d", n, s.Records, s.Frames, frames, len(want))
		}
		if s.Bytes != int64(len(stream)) || s.Bytes-s.Skipped != inside {
			t.Fatalf("%+v of %d bytes, %d inside records", s, len(stream), inside)
		}
		if lost > s.Missing || boots > s.Reboots {
			t.Fatalf("%d lost, %d boots; %+v", lost, boots, s)
		}
	})
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// FuzzClock: whatever is observed, host time does not run backwards and the
// bound is no nonsense.
func FuzzClock(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Clock
		var board, asked uint64
		var told time.Time
		now := hostBoot
		for ; len(b) >= 4; b = b[4:] {
			v := uint64(binary.LittleEndian.Uint16(b[2:])) << (b[1] % 50)
			switch b[0] % 6 {
			case 0, 1:
				board += v
			case 2:
				board -= v
			case 3:
				now = now.Add(time.Duration(v) * time.Microsecond)
			case 4:
				c.Echo(now.Add(-time.Duration(v)), now, board)
			case 5:
				if v%64 == 0 {
					c.Reset()
					asked, told = 0, earlier(told, now)
				}
			}
			c.Observe(board, now)
			got := c.Host(board)
			if board >= asked && got.Before(told) && !told.IsZero() {
				t.Fatalf("board %d: %v after %v", board, got, told)
			}
			if bound := c.Bound(); bound < 0 {
				t.Fatalf("bound %v", bound)
			}
			if board >= asked {
				asked, told = board, got
			}
		}
	})
}
