package extcap

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"

	"pqiot/wire"
)

const (
	maxHeld  = 4 << 20  // bytes of packets that wait for the interface block
	maxBatch = 32 << 10 // bytes of packets that go out as one
	maxNotes = 4        // remarks on one packet; more are counted
)

// output is the pcapng that goes to Wireshark. Its methods may be called from
// any goroutine. After the first error every method returns that error.
//
// Packets go out as soon as no more bytes of the board are at hand, see flush:
// those that came together in one write, as each write wakes Wireshark.
//
// The section header is written at once. The interface block, which names the
// board, waits for the board's hello, and the consoles' stand after it; packets
// and lines that come before are held.
type output struct {
	start time.Time

	mu        sync.Mutex
	fifo      io.Writer
	w         *pcapngWriter  // into batch
	lines     *ConsoleWriter // likewise
	names     []string       // of the consoles
	batch     bytes.Buffer   // packets not yet written
	ready     bool           // the interface block is written
	fallback  iface          // the interface block if the board never says who it is
	err       error
	delivered uint64
	drops     uint64   // records lost since the last packet
	notes     []string // remarks for the next packet
	unnoted   int      // remarks that found no room
	aggregate aggregate
	head      [maxRadiotap]byte
}

func newOutput(fifo io.Writer, start time.Time, s section, fallback iface, consoles ...Console) *output {
	o := &output{start: start, fifo: fifo, fallback: fallback}
	o.err = newPcapngWriter(fifo).section(s)
	o.w = newPcapngWriter(&o.batch)
	for _, c := range consoles {
		o.names = append(o.names, c.Name)
	}
	o.lines = NewConsoleWriter(&o.batch, 1, o.names...)
	return o
}

// describe writes the interface block and everything that waited for it. Only
// the first call counts: the board may change within a capture, the interface
// of its packets may not.
func (o *output) describe(i iface) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.describeLocked(i)
}

// describeAnyhow writes the interface block of a board that is not known.
func (o *output) describeAnyhow() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.describeLocked(o.fallback)
}

func (o *output) describeLocked(i iface) error {
	if o.ready || o.err != nil {
		return o.err
	}
	o.ready = true
	o.err = newPcapngWriter(o.fifo).iface(i)
	if o.err == nil {
		o.err = NewConsoleWriter(o.fifo, 1, o.names...).Interfaces()
	}
	o.flushLocked()
	return o.err
}

// flush writes what is batched. Until the interface block is there, it waits.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

func (o *output) flushLocked() {
	if !o.ready || o.batch.Len() == 0 {
		return
	}
	if o.err == nil {
		_, o.err = o.fifo.Write(o.batch.Bytes())
	}
	o.batch.Reset()
}

// frame writes a packet, with what is known of the time before it.
func (o *output) frame(at time.Time, tsft uint64, f wire.Frame) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	switch n := o.batch.Len(); {
	case !o.ready && n > maxHeld:
		o.describeLocked(o.fallback)
	case o.ready && n > maxBatch:
		o.flushLocked()
	}
	head := AppendRadiotap(o.head[:0], tsft, f, o.aggregate.next(tsft, f))
	data := f.Data[:min(len(f.Data), wire.MaxFrame)]
	k := packet{time: at, head: head, data: data, origLen: len(head) + int(f.AirLen), drops: o.drops, comment: o.remarks()}
	if o.err == nil {
		o.err = o.w.packet(k)
	}
	if o.err == nil {
		o.delivered++
		o.drops = 0
	}
	return o.err
}

// console writes a line of the console with that index. People read these:
// they go out at once.
func (o *output) console(index int, at time.Time, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ready && o.batch.Len() > maxHeld {
		o.describeLocked(o.fallback)
	}
	if o.err == nil {
		o.err = o.lines.Line(index, at, text)
	}
	o.flushLocked()
}

// lost notes records that were lost before the next packet, and how.
func (o *output) lost(n uint32, how string) {
	o.mu.Lock()
	o.drops += uint64(n)
	o.mu.Unlock()
	o.note(how)
}

// note puts a remark into the comment of the next packet.
func (o *output) note(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case text == "":
	case len(o.notes) < maxNotes:
		o.notes = append(o.notes, text)
	default:
		o.unnoted++
	}
}

func (o *output) remarks() string {
	if len(o.notes) == 0 {
		return ""
	}
	if o.unnoted > 0 {
		o.notes = append(o.notes, plural(uint64(o.unnoted), "more remark")+": see the log")
	}
	text := strings.Join(o.notes, "\n")
	o.notes, o.unnoted = o.notes[:0], 0
	return text
}

// statistics writes a statistics block, once there is an interface for it.
func (o *output) statistics(c counters, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil || !o.ready {
		return o.err
	}
	c.start, c.end, c.delivered = o.start, now, o.delivered
	o.err = o.w.statistics(c)
	o.flushLocked()
	return o.err
}

// finish leaves a valid capture behind, however far it came.
func (o *output) finish(c counters, now time.Time) error {
	o.describeAnyhow()
	return o.statistics(c, now)
}

func (o *output) packets() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.delivered
}

// failed returns the error that ended the output, or nil.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
