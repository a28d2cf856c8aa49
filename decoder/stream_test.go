package decoder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"pqiot/wire"
)

// sent is a record as it stands in a stream.
type sent struct {
	wire.Record
	at, end int
}

// board makes up a board's stream.
type board struct {
	rng  *rand.Rand
	out  []byte
	recs []sent
	seq  uint16
	time uint64 // µs
}

func newBoard(seed uint64) *board { return &board{rng: rand.New(rand.NewPCG(seed, 0))} }

// emit appends a record with the next sequence.
func (b *board) emit(t wire.Type, body []byte) {
	b.raw(wire.Record{Type: t, Seq: b.seq, Time: b.time, Body: body})
	b.seq++
	b.time += 300
}

func (b *board) raw(r wire.Record) {
	at := len(b.out)
	b.out = wire.AppendRecord(b.out, r)
	b.recs = append(b.recs, sent{r, at, len(b.out)})
}

func (b *board) frame(n int) {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(b.rng.Uint32())
	}
	b.emit(wire.TypeFrame, wire.AppendFrame(nil, wire.Frame{
		Freq: 2437, RSSI: -42, PHY: wire.PHYOFDM, Rate: 108, AirLen: uint16(n), Data: data,
	}))
}

// any emits a record of any kind, frames above all, some of them full of sync
// bytes.
func (b *board) any() {
	switch b.rng.IntN(12) {
	case 0:
		b.emit(wire.TypeStatus, wire.AppendStatus(nil, wire.Status{Heard: b.rng.Uint32N(100), Channel: 6}))
	case 1:
		b.emit(wire.TypeHello, wire.AppendHello(nil, wire.Hello{Major: 1, Firmware: "1.0", Board: "PineCone"}))
	case 2:
		b.emit(wire.TypeLog, wire.AppendLog(nil, wire.Log{Level: wire.LogInfo, Text: []byte("radio up")}))
	case 3:
		b.emit(wire.TypeReply, wire.AppendReply(nil, wire.Reply{Seq: 7, Type: wire.TypeChannel, Value: []byte{6}}))
	case 4:
		b.emit(wire.TypeFrame, wire.AppendFrame(nil, wire.Frame{
			Data: bytes.Repeat([]byte{wire.Sync0, wire.Sync1}, b.rng.IntN(200)),
		}))
	default:
		b.frame(b.rng.IntN(200))
	}
}

func (b *board) garbage(n int) {
	for range n {
		x := byte(b.rng.Uint32())
		if b.rng.IntN(8) == 0 {
			x = wire.Sync0
		}
		b.out = append(b.out, x)
	}
}

// reference is a decoder too simple to be wrong: at each place, a record or
// nothing.
func reference(b []byte) (recs []sent) {
	for at := 0; at < len(b); {
		r, n, err := wire.ParseRecord(b[at:])
		if err == nil {
			recs = append(recs, sent{r, at, at + n})
		} else if n = 1; errors.Is(err, wire.ErrVersion) {
			size := wire.HeaderSize + int(binary.LittleEndian.Uint16(b[at+4:]))
			if rest := b[at:]; size <= wire.HeaderSize+wire.MaxBody && len(rest) >= size+4 &&
				wire.CRC32(rest[:size]) == binary.LittleEndian.Uint32(rest[size:]) {
				n = size + 4
			}
		}
		at += n
	}
	return recs
}

// result is a copy of what Next returned.
type result struct {
	Record
	err string // of the call, where it was not the end of the stream
}

// readAll reads to the end of the stream, over other errors.
func readAll(t testing.TB, r *Reader) (out []result) {
	t.Helper()
	for range 1 << 20 {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			out = append(out, result{err: err.Error()})
			continue
		}
		out = append(out, result{Record: keep(rec)})
	}
	t.Fatal("no end")
	return nil
}

// keep copies a record, without bodies that its type does not name.
func keep(rec *Record) Record {
	c := *rec
	c.Frame, c.Status, c.Hello, c.Log, c.Reply = wire.Frame{}, wire.Status{}, wire.Hello{}, wire.Log{}, wire.Reply{}
	switch rec.Type {
	case wire.TypeFrame:
		c.Frame = rec.Frame
		c.Frame.Data = bytes.Clone(c.Frame.Data)
	case wire.TypeStatus:
		c.Status = rec.Status
	case wire.TypeHello:
		c.Hello = rec.Hello
	case wire.TypeLog:
		c.Log = rec.Log
		c.Log.Text = bytes.Clone(c.Log.Text)
	case wire.TypeReply:
		c.Reply = rec.Reply
		c.Reply.Value = bytes.Clone(c.Reply.Value)
	}
	return c
}

// same compares what was read with what was sent. Where the body has no place
// in a Record, it is not returned.
func same(got result, want sent) bool {
	if got.err != "" || got.Type != want.Type || got.Seq != want.Seq || got.Time != want.Time || got.Offset != int64(want.at) {
		return false
	}
	body := want.Body
	switch got.Type {
	case wire.TypeFrame:
		return bytes.Equal(wire.AppendFrame(nil, got.Frame), body)
	case wire.TypeStatus:
		return bytes.HasPrefix(body, wire.AppendStatus(nil, got.Status))
	case wire.TypeHello:
		return bytes.HasPrefix(body, wire.AppendHello(nil, got.Hello))
	case wire.TypeLog:
		return bytes.Equal(got.Log.Text, bytes.ToValidUTF8(body[1:], []byte("\uFFFD")))
	case wire.TypeReply:
		return bytes.Equal(wire.AppendReply(nil, got.Reply), body)
	}
	return false
}

// returned reports whether Next returns such a record.
func returned(r wire.Record) bool {
	var rec Record
	rec.Type = r.Type
	known, err := rec.parse(r.Body)
	return known && err == nil
}
