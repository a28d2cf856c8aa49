package main

import (
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"

	"pqiot/firmware/flash"
)

// bars are the progress bars, one for each board. A nil *bars, as where
// standard error is no terminal, shows nothing.
type bars struct {
	pool *mpb.Progress
	mu   sync.Mutex
	rows map[string]*row
}

// row is one board's bar.
type row struct {
	bar   *mpb.Bar
	stage string
}

// newBars makes bars if w is a terminal.
func newBars(w io.Writer, labels []string) *bars {
	f, ok := w.(*os.File)
	if !ok || !cwriter.IsTerminal(int(f.Fd())) {
		return nil
	}
	b := &bars{pool: mpb.New(mpb.WithOutput(w), mpb.WithWidth(48)), rows: make(map[string]*row)}
	for _, label := range labels {
		r := &row{stage: "connect"}
		r.bar = b.pool.AddBar(0, // the total may change until end

			mpb.PrependDecorators(decor.Name(label, decor.WCSyncSpaceR), decor.Any(func(decor.Statistics) string { return b.stage(r) }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.CountersKibiByte("% .1f / % .1f", decor.WCSyncSpace)))
		b.rows[label] = r
	}
	return b
}

func (b *bars) stage(r *row) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return r.stage
}

// progress moves a bar. It never completes before end, which a verified
// board's result calls.
func (b *bars) progress(label string, e flash.Event) {
	if b == nil {
		return
	}
	b.mu.Lock()
	r := b.rows[label]
	r.stage = e.Stage
	b.mu.Unlock()
	r.bar.SetTotal(int64(e.Total), false)
	r.bar.SetCurrent(int64(e.Done))
}

// end closes a board's bar: full if it succeeded, where it stood if not.
func (b *bars) end(label string, ok bool) {
	if b == nil {
		return
	}
	b.mu.Lock()
	r := b.rows[label]
	r.stage = "failed"
	if ok {
		r.stage = "verified"
	}
	b.mu.Unlock()
	if ok {
		r.bar.SetTotal(-1, true)
		return
	}
	r.bar.Abort(false)
}

func (b *bars) wait() {
	if b != nil {
		b.pool.Wait()
	}
}

// print writes a line to w, above the bars if there are any.
func (b *bars) print(w io.Writer, line string) {
	if b != nil {
		if _, err := b.pool.Write([]byte(line)); err == nil {
			return
		}
	}
	io.WriteString(w, line)
}
