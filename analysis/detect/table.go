package detect

// table is a map that never grows past its bound: the entry used longest ago
// gives way, and is counted.
type table[K comparable, V any] struct {
	at         map[K]int32
	chunks     [][]entry[K, V]
	n          int32
	head, tail int32 // newest, oldest; -1 = none
	bound      int
	evicted    int64
	gone       func(K, *V) // told what gives way; may be nil
}

// chunk is how many entries are made at a time: a large table must not be
// copied as it grows.
const chunk = 256

type entry[K comparable, V any] struct {
	key        K
	prev, next int32
	val        V
}

func newTable[K comparable, V any](bound int) table[K, V] {
	return table[K, V]{at: map[K]int32{}, head: -1, tail: -1, bound: bound}
}

func (t *table[K, V]) e(i int32) *entry[K, V] { return &t.chunks[i/chunk][i%chunk] }

// get finds an entry and makes it the newest; nil where there is none.
func (t *table[K, V]) get(k K) *V {
	i, ok := t.at[k]
	if !ok {
		return nil
	}
	t.toFront(i)
	return &t.e(i).val
}

// put finds or makes an entry; fresh says which.
func (t *table[K, V]) put(k K) (v *V, fresh bool) {
	if v := t.get(k); v != nil {
		return v, false
	}
	var i int32
	if int(t.n) < t.bound {
		if i = t.n; i%chunk == 0 {
			t.chunks = append(t.chunks, make([]entry[K, V], chunk))
		}
		t.n++
		t.e(i).key = k
	} else {
		i = t.tail
		e := t.e(i)
		if t.gone != nil {
			t.gone(e.key, &e.val)
		}
		delete(t.at, e.key)
		t.unlink(i)
		*e = entry[K, V]{key: k}
		t.evicted++
	}
	t.at[k] = i
	t.link(i)
	return &t.e(i).val, true
}

func (t *table[K, V]) toFront(i int32) {
	if t.head != i {
		t.unlink(i)
		t.link(i)
	}
}

func (t *table[K, V]) link(i int32) {
	t.e(i).prev, t.e(i).next = -1, t.head
	if t.head >= 0 {
		t.e(t.head).prev = i
	}
	t.head = i
	if t.tail < 0 {
		t.tail = i
	}
}

func (t *table[K, V]) unlink(i int32) {
	e := t.e(i)
	if e.prev >= 0 {
		t.e(e.prev).next = e.next
	} else {
		t.head = e.next
	}
	if e.next >= 0 {
		t.e(e.next).prev = e.prev
	} else {
		t.tail = e.prev
	}
}

// each calls fn for every entry.
func (t *table[K, V]) each(fn func(K, *V)) {
	for i := t.head; i >= 0; i = t.e(i).next {
		fn(t.e(i).key, &t.e(i).val)
	}
}
