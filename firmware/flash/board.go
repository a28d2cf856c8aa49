package flash

import (
	"errors"
	"fmt"
	"time"

	"pqiot/firmware/flash/image"
)

// Options say how a board is to be reached.
type Options struct {
	Loader  image.Loader  // the vendor's eflash_loader
	ROMBaud int           // for the boot ROM, at most MaxROMBaud
	Baud    int           // for the loader
	Wait    time.Duration // how long to look for a board in boot mode
	Reset   ResetLines
	Clock   Clock
	Notify  func(Event) // may be nil; called from the goroutine of the call
}

// MaxROMBaud is the fastest rate that the boot ROM follows.
const MaxROMBaud = 500000

// EventKind tells events apart.
type EventKind int

// Kinds of events.
const (
	EventPrompt   EventKind = iota // Text asks the user for something
	EventProgress                  // Stage, Done, Total
	EventNote                      // Text is worth knowing
)

// Event is told while a board is at work.
type Event struct {
	Kind        EventKind
	Text        string
	Stage       string // loader, check, write, verify, read, erase
	Done, Total int    // bytes
}

// Board is a BL602 that runs the loader.
type Board struct {
	opts   Options
	clock  Clock
	link   link
	boot   BootInfo
	jedec  JEDEC
	unsure bool // a handshake went well and the command after it did not
}

// Open brings the board behind the port into the loader, which takes until
// Options.Wait if the user has to press a button, and reads its flash's id.
// Errors: ErrSilent, ErrChatter, ErrLost, BoardError, ErrNoFlash.
func Open(port Port, o Options) (*Board, error) {
	b := &Board{opts: o, clock: o.Clock, link: link{port: port, clock: o.Clock}}
	if err := b.enter(); err != nil {
		return nil, err
	}
	return b, b.readJEDEC()
}

// ErrNoFlash: the loader runs and finds no flash chip.
var ErrNoFlash = errors.New("the loader finds no flash chip")

func (b *Board) readJEDEC() error {
	data, err := agreed(func() ([]byte, error) { return b.do(request{id: CmdJEDEC, want: jedecSize}) })
	if err != nil {
		return err
	}
	if b.jedec, err = ParseJEDEC(data); err != nil {
		return err
	}
	if b.jedec.Size() == 0 {
		return fmt.Errorf("%w: JEDEC id %x", ErrNoFlash, b.jedec.ID)
	}
	if !b.jedec.Recognised {
		b.tell(Event{Kind: EventNote, Text: fmt.Sprintf("the loader does not know the flash chip %x and drives it by its defaults", b.jedec.ID)})
	}
	return nil
}

// Boot is what the boot ROM told; false if a loader was running already.
func (b *Board) Boot() (BootInfo, bool) {
	return b.boot, b.boot.Version != 0 && b.boot.Version != loaderVersion
}

// Flash is the flash chip.
func (b *Board) Flash() JEDEC { return b.jedec }

// Restart resets the chip, which is the end of the session: by modem lines
// into its firmware; without them by a command, after which the jumper decides
// between the firmware and the boot ROM. Whether the command was heard does
// not matter to what was written, so its reply is not insisted on.
func (b *Board) Restart() error {
	if b.opts.Reset != ResetNone {
		return b.opts.Reset.reset(b.link.port, b.clock, false)
	}
	_, _ = b.link.exchange(request{id: CmdReset, want: noData})
	return nil
}

func (b *Board) tell(e Event) {
	if b.opts.Notify != nil {
		b.opts.Notify(e)
	}
}
