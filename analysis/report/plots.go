package report

import "time"

// Kind is what a frame turned out to be, as plots count it.
type Kind uint8

// Kinds of frames.
const (
	KindFresh Kind = iota
	KindReplay
	KindRetransmission
	KindRetry
	KindRelay
	KindDuplicate // the capture has the frame twice
	NumKinds
)

func (k Kind) String() string {
	return [NumKinds]string{"fresh", "replay", "CoAP retransmission", "Wi-Fi retry", "relay", "capture duplicate"}[k]
}

// Class is what a CoAP message carries.
type Class uint8

// Classes of CoAP messages.
const (
	ClassKey Class = iota // an encapsulation key or a block of one
	ClassHandshake
	ClassRecord
	ClassOther
	NumClasses
)

func (c Class) String() string {
	return [NumClasses]string{"encapsulation key", "handshake", "record", "other CoAP"}[c]
}

// Plots is what the page draws. Its size is fixed whatever the capture holds.
type Plots struct {
	Timeline Timeline
	Sizes    [SizeBins][NumClasses]int64 // CoAP payloads by size; the last bin has all longer ones
	Devices  []Activity                  // the busiest first
	Others   Activity                    // devices that gave way to busier ones, together
	Ladders  []Ladder
}

// Bins of Plots.Sizes.
const (
	SizeBin  = 8 // bytes
	SizeBins = 201
)

// Activity is what one transmitter sent.
type Activity struct {
	MAC       string
	Frames    [NumKinds]int64
	Exchanges int64 // CoAP requests, each counted once
}

// Total of all kinds.
func (a *Activity) Total() (n int64) {
	for _, k := range a.Frames {
		n += k
	}
	return n
}

// TimeBuckets is how many buckets a Timeline has.
const TimeBuckets = 512

// Timeline counts frames by kind in buckets of equal width, which doubles as
// the capture grows. The zero value is ready.
type Timeline struct {
	Buckets [TimeBuckets][NumKinds]int64
	start   uint64 // of the first bucket; ns, biased so that all times are in order
	shift   uint   // a bucket is 1<<shift ns wide
	used    bool
}

const (
	bias       = 1 << 63
	firstShift = 20               // about a millisecond
	lastShift  = 64 - 9           // TimeBuckets of it are all of time
	half       = TimeBuckets >> 1 // buckets left after folding
)

// Add counts a frame. at is in ns since 1970.
func (t *Timeline) Add(at int64, k Kind) {
	u := uint64(at) ^ bias
	if !t.used {
		t.start, t.shift, t.used = u, firstShift, true
	}
	for u < t.start && t.extendBack() {
	}
	if u < t.start { // before all that can be had: at the end of the clock
		u = t.start
	}
	for (u-t.start)>>t.shift >= TimeBuckets {
		t.fold(0)
	}
	t.Buckets[(u-t.start)>>t.shift][k]++
}

// extendBack doubles the width and lets time begin earlier.
func (t *Timeline) extendBack() bool {
	if t.shift == lastShift || t.start < half<<(t.shift+1) {
		return false
	}
	t.fold(half)
	t.start -= half << t.shift
	return true
}

// fold joins neighbours and puts them from bucket `to` on.
func (t *Timeline) fold(to int) {
	var b [TimeBuckets][NumKinds]int64
	for i := range t.Buckets {
		for k, n := range t.Buckets[i] {
			b[to+i/2][k] += n
		}
	}
	t.Buckets = b
	t.shift++
}

// Width of a bucket.
func (t *Timeline) Width() time.Duration { return 1 << t.shift }

// Start of the first bucket, ns since 1970.
func (t *Timeline) Start() int64 { return int64(t.start ^ bias) }

// Ladder is the conversation of a sender with a gateway.
type Ladder struct {
	Sender, Gateway string
	Messages        []Message
	Left            int64 // messages that found no room
}

// Bounds of ladders. After the first messages only replays are kept.
const (
	MaxLadders       = 6
	MaxMessages      = 60
	MaxReplays       = 20
	ladderMostCopies = 1<<16 - 1
)

// Message is one CoAP message of a ladder.
type Message struct {
	Frame      uint64
	File       int
	Time       int64 // ns since 1970
	Kind       Kind
	Copies     uint16 // honest link copies: retries, relays, duplicates
	Up         bool   // from the sender
	Type, Code uint8  // of CoAP
	ID         uint16
	Class      Class
	Block      int32 // number of the block, -1 = none
	Size       int   // payload, bytes
}

// Copy counts an honest copy of a message.
func (m *Message) Copy() {
	if m.Copies < ladderMostCopies {
		m.Copies++
	}
}
