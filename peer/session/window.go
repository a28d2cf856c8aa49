package session

// WindowSize is how many sequence numbers a Window looks back (RFC 8613 §7.4).
const WindowSize = 64

// Window is an anti-replay window over sequence numbers (RFC 8613 §7.4, RFC
// 4303 §3.4.3). The zero value is ready and has seen nothing.
type Window struct {
	next uint64 // highest number seen + 1; 0: none
	seen uint64 // bit i: next-1-i was seen
}

// Fresh reports whether seq may still be accepted: not seen, and not behind
// the window. It changes nothing.
func (w *Window) Fresh(seq uint64) bool {
	if seq >= w.next {
		return true
	}
	back := w.next - 1 - seq
	return back < WindowSize && w.seen&(1<<back) == 0
}

// Accept marks seq as seen and moves the window. To be called only once the
// record's tag has verified, and for a number that is Fresh.
func (w *Window) Accept(seq uint64) {
	if seq >= w.next {
		w.seen <<= seq + 1 - w.next // a shift of 64 or more gives 0
		w.next = seq + 1
	}
	if back := w.next - 1 - seq; back < WindowSize {
		w.seen |= 1 << back
	}
}
