package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/term"

	"pqiot/analysis/report"
)

// portList is a repeatable flag of UDP ports.
type portList []uint16

func (p *portList) String() string { return fmt.Sprint([]uint16(*p)) }
func (p *portList) Type() string   { return "port" }
func (p *portList) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return errors.New("a UDP port is a number from 1 to 65535")
	}
	*p = append(*p, uint16(n))
	return nil
}

// events prints incidents as they open and grow.
type events struct {
	enc   *json.Encoder
	least report.Severity
	on    bool
	seen  map[string]bool
	err   error
}

func newEvents(w io.Writer, on bool, least report.Severity) *events {
	return &events{enc: json.NewEncoder(w), least: least, on: on, seen: map[string]bool{}}
}

// event is one line of --events.
type event struct {
	Event  string         `json:"event"` // alert, update, report
	Alert  *report.Alert  `json:"alert,omitempty"`
	Report *report.Report `json:"report,omitempty"`
}

func (e *events) emit(a report.Alert) {
	if !e.on || e.err != nil || a.Severity.Rank() < e.least.Rank() {
		return
	}
	id := fmt.Sprint(a.Detector, a.File, a.Frame, a.Source, a.Destination)
	name := "alert"
	if e.seen[id] {
		name = "update"
	}
	e.seen[id] = true
	e.err = e.enc.Encode(event{Event: name, Alert: &a})
}

func (e *events) end(r *report.Report) error {
	if e.err != nil {
		return e.err
	}
	return e.enc.Encode(event{Event: "report", Report: r})
}

// progress is a bar on a terminal, for inputs that take a while.
type progress struct {
	w     io.Writer
	total int64
	mu    sync.Mutex
	read  int64
	start time.Time
	last  time.Time
	shown bool
}

const (
	progressAfter = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
	progressWidth = 40
)

func newProgress(w io.Writer, total int64, quiet bool) *progress {
	f, ok := w.(*os.File)
	if !ok || quiet || total == 0 || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{w: w, total: total, start: time.Now()}
}

func (p *progress) at(n int) {
	if p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += int64(n)
	now := time.Now()
	if now.Sub(p.start) < progressAfter || now.Sub(p.last) < progressEvery {
		return
	}
	p.last, p.shown = now, true
	share := min(1, float64(p.read)/float64(p.total))
	bar := make([]byte, progressWidth)
	for i := range bar {
		bar[i] = '.'
		if float64(i) < share*progressWidth {
			bar[i] = '#'
		}
	}
	fmt.Fprintf(p.w, "\r[%s] %3.0f %%", bar, 100*share)
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprintf(p.w, "\r%*s\r", progressWidth+8, "")
	}
}
