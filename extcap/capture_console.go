package extcap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"pqiot/wire"
)

// consoles reads every console until ctx ends and none is read any more. What
// is wrong with one neither ends the capture nor the other consoles.
func (e *engine) consoles(ctx context.Context) {
	var wg sync.WaitGroup
	for i, c := range e.cfg.Consoles {
		if c.Open != nil {
			wg.Go(func() { e.console(ctx, i, c) })
		}
	}
	wg.Wait()
}

// console reads one, and opens it again whenever it was unplugged.
func (e *engine) console(ctx context.Context, index int, c Console) {
	said := false
	for first := true; ctx.Err() == nil; first = false {
		port, err := c.Open.Open(ctx)
		switch {
		case err == nil:
			e.log.printf(wire.LogInfo, "console %s: %s", c.Name, port.Name())
			said = false
			err = e.readConsole(ctx, index, port)
		case first && ctx.Err() == nil:
			e.complain(0, fmt.Sprintf("console %s: %v", c.Name, err))
			if !errors.Is(err, ErrGone) {
				return
			}
			said = true
		}
		if !said && ctx.Err() == nil {
			e.log.printf(wire.LogWarning, "console %s: %v; waiting for it", c.Name, err)
			said = true
		}
		pause(ctx, replugPoll)
	}
}

// readConsole writes a port's lines until the port fails or ctx ends.
func (e *engine) readConsole(ctx context.Context, index int, port Board) error {
	closed := sync.OnceFunc(func() { port.Close() })
	defer closed()
	stop := context.AfterFunc(ctx, closed)
	defer stop()
	var lines lineSplitter
	buf := make([]byte, readChunk)
	for {
		n, err := port.Read(buf)
		now := e.now()
		lines.add(buf[:n], func(text string) { e.out.console(index, now, text) })
		if err != nil {
			lines.rest(func(text string) { e.out.console(index, now, text) })
			return err
		}
	}
}

// lineSplitter cuts what a console prints into lines.
type lineSplitter struct{ held []byte }

// add takes bytes and gives each line that they complete. Empty lines are
// nothing.
func (l *lineSplitter) add(b []byte, line func(string)) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		whole := end >= 0
		if !whole {
			end = len(b)
		}
		if room := maxConsoleLine - len(l.held); end > room {
			end, whole = room, false
		}
		l.held = append(l.held, b[:end]...)
		if b = b[end:]; whole {
			b = b[1:]
		}
		if whole || len(l.held) == maxConsoleLine {
			l.rest(line)
		}
	}
}

// rest gives what is held of a line.
func (l *lineSplitter) rest(line func(string)) {
	if text := bytes.TrimRight(l.held, "\r "); len(text) > 0 {
		line(string(text))
	}
	l.held = l.held[:0]
}
