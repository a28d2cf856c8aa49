package decoder

import (
	"io"
	"math/rand/v2"
	"testing"

	"pqiot/wire"
)

// loop plays the same bytes without end.
type loop struct {
	b  []byte
	at int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.b[l.at:])
	l.at = (l.at + n) % len(l.b)
	return n, nil
}

// BenchmarkReader measures one frame an iteration; bytes are those on the
// wire. With bit errors the damaged frames' bytes count as well: they have to
// be gone through.
func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name   string
		frame  int // bytes
		errors float64
	}{
		{"ack", 10, 0},
		{"1500", 1500, 0},
		{"ack/1e-4", 10, 1e-4},
		{"1500/1e-4", 1500, 1e-4},
	} {
		b.Run(c.name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			const frames = 65536 // the sequence goes round with the loop
			var stream []byte
			data := make([]byte, c.frame)
			for i := range frames {
				for j := range data {
					data[j] = byte(rng.Uint32())
				}
				stream = wire.AppendRecord(stream, wire.Record{
					Type: wire.TypeFrame, Seq: uint16(i), Time: uint64(i) * 300,
					Body: wire.AppendFrame(nil, wire.Frame{Freq: 2437, AirLen: uint16(c.frame), Data: data}),
				})
			}
			damageBits(rng, stream, c.errors)
			r := NewReader(&loop{b: stream})
			b.SetBytes(int64(len(stream) / frames))
			b.ReportAllocs()
			b.ResetTimer()
			start := r.Stats().Bytes
			for range b.N {
				if _, err := r.Next(); err != nil && err != io.EOF {
					b.Fatal(err)
				}
			}
			if read := r.Stats().Bytes - start; c.errors > 0 {
				b.ReportMetric(float64(read)/1e6/b.Elapsed().Seconds(), "read-MB/s")
			}
		})
	}
}

// damageBits flips each bit with probability p.
func damageBits(rng *rand.Rand, b []byte, p float64) {
	if p == 0 {
		return
	}
	for at := int(rng.ExpFloat64() / p); at < len(b)*8; at += 1 + int(rng.ExpFloat64()/p) {
		b[at/8] ^= 1 << (at % 8)
	}
}
