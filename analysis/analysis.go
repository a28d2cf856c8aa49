// Package analysis reads captures and reports what repeats in them, honest or
// not. The stages run side by side, each handing batches of packets on:
//
//	read and decode (per file) → merge by time → join, unseal → detect → report
//
// Captures of several sniffers are one time line: their clocks are aligned by
// the frames that two of them heard (align.go), and such a frame counts once
// (join.go).
package analysis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"pqiot/analysis/detect"
	"pqiot/analysis/packet"
	"pqiot/analysis/report"
	"pqiot/analysis/unseal"
)

// Options of a run.
type Options struct {
	Networks []unseal.Network   // to decrypt
	Sessions *unseal.Sessions   // keys of a key log; may be nil
	Ports    []uint16           // of CoAP; none: 5683
	Plots    bool               // fill Report.Plots
	Emit     func(report.Alert) // called as incidents open and grow; may be nil
	Progress func(bytes int)    // called with the bytes read since the last call, from several goroutines; may be nil
}

// Input is a capture: a stream R that can be read once, or a file that Open
// opens as often as it is needed.
type Input struct {
	Name string
	R    io.Reader
	Open func() (io.ReadCloser, error)
}

// ErrUnusable is the error where an input holds no capture at all.
var ErrUnusable = errors.New("unusable input")

// Run analyses the inputs as one time line. When ctx ends it reports what was
// found so far. Inputs that cannot be read are in the report; only where none
// can be read is there an error.
func Run(ctx context.Context, opt Options, inputs ...Input) (*report.Report, error) {
	engine := detect.New(opt.Emit)
	r, err := pass(ctx, opt, engine, inputs)
	if err != nil {
		return nil, err
	}
	if confirm := engine.Confirm(); confirm != nil && ctx.Err() == nil {
		opt.Progress, opt.Plots = nil, false
		if err := again(inputs); err != nil {
			r.Limits.Blind = append(r.Limits.Blind, "repeats of payloads older than the last million could not be confirmed: "+err.Error())
		} else if _, err := pass(ctx, opt, confirm, inputs); err == nil {
			engine.Merge(confirm)
		}
	}
	engine.Fill(r)
	blind(r, opt)
	return r, nil
}

// again says whether all inputs can be read a second time.
func again(inputs []Input) error {
	for _, in := range inputs {
		if in.Open == nil {
			return fmt.Errorf("%s cannot be read a second time", in.Name)
		}
	}
	return nil
}

// blind says in words what this capture cannot show.
func blind(r *report.Report, opt Options) {
	if closed := r.Unsealed.Protected - r.Unsealed.Decrypted; closed > 0 {
		r.Limits.Blind = append(r.Limits.Blind, fmt.Sprintf(
			"%d protected frames stayed closed: a replay that another associated station sends gets a fresh packet number there, and nothing on the link shows it", closed))
	}
	for _, f := range r.Files {
		if f.Truncated {
			r.Limits.Blind = append(r.Limits.Blind, f.Name+": "+f.Damage)
		}
	}
}

// pass runs the stages over the inputs once.
func pass(ctx context.Context, opt Options, engine *detect.Engine, inputs []Input) (*report.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &report.Report{Version: report.Version}
	readers := make([]*reader, len(inputs))
	for i, in := range inputs {
		readers[i] = newReader(i, in, opt)
	}
	align(ctx, inputs, readers)
	opener := newOpener(opt, len(inputs))
	opened := make(chan *batch, 2)
	go opener.run(ctx, merge(ctx, readers), opened)
	plots := newCollector(opt.Plots)
	var frame detect.Frame
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for b := range opened {
		for i := range b.items {
			it := &b.items[i]
			frame = detect.Frame{Packet: &it.p, File: it.file, Key: it.key, TKIP: it.tkip, More: it.more, Forged: it.forged, Twin: it.twin}
			plots.observe(&frame, engine.Observe(&frame))
			if !it.more {
				r.Packets++
				r.Bytes += int64(it.p.Len)
				first, last = min(first, it.p.Time), max(last, it.p.Time)
			}
		}
		b.free()
	}
	if r.Packets > 0 {
		from, to := time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
		r.First, r.Last = &from, &to
	}
	plots.fill(r)
	return r, finish(ctx, r, readers, opener)
}

// finish gathers what the stages counted. The stages have ended, unless ctx
// did first: a reader that still waits for a live stream is left to it.
func finish(ctx context.Context, r *report.Report, readers []*reader, o *opener) error {
	usable := 0
	var firstErr error
	r.Limits.Faults = map[string]int64{}
	r.Limits.Evicted = map[string]int64{}
	for _, rd := range readers {
		f, faults, counts, err := rd.result(ctx)
		r.Files = append(r.Files, f)
		r.Limits.BadBlocks += counts.BadBlocks
		r.Limits.Unknown += counts.UnknownBlocks
		for k, n := range faults {
			if n > 0 {
				r.Limits.Faults[packet.Fault(k).String()] += n
			}
		}
		if err == nil {
			usable++
		} else if firstErr == nil {
			firstErr = fmt.Errorf("%w: %s: %w", ErrUnusable, f.Name, err)
		}
	}
	r.Unsealed, r.HeardTwice = o.result(ctx)
	if usable == 0 {
		return firstErr
	}
	return nil
}
