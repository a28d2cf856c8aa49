package analysis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
)

// readerBatches bounds what one reader has under way.
const readerBatches = 6

// reader is the first stage: it reads one input and decodes its packets.
type reader struct {
	index    int
	in       Input
	hash     hash.Hash
	dec      *packet.Decoder
	progress func(int)
	pool     chan *batch
	out      chan *batch
	done     chan struct{} // closed when what follows is final
	clock    clock
	told     *report.Clock // what the report says of it
	begins   int64         // corrected time of the first packet; noTime: not known, or none

	src   *packet.Source
	n     int64
	err   error
	whole bool // read to its end
}

func newReader(index int, in Input, opt Options) *reader {
	return &reader{index: index, in: in, hash: sha256.New(), dec: packet.NewDecoder(opt.Ports...), progress: opt.Progress,
		pool: newPool(readerBatches), out: make(chan *batch, readerBatches), done: make(chan struct{}), begins: noTime}
}

// Write sees the input as it is read.
func (r *reader) Write(b []byte) (int, error) {
	if r.progress != nil {
		r.progress(len(b))
	}
	return r.hash.Write(b)
}

func (r *reader) run(ctx context.Context) {
	defer close(r.out)
	defer close(r.done)
	defer func() { r.pool = nil }() // of many files only those under way hold batches
	in := r.in.R
	if r.in.Open != nil {
		f, err := r.in.Open()
		if err != nil {
			r.err = err
			return
		}
		defer f.Close()
		in = f
	}
	r.src, r.err = packet.Open(io.TeeReader(in, r))
	if r.err != nil {
		return
	}
	var raw packet.Raw
	for r.err == nil {
		b := get(ctx, r.pool)
		if b == nil {
			return
		}
		r.fill(b, &raw)
		if len(b.items) == 0 {
			b.free()
		} else if !send(ctx, r.out, b) {
			return
		}
	}
	if r.whole = errors.Is(r.err, io.EOF); r.whole {
		r.err = nil
	}
}

// fill reads packets until the batch is full or the input would have to be
// waited for. The batch's own buffer is read into, so that no packet is
// copied.
func (r *reader) fill(b *batch, raw *packet.Raw) {
	r.src.Use(b.data)
	for more := true; more; more = len(b.items) < batchItems && r.src.Ready() {
		if r.err = r.src.Next(raw); r.err != nil {
			return
		}
		r.n++
		raw.Time = r.clock.correct(raw.Time)
		b.items = b.items[:len(b.items)+1]
		it := &b.items[len(b.items)-1]
		it.marks = marks{file: r.index}
		r.dec.Decode(raw, &it.p)
	}
}

// result is what the report says of the input. err is set where the input
// held no capture.
func (r *reader) result(ctx context.Context) (f report.File, faults [packet.NumFaults]int64, c packet.Counts, err error) {
	f.Name, f.Clock = r.in.Name, r.told
	select {
	case <-r.done:
	case <-ctx.Done():
		f.Damage = "stopped before the end"
		return f, faults, c, nil
	}
	if r.src == nil {
		if errors.Is(r.err, io.EOF) || r.err == nil {
			r.err = errors.New("it is empty")
		}
		f.Truncated, f.Damage = true, r.err.Error()
		return f, faults, c, r.err
	}
	c = r.src.Counts()
	f.Packets, f.Bytes = r.n, c.Bytes
	if r.err != nil {
		f.Truncated, f.Damage = true, r.err.Error()
		if r.n == 0 {
			err = r.err
		}
	}
	if r.n == 0 && err == nil {
		err = errors.New("the capture holds no packet")
	}
	if r.whole {
		f.SHA256 = hex.EncodeToString(r.hash.Sum(nil))
	}
	return f, r.dec.Faults(), c, err
}
