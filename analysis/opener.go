package analysis

import (
	"context"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/analysis/unseal"
)

// opener is the stage that joins what several sniffers heard, decrypts, and takes
// frames apart that carry several packets.
type opener struct {
	join *joiner
	wpa  *unseal.WPA
	keys *unseal.Sessions
	dec  *packet.Decoder
	done chan struct{}
}

func newOpener(opt Options, files int) *opener {
	return &opener{join: newJoiner(files), wpa: unseal.NewWPA(opt.Networks), keys: opt.Sessions, dec: packet.NewDecoder(opt.Ports...), done: make(chan struct{})}
}

func (o *opener) run(ctx context.Context, in <-chan *batch, out chan<- *batch) {
	defer close(out)
	defer close(o.done)
	for {
		select {
		case b, ok := <-in:
			if !ok {
				return
			}
			for i, n := 0, len(b.items); i < n; i++ {
				o.open(b, i)
			}
			if !send(ctx, out, b) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (o *opener) open(b *batch, i int) {
	it := &b.items[i]
	h := &it.p.Dot11
	if !h.Present {
		it.forged = o.keys.Verify(&it.p) == unseal.Forged
		return
	}
	if it.twin = o.join.twin(it); it.twin {
		return
	}
	o.wpa.Learn(&it.p)
	if h.Type == 2 && h.Is(packet.Protected) && h.Subtype&4 == 0 {
		o.decrypt(b, it)
	}
	it.forged = o.keys.Verify(&it.p) == unseal.Forged
	// The packets of an A-MSDU stand behind the others of the batch: they are
	// few, and one frame's belong together.
	if !h.AMSDU {
		return
	}
	next := it.p
	for o.dec.NextMSDU(&next) {
		forged := o.keys.Verify(&next) == unseal.Forged
		b.items = append(b.items, item{next, marks{file: it.file, key: it.key, more: true, forged: forged}})
	}
}

func (o *opener) decrypt(b *batch, it *item) {
	at := len(b.plain)
	plain, key, outcome := o.wpa.Open(b.plain, &it.p)
	it.tkip = outcome == unseal.TKIP
	if outcome != unseal.Decrypted {
		return
	}
	b.plain, it.key = plain, key
	o.dec.DecodeBody(&it.p, plain[at:])
	o.wpa.Learn(&it.p)
}

// result is what the report says of protected frames, and of those that several
// sniffers heard.
func (o *opener) result(ctx context.Context) (u report.Unsealed, twins int64) {
	u = report.Unsealed{Reasons: map[string]int64{}}
	select {
	case <-o.done:
	case <-ctx.Done():
		return u, 0
	}
	for k, n := range o.wpa.Counts() {
		u.Protected += n
		if k == int(unseal.Decrypted) {
			u.Decrypted = n
		} else if n > 0 {
			u.Reasons[unseal.Outcome(k).String()] = n
		}
	}
	if o.keys != nil {
		u.Genuine, u.Forged = o.keys.Counts()
	}
	return u, o.join.twins
}
