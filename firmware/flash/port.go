package flash

import (
	"fmt"
	"io"
	"time"
)

// Port is the serial line to one board, 8N1.
type Port interface {
	// Read waits until something came, at most the read time-out; then it
	// returns 0 and nil. A lost line is any other error. Write may return
	// before the bytes are on the line.
	io.ReadWriter
	SetReadTimeout(d time.Duration) error
	// SetBaud sets the rate once all that was written has been sent.
	SetBaud(baud int) error
	SetLines(dtr, rts bool) error
}

// Clock is the time. Tests inject a virtual one.
type Clock interface {
	Now() time.Time
	Sleep(d time.Duration)
}

// ResetLines says how the modem lines are wired to the chip.
type ResetLines int

// Wirings. PineCone has none.
const (
	ResetNone   ResetLines = iota // the user sets the jumper and presses the button
	ResetDTRRTS                   // DTR resets, RTS selects the boot ROM; the usual way
	ResetRTSDTR                   // RTS resets, DTR selects the boot ROM
)

// ParseResetLines reads none, dtr-rts or rts-dtr: the reset line first.
func ParseResetLines(s string) (ResetLines, error) {
	switch s {
	case "none":
		return ResetNone, nil
	case "dtr-rts":
		return ResetDTRRTS, nil
	case "rts-dtr":
		return ResetRTSDTR, nil
	}
	return ResetNone, fmt.Errorf("reset lines %q: none, dtr-rts and rts-dtr are known (the line that resets comes first)", s)
}

// linePulse is how long each step of a reset is held.
const linePulse = 50 * time.Millisecond

// reset restarts the chip through the modem lines, into the boot ROM or into
// its firmware.
func (r ResetLines) reset(p Port, c Clock, bootROM bool) error {
	set := func(boot, reset bool) error {
		dtr, rts := reset, boot
		if r == ResetRTSDTR {
			dtr, rts = boot, reset
		}
		if err := p.SetLines(dtr, rts); err != nil {
			return fmt.Errorf("%w: modem lines: %w", ErrLost, err)
		}
		return nil
	}
	for _, step := range [...]struct{ boot, reset bool }{{bootROM, false}, {bootROM, true}, {bootROM, false}, {false, false}} {
		if err := set(step.boot, step.reset); err != nil {
			return err
		}
		c.Sleep(linePulse)
	}
	return nil
}
