package analysis

import (
	"cmp"
	"context"
	"slices"
)

// merge makes one stream of the readers' streams, in the order of time. One
// reader's stream goes through as it is. Of many readers only those run whose
// time has come, so that a folder of a thousand files opens a few at a time.
func merge(ctx context.Context, readers []*reader) <-chan *batch {
	if len(readers) == 1 {
		go readers[0].run(ctx)
		return readers[0].out
	}
	out := make(chan *batch, 2)
	go func() {
		defer close(out)
		m := merger{pool: newPool(4), out: out, later: slices.Clone(readers)}
		slices.SortStableFunc(m.later, func(a, b *reader) int { return cmp.Compare(a.begins, b.begins) })
		m.run(ctx)
		for _, r := range m.later { // ctx ended before their time
			close(r.done)
		}
	}()
	return out
}

type head struct {
	from <-chan *batch
	b    *batch
	at   int
}

func (h *head) time() int64 { return h.b.items[h.at].p.Time }

type merger struct {
	heads []head
	later []*reader // not started, the earliest first
	pool  chan *batch
	out   chan<- *batch
	cur   *batch
}

func (m *merger) run(ctx context.Context) {
	for {
		best := m.earliest(ctx)
		if m.start(ctx, best) {
			continue
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

// earliest is the head whose packet comes next, -1 where all have ended; those
// that have are dropped.
func (m *merger) earliest(ctx context.Context) int {
	best := -1
	for i := 0; i < len(m.heads); {
		h := &m.heads[i]
		if !h.fill(ctx) {
			m.heads = slices.Delete(m.heads, i, i+1)
			continue
		}
		if best < 0 || h.time() < m.heads[best].time() {
			best = i
		}
		i++
	}
	return best
}

// start runs the next reader if its first packet may come before the best.
func (m *merger) start(ctx context.Context, best int) bool {
	if len(m.later) == 0 || ctx.Err() != nil || best >= 0 && m.later[0].begins > m.heads[best].time() {
		return false
	}
	r := m.later[0]
	m.later = m.later[1:]
	go r.run(ctx)
	m.heads = append(m.heads, head{from: r.out})
	return true
}

// fill makes sure that the head has a packet; false at the stream's end.
func (h *head) fill(ctx context.Context) bool {
	for h.b == nil || h.at == len(h.b.items) {
		if h.b != nil {
			h.b.free()
			h.b = nil
		}
		select {
		case b, ok := <-h.from:
			if !ok {
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
