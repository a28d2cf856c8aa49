package extcap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// Exit statuses.
const (
	ExitDone   = 0 // done, and nothing wrong
	ExitNo     = 1 // the board did not do what was asked
	ExitUnable = 2 // the command line, or what it names, cannot be used
)

// A Program answers the calls of Wireshark.
type Program struct {
	Build          string    // version of the build, shown in About
	Stdout, Stderr io.Writer // what Wireshark reads, and shows as an error

	Ports  func() ([]Port, error) // serial ports, found without opening one
	Opener func(Config) Opener    // what opens the board that a capture is of
	Caller func() Version         // the Wireshark that calls, where the call does not say
}

// Run answers one call and returns the exit status. Whatever is written to
// Stderr Wireshark shows as an error, so that is one message or nothing.
func (p Program) Run(ctx context.Context, args []string) int {
	call, err := ParseArgs(args)
	if call.Version == (Version{}) {
		call.Version = p.Caller()
		call.Config.WiresharkVersion = call.Version
	}
	if call.Verb == VerbCapture {
		return p.capture(ctx, call.Config, err)
	}
	if err == nil {
		err = p.answer(call)
	}
	return p.report(err)
}

// answer writes the answer to any call but a capture.
func (p Program) answer(call Call) error {
	switch call.Verb {
	case VerbNone:
		return usage(errors.New("no call of Wireshark's; --help says what there is"))
	case VerbInterfaces:
		return writeInterfaces(p.Stdout, p.Build, p.ports(), call.Version)
	case VerbCleanup:
		return nil // a killed capture leaves nothing behind
	}
	kind, _ := interfaceKind(call.Interface)
	if kind == ifaceNone {
		return usage(noInterface(call.Interface))
	}
	switch call.Verb {
	case VerbDLTs:
		return writeDLTs(p.Stdout)
	case VerbConfig:
		return writeConfig(p.Stdout, kind, p.ports(), call.Version)
	case VerbReload:
		return writeReload(p.Stdout, kind, call.Option, p.ports())
	}
	return verifyFilter(p.Stdout, call.Filter)
}

// ports lists the ports. To fail here would take every interface from
// Wireshark's list, so no list is an empty one; doctor says why.
func (p Program) ports() []Port {
	ports, err := p.Ports()
	if err != nil {
		return nil
	}
	return ports
}

// verifyFilter answers Wireshark's question about a capture filter: nothing
// if it is valid, else one line that says what is wrong.
func verifyFilter(w io.Writer, filter string) error {
	if filter == "" {
		return nil
	}
	if _, err := ParseFilter(filter); err != nil {
		_, werr := fmt.Fprintln(w, strings.ReplaceAll(err.Error(), "\n", "; "))
		return werr
	}
	return nil
}

// capture runs a capture. A bad command line goes the way of a board that
// cannot be opened: Wireshark must find the pipes open and a valid capture in
// them before the program ends, or it hangs.
func (p Program) capture(ctx context.Context, cfg Config, bad error) int {
	if cfg.FIFO == "" {
		return p.report(bad)
	}
	watch := &watchedOpener{}
	if bad != nil {
		watch.Opener = OpenerFunc(func(context.Context) (Board, error) { return nil, bad })
	} else {
		watch.Opener = p.Opener(cfg)
		for i, c := range cfg.Consoles {
			cfg.Consoles[i].Open = p.Opener(Config{Port: c.Port, Baud: cfg.Baud})
		}
	}
	err := Capture(ctx, cfg, watch)
	if err != nil && watch.failed.Load() {
		err = unusable{err}
	}
	return p.report(err)
}

// report tells of an error and gives the exit status.
func (p Program) report(err error) int {
	if err == nil {
		return ExitDone
	}
	fmt.Fprintf(p.Stderr, "pqiot-extcap: %v\n", err)
	if errors.As(err, new(unusable)) || errors.Is(err, ErrUsage) {
		return ExitUnable
	}
	return ExitNo
}

// unusable marks an error of opening the board.
type unusable struct{ error }

func (e unusable) Unwrap() error { return e.error }

// watchedOpener notes whether the last attempt to open failed.
type watchedOpener struct {
	Opener
	failed atomic.Bool
}

func (o *watchedOpener) Open(ctx context.Context) (Board, error) {
	b, err := o.Opener.Open(ctx)
	o.failed.Store(err != nil)
	return b, err
}
