package main

import (
	"context"
	"errors"
	"fmt"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

// onBoard opens a port, brings its board into the loader and does the work.
// The result tells what became of it; the error is in it.
func (a *app) onBoard(role, path string, loader image.Loader, work func(*flash.Board, *boardResult) error) boardResult {
	r := boardResult{Role: role, Port: path}
	start := a.clock.Now()
	r.fail(a.session(&r, loader, work))
	r.Seconds = seconds(a.clock.Now().Sub(start))
	a.bars.end(r.label(), r.OK)
	if !r.OK {
		a.say("%s: %s", r.name(), r.Error)
	}
	return r
}

func (a *app) session(r *boardResult, loader image.Loader, work func(*flash.Board, *boardResult) error) error {
	p, err := a.dial(r.Port, a.opt.romBaud)
	if err != nil {
		return unusable{err}
	}
	defer p.Close()
	defer context.AfterFunc(a.ctx, func() { p.Close() })()
	b, err := flash.Open(p, flash.Options{
		Loader: loader, ROMBaud: a.opt.romBaud, Baud: a.opt.baud, Wait: a.opt.wait, Reset: a.opt.reset, Clock: a.clock,
		Notify: func(e flash.Event) { a.notify(r, e) },
	})
	if err == nil {
		r.describe(b)
		if err = work(b, r); err == nil {
			err = b.Restart()
		} else if !errors.Is(err, flash.ErrLost) && !errors.Is(err, flash.ErrSilent) {
			_ = b.Restart() // so that the next try finds the boot ROM; the error at hand matters more
		}
	}
	if a.ctx.Err() != nil && err != nil {
		return errors.New("interrupted: what was written so far is not verified; run the command again")
	}
	return err
}

// label names a board's progress bar.
func (r *boardResult) label() string {
	if r.Role != "" {
		return r.Role
	}
	return r.Port
}

func (a *app) notify(r *boardResult, e flash.Event) {
	switch e.Kind {
	case flash.EventProgress:
		a.bars.progress(r.label(), e)
	case flash.EventPrompt:
		a.say("%s: on the PineCone, %s (waiting %v)", r.name(), e.Text, a.opt.wait)
	case flash.EventNote:
		a.say("%s: %s", r.name(), e.Text)
	}
}

// single runs the work on the one board of --port and prints its result.
func (a *app) single(work func(*flash.Board, *boardResult) error) (boardResult, error) {
	loader, err := a.readLoader()
	if err != nil {
		return boardResult{}, err
	}
	path, err := a.onePort()
	if err != nil {
		return boardResult{}, err
	}
	a.bars = newBars(a.stderr, []string{path})
	r := a.onBoard("", path, loader, work)
	a.bars.wait()
	a.report.Boards = append(a.report.Boards, r)
	return r, shown(r.err)
}

// shown keeps an error's exit status and says that it was printed.
func shown(err error) error {
	if err == nil {
		return nil
	}
	if exitCode(err) == exitUsage {
		return unusable{errShown}
	}
	return errShown
}

// nextStep tells how to run what was written.
func (a *app) nextStep() {
	if a.opt.reset == flash.ResetNone {
		a.say("done: set the IO8 jumper back to L and press RESET to run it")
		return
	}
	a.say("done: the board runs it now")
}

// store writes the files of a plan and fills in the result.
func (a *app) store(targets []target) func(*flash.Board, *boardResult) error {
	return func(b *flash.Board, r *boardResult) error {
		plan, err := a.planFor(b, targets, true)
		if err != nil {
			return err
		}
		st, err := b.Write(plan)
		r.Erased, r.Written, r.Unchanged = st.Erased, st.Written, st.Unchanged
		r.Files = fileResults(plan, err == nil)
		return err
	}
}

func fileResults(p *flash.Plan, verified bool) (out []fileResult) {
	for f := range p.Files() {
		out = append(out, fileResult{Name: f.Name, Address: hexAddr(f.Addr), Length: len(f.Data), SHA256: fmt.Sprintf("%x", f.Sum()), Verified: verified})
	}
	return out
}
