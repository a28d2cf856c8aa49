package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sort"
	"sync"

	"pqiot/firmware/lab/air"
)

// labelConsole is the label of a line of a board's console.
const labelConsole air.Label = "console"

// item is one thing of a run that belongs into the capture: a frame, or a line
// of a console.
type item struct {
	at      uint64 // µs since the start
	frame   bool
	truth   air.Truth // of a frame, numbered as heard
	sum     uint64    // of its bytes
	console int       // of a line
	text    string
}

// timeline holds what has happened and is not in the capture yet. The frames
// among it are on their way through the sniffer's firmware and the extcap.
type timeline struct {
	seed maphash.Seed

	mu     sync.Mutex
	items  []item
	frames int // that were put, ever
	lines  int
}

func newTimeline() *timeline { return &timeline{seed: maphash.MakeSeed()} }

func (t *timeline) put(i item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items = append(t.items, i)
	if i.frame {
		t.frames++
	} else {
		t.lines++
	}
}

// next takes the oldest item.
func (t *timeline) next() (item, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.items) == 0 {
		return item{}, false
	}
	i := t.items[0]
	t.items = t.items[1:]
	return i, true
}

func (t *timeline) sum(frame []byte) uint64 { return maphash.Bytes(t.seed, frame) }

// truthWriter writes the truth about each packet of the capture, numbered as
// the capture has them: lines of consoles stand between the frames. In virtual
// time the truth comes with these numbers; in real time frames alone are
// numbered, and the writer remembers what stands between them.
type truthWriter struct {
	w       *bufio.Writer // nil: nobody wants it
	live    bool
	written uint64 // packets of the capture
	frames  uint64 // of them

	other []uint64 // live: for each line, how many frames came before
	gone  []uint64 // live: frames that the capture lost, by their number on the air
}

func newTruthWriter(w io.Writer, live bool) *truthWriter {
	t := &truthWriter{live: live}
	if w != nil {
		t.w = bufio.NewWriter(w)
	}
	return t
}

// line takes in a packet that is a line.
func (t *truthWriter) line() error {
	t.written++
	if t.live {
		t.other = append(t.other, t.frames+uint64(len(t.gone)))
	}
	return t.write(air.Truth{Frame: t.written, Label: labelConsole})
}

// frame takes in a packet that is a frame, with its truth.
func (t *truthWriter) frame(x air.Truth) error {
	t.written++
	t.frames++
	if t.live {
		x.Frame, x.Original = t.number(x.Frame), t.number(x.Original)
	}
	if x.Frame != t.written {
		return fmt.Errorf("%w: packet %d should be packet %d", errNotTheFrame, t.written, x.Frame)
	}
	return t.write(x)
}

// lost notes a frame that is not in the capture.
func (t *truthWriter) lost(x air.Truth) {
	if t.live {
		t.gone = append(t.gone, x.Frame)
	}
}

// number turns a frame's number on the air into that of its packet; 0 if it is
// in no packet.
func (t *truthWriter) number(heard uint64) uint64 {
	if heard == 0 {
		return 0
	}
	lines := sort.Search(len(t.other), func(i int) bool { return t.other[i] >= heard })
	gone := sort.Search(len(t.gone), func(i int) bool { return t.gone[i] >= heard })
	if gone < len(t.gone) && t.gone[gone] == heard {
		return 0
	}
	return heard + uint64(lines) - uint64(gone)
}

func (t *truthWriter) write(x air.Truth) error {
	if t.w == nil {
		return nil
	}
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	_, err = t.w.Write(append(b, '\n'))
	return err
}

func (t *truthWriter) flush() error {
	if t.w == nil {
		return nil
	}
	return t.w.Flush()
}

// errNotTheFrame means that the capture holds something else than what was on
// the air.
var errNotTheFrame = errors.New("the capture holds a frame that was not on the air")
