package detect

import "hash/maphash"

// table is a map that never grows past its bound. When it is full, the oldest
// entry that was not used since the hand last passed it gives way (CLOCK), and
// is counted. Entries stay where they are, side by side in the order in which
// they came: what is used and what gives way lies in the caches, and no list
// has to be kept.
type table[K comparable, V any] struct {
	seed    maphash.Seed
	place   func(maphash.Seed, K) uint32 // the hash of a key
	slots   []slot                       // open addressing, linear probing: a power of two, at most half of them taken
	chunks  [][]entry[K, V]
	n, hand uint32 // entries; the next one that may give way
	bound   uint32
	evicted int64
	gone    func(K, *V) // told what gives way; may be nil
}

// slot names an entry. The whole hash in it spares most looks at entries that
// are not meant, and lets the slots grow without them.
type slot struct {
	hash uint32
	at   uint32 // number of the entry from 1; 0 = free
}

// chunk is how many entries are made at a time: a large table must not be
// copied as it grows.
const chunk = 256

type entry[K comparable, V any] struct {
	key  K
	hash uint32
	used bool // since the hand passed
	val  V
}

func newTable[K comparable, V any](bound uint32) table[K, V] {
	return table[K, V]{seed: maphash.MakeSeed(), place: anywhere[K], slots: make([]slot, 16), bound: bound}
}

func anywhere[K comparable](seed maphash.Seed, k K) uint32 {
	return uint32(maphash.Comparable(seed, k))
}

// near is where a key with a number that counts up belongs: eight in a row
// share a cache line of slots. rest is the key without the number's last three
// bits.
func near[K comparable](seed maphash.Seed, rest K, number uint64) uint32 {
	return anywhere(seed, rest)&^7 | uint32(number&7)
}

func (t *table[K, V]) e(i uint32) *entry[K, V] { return &t.chunks[i/chunk][i%chunk] }

// find returns the slot of an entry and the entry, or nil and the slot in
// which it would be.
func (t *table[K, V]) find(k K, hash uint32) (uint32, *entry[K, V]) {
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch s := t.slots[i]; {
		case s.at == 0:
			return i, nil
		case s.hash == hash:
			if e := t.e(s.at - 1); e.key == k {
				return i, e
			}
		}
	}
}

// get finds an entry; nil where there is none.
func (t *table[K, V]) get(k K) *V {
	_, e := t.find(k, t.place(t.seed, k))
	if e == nil {
		return nil
	}
	e.used = true
	return &e.val
}

// put finds or makes an entry; fresh says which.
func (t *table[K, V]) put(k K) (v *V, fresh bool) {
	hash := t.place(t.seed, k)
	i, e := t.find(k, hash)
	if e != nil {
		e.used = true
		return &e.val, false
	}
	at := t.n
	switch {
	case t.n == t.bound:
		at = t.evict()
		i, _ = t.find(k, hash) // slots were moved
	case t.n%chunk == 0:
		t.chunks = append(t.chunks, make([]entry[K, V], chunk))
		fallthrough
	default:
		t.n++
		if 2*int(t.n) > len(t.slots) {
			t.grow()
			i, _ = t.find(k, hash)
		}
	}
	t.slots[i] = slot{hash, at + 1}
	e = t.e(at)
	var zero V
	e.key, e.hash, e.used, e.val = k, hash, false, zero
	return &e.val, true
}

// evict lets an entry go and returns its number.
func (t *table[K, V]) evict() uint32 {
	for t.e(t.hand).used {
		t.e(t.hand).used = false
		t.hand = (t.hand + 1) % t.bound
	}
	at := t.hand
	t.hand = (t.hand + 1) % t.bound
	e := t.e(at)
	if t.gone != nil {
		t.gone(e.key, &e.val)
	}
	mask := uint32(len(t.slots) - 1)
	i := e.hash & mask
	for t.slots[i].at != at+1 {
		i = (i + 1) & mask
	}
	t.clear(i)
	t.evicted++
	return at
}

// clear frees a slot, and moves up those behind it that would no longer be
// found.
func (t *table[K, V]) clear(i uint32) {
	mask := uint32(len(t.slots) - 1)
	for j := (i + 1) & mask; t.slots[j].at != 0; j = (j + 1) & mask {
		if home := t.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot{}
}

func (t *table[K, V]) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	mask := uint32(len(t.slots) - 1)
	for _, s := range old {
		if s.at == 0 {
			continue
		}
		i := s.hash & mask
		for t.slots[i].at != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = s
	}
}

// each calls fn for every entry.
func (t *table[K, V]) each(fn func(K, *V)) {
	for i := range t.n {
		e := t.e(i)
		fn(e.key, &e.val)
	}
}
