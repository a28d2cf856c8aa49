package detect

// bloom remembers fingerprints in two generations of fixed size. When the
// young one is full the old one is forgotten.
type bloom struct {
	gen  [2][]uint64
	used int
}

const (
	bloomLines = 1 << 18 // cache lines of a generation: 16 MiB
	bloomFill  = 1 << 23 // entries: with 7 probes 0.1 % false hits
	bloomProbe = 7
	bloomLine  = 8 // words of a cache line: all probes of an entry fall into one
)

func (b *bloom) add(hash uint64) {
	if b.gen[0] == nil || b.used >= bloomFill {
		b.gen[0], b.gen[1] = make([]uint64, bloomLines*bloomLine), b.gen[0]
		b.used = 0
	}
	b.used++
	line := lineOf(b.gen[0], hash)
	for i := range bloomProbe {
		word, bit := probe(hash, i)
		line[word] |= bit
	}
}

func (b *bloom) has(hash uint64) bool {
	for _, g := range b.gen {
		if g == nil {
			continue
		}
		line := lineOf(g, hash)
		hit := true
		for i := 0; hit && i < bloomProbe; i++ {
			word, bit := probe(hash, i)
			hit = line[word]&bit != 0
		}
		if hit {
			return true
		}
	}
	return false
}

// lineOf goes by the upper bits of the hash, probe by the lower ones.
func lineOf(gen []uint64, hash uint64) *[bloomLine]uint64 {
	at := hash / (1 << 64 / bloomLines) * bloomLine
	return (*[bloomLine]uint64)(gen[at : at+bloomLine])
}

// probe i of an entry is nine bits out of a product of its hash.
func probe(hash uint64, i int) (word, bit uint64) {
	x := hash * 0x9E3779B97F4A7C15 >> (9*i + 1)
	return x >> 6 % bloomLine, 1 << (x % 64)
}
