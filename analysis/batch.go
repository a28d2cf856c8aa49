package analysis

import (
	"context"
	"sync/atomic"

	"pqiot/analysis/packet"
)

const (
	batchItems = 1280    // packets handed on at a time, at most
	batchBytes = 1 << 18 // of a capture read at a time: to wake a stage up costs as much as a dozen packets
)

// item is one packet on its way through the stages.
type item struct {
	p packet.Packet
	marks
}

// marks are what the stages know of a packet beside itself.
type marks struct {
	file int
	key  uint32
	tkip bool
	more bool

	forged bool
	twin   bool // another sniffer's copy of it came first
}

// batch is a run of packets and the bytes that they alias: its own, or those
// of the batches that it was merged from.
type batch struct {
	items []item
	data  []byte // read into; a block that does not fit lies elsewhere
	plain []byte // decrypted bodies
	from  []*batch
	users atomic.Int32 // who still needs the bytes
	pool  chan *batch
}

// newPool makes room for a fixed number of batches: it bounds what is under
// way. Each is made when it is wanted first; nil stands for it until then.
func newPool(n int) chan *batch {
	p := make(chan *batch, n)
	for range n {
		p <- nil
	}
	return p
}

// get waits for a free batch; nil where ctx ended first.
func get(ctx context.Context, pool chan *batch) *batch {
	select {
	case b := <-pool:
		if b == nil {
			b = &batch{items: make([]item, 0, batchItems+64), data: make([]byte, batchBytes), pool: pool}
		}
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
	b.items, b.plain, b.from = b.items[:0], b.plain[:0], b.from[:0]
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
