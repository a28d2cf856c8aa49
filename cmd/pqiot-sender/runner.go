package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"pqiot/cmd/internal/peercli"
	"pqiot/peer/keyfile"
	"pqiot/peer/sender"
	"pqiot/wire"
)

// maxLine is the longest line of standard input that is looked at, bytes.
const maxLine = 1 << 20

// runner sends messages and says what became of them.
type runner struct {
	printer *peercli.Printer
	options *options
	ctx     context.Context
	sender  *sender.Sender
	savePin bool // with the next session: trust on first use

	acknowledged int
	skipped      int // lines that were too long
	err          error
}

func (r *runner) event(e sender.Event) {
	now := time.Now()
	switch e.Kind {
	case sender.Opened:
		sid, pin := e.SID.String(), fmt.Sprintf("%x", e.Pin)
		r.keep(r.printer.Event(now, "session", peercli.Fields{"sid": sid, "pin": pin, "gateway": r.options.gateway},
			"", "session "+sid+" open with "+r.options.gateway))
		if r.savePin {
			r.savePin = false
			r.keep(keyfile.SavePin(r.options.pinFile, e.Pin))
			r.printer.Note("trusting pin " + pin + " from now on, by " + r.options.pinFile)
		}
	case sender.Hint:
		wait := e.Wait.Round(time.Millisecond)
		r.keep(r.printer.Event(now, "hint", peercli.Fields{"reason": e.Reason, "wait": wait.Seconds()},
			"", fmt.Sprintf("not authenticated: %s; trying afresh in %v", e.Reason, wait)))
	case sender.KeyLogFailed:
		r.printer.Note("key log: " + e.Reason)
	}
}

// keep holds on to the first error of output and files.
func (r *runner) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// send sends one message and writes its acknowledgement.
func (r *runner) send(data []byte) error {
	reply, err := r.sender.Send(data)
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted: %d acknowledged", r.acknowledged)
	case err != nil:
		if r.printer.JSON { // for people the error is enough
			r.keep(r.printer.Event(time.Now(), "failed", peercli.Fields{"reason": err.Error(), "acknowledged": r.acknowledged}, "", ""))
		}
		return peercli.No(fmt.Errorf("message %d: %w (%d acknowledged)", r.acknowledged+r.skipped+1, err, r.acknowledged))
	}
	r.acknowledged++
	sid, seq := r.sender.Session()
	f := peercli.Fields{"sid": sid.String(), "seq": seq}
	f.Text("text", data)
	f.Text("reply", reply)
	r.keep(r.printer.Event(time.Now(), "acknowledged", f,
		fmt.Sprintf("%v/%d %s acknowledged: %s", sid, seq, peercli.Quote(data), peercli.Quote(reply)), ""))
	return r.err
}

// sendAll sends the messages of the command line.
func (r *runner) sendAll() error {
	for i := range r.options.count {
		for j, text := range r.options.messages {
			if (i > 0 || j > 0) && !pause(r.ctx, r.options.interval) {
				return fmt.Errorf("interrupted: %d acknowledged", r.acknowledged)
			}
			if err := r.send([]byte(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// line is one line of standard input, without its end.
type line struct {
	data []byte
	err  error
}

// lines reads in a goroutine of its own, so that an interrupt need not wait
// for standard input.
func lines(ctx context.Context, in io.Reader) <-chan line {
	out := make(chan line)
	go func() {
		defer close(out)
		put := func(l line) bool {
			select {
			case out <- l:
				return true
			case <-ctx.Done():
				return false
			}
		}
		scan := bufio.NewScanner(in)
		scan.Buffer(nil, maxLine)
		for scan.Scan() {
			if !put(line{data: bytes.Clone(scan.Bytes())}) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			put(line{err: fmt.Errorf("standard input: %w", err)})
		}
	}()
	return out
}

// sendLines sends the lines of standard input. One that is too long is said so,
// counted and passed over.
func (r *runner) sendLines(in io.Reader) error {
	n := 0
	for l := range lines(r.ctx, in) {
		n++
		if l.err != nil {
			return l.err
		}
		if len(l.data) > wire.MaxData {
			r.printer.Note(fmt.Sprintf("line %d is too long: %d bytes, at most %d fit", n, len(l.data), wire.MaxData))
			r.skipped++
			continue
		}
		if r.acknowledged > 0 && !pause(r.ctx, r.options.interval) {
			break
		}
		if err := r.send(l.data); err != nil {
			return err
		}
	}
	switch {
	case r.ctx.Err() != nil:
		return fmt.Errorf("interrupted: %d acknowledged", r.acknowledged)
	case r.skipped > 0:
		return fmt.Errorf("%d acknowledged, %d lines too long to send", r.acknowledged, r.skipped)
	}
	return nil
}
