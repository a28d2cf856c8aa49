package detect

// bloom remembers fingerprints in two generations of fixed size. When the
// young one is full the old one is forgotten.
type bloom struct {
	gen  [2][]uint64
	used int
}

const (
	bloomBits  = 1 << 27 // a generation: 16 MiB
	bloomFill  = 1 << 23 // entries: with 7 probes 0.03 % false hits
	bloomProbe = 7
)

func (b *bloom) add(hash uint64) {
	if b.gen[0] == nil || b.used >= bloomFill {
		b.gen[0], b.gen[1] = make([]uint64, bloomBits/64), b.gen[0]
		b.used = 0
	}
	b.used++
	for i := range uint64(bloomProbe) {
		at := (hash + i*(hash>>32|1)) % bloomBits
		b.gen[0][at/64] |= 1 << (at % 64)
	}
}

func (b *bloom) has(hash uint64) bool {
	for _, g := range b.gen {
		if g == nil {
			continue
		}
		hit := true
		for i := uint64(0); hit && i < bloomProbe; i++ {
			at := (hash + i*(hash>>32|1)) % bloomBits
			hit = g[at/64]>>(at%64)&1 == 1
		}
		if hit {
			return true
		}
	}
	return false
}
