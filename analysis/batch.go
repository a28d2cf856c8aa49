package analysis

import (
	"context"
	"slices"
	"sync/atomic"

	"pqiot/analysis/packet"
)

const (
	batchItems = 512     // packets handed on at a time
	batchBytes = 1 << 18 // of packet data in a batch, soft
)

// item is one packet on its way through the stages.
type item struct {
	p    packet.Packet
	file int
	key  uint32
	tkip bool
	more bool

	forged bool
}

// batch is a run of packets and the bytes that they alias: its own, or those
// of the batches that it was merged from.
type batch struct {
	items []item
	data  []byte
	plain []byte // decrypted bodies
	from  []*batch
	users atomic.Int32 // who still needs the bytes
	pool  chan *batch
}

// pool is a fixed number of batches: it bounds what is under way.
func newPool(n int) chan *batch {
	p := make(chan *batch, n)
	for range n {
		p <- &batch{items: make([]item, 0, batchItems+64), data: make([]byte, 0, batchBytes+1<<12), pool: p}
	}
	return p
}

// get waits for a free batch; nil where ctx ended first.
func get(ctx context.Context, pool <-chan *batch) *batch {
	select {
	case b := <-pool:
		b.users.Store(1)
		return b
	case <-ctx.Done():
		return nil
	}
}

// free gives up one use of the batch; after the last one it goes back to its
// pool.
func (b *batch) free() {
	if b.users.Add(-1) > 0 {
		return
	}
	for _, f := range b.from {
		f.free()
	}
	b.items, b.data, b.plain, b.from = b.items[:0], b.data[:0], b.plain[:0], b.from[:0]
	b.pool <- b
}

// send hands a batch on; false where ctx ended first.
func send(ctx context.Context, to chan<- *batch, b *batch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// merge makes one stream of the readers' streams, in the order of time. One
// reader's stream goes through as it is.
func merge(ctx context.Context, readers []*reader) <-chan *batch {
	if len(readers) == 1 {
		return readers[0].out
	}
	out := make(chan *batch, 2)
	go func() {
		defer close(out)
		m := merger{pool: newPool(4), out: out}
		for _, r := range readers {
			m.heads = append(m.heads, head{from: r.out})
		}
		m.run(ctx)
	}()
	return out
}

type head struct {
	from <-chan *batch
	b    *batch
	at   int
}

type merger struct {
	heads []head
	pool  chan *batch
	out   chan<- *batch
	cur   *batch
}

func (m *merger) run(ctx context.Context) {
	for {
		best := -1
		for i := range m.heads {
			h := &m.heads[i]
			if !h.fill(ctx) {
				continue
			}
			if best < 0 || h.b.items[h.at].p.Time < m.heads[best].b.items[m.heads[best].at].p.Time {
				best = i
			}
		}
		if best < 0 {
			break
		}
		if !m.take(ctx, &m.heads[best]) {
			return
		}
	}
	if m.cur != nil {
		send(ctx, m.out, m.cur)
	}
}

// fill makes sure that the head has a packet; false at the stream's end.
func (h *head) fill(ctx context.Context) bool {
	for h.b == nil || h.at == len(h.b.items) {
		if h.b != nil {
			h.b.free()
			h.b = nil
		}
		if h.from == nil {
			return false
		}
		select {
		case b, ok := <-h.from:
			if !ok {
				h.from = nil
				return false
			}
			h.b, h.at = b, 0
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// take moves one packet to the batch that goes out, and keeps its bytes in
// use until that one is done with.
func (m *merger) take(ctx context.Context, h *head) bool {
	if m.cur != nil && len(m.cur.items) >= batchItems {
		if !send(ctx, m.out, m.cur) {
			return false
		}
		m.cur = nil
	}
	if m.cur == nil {
		if m.cur = get(ctx, m.pool); m.cur == nil {
			return false
		}
	}
	if n := len(m.cur.from); n == 0 || !slices.Contains(m.cur.from, h.b) {
		h.b.users.Add(1)
		m.cur.from = append(m.cur.from, h.b)
	}
	m.cur.items = append(m.cur.items, h.b.items[h.at])
	h.at++
	// A live stream must not wait for the batch to fill.
	if h.at == len(h.b.items) {
		ok := send(ctx, m.out, m.cur)
		m.cur = nil
		return ok
	}
	return true
}
