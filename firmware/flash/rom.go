package flash

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"pqiot/firmware/flash/image"
)

const (
	romSilence    = 2200 * time.Millisecond // a little over the ROM's 2 s
	loaderSilence = 4200 * time.Millisecond // a little over the loader's two windows of 2 s
	loaderIdle    = 3 * time.Second         // after so long the loader may have left
	loaderStart   = 120 * time.Millisecond  // from run_image to the next handshake; 100 to 500 ms are known
	listenTime    = 150 * time.Millisecond  // for the answer to a handshake
	burstsPerTurn = 4                       // handshakes before a silence
)

// enter brings the board from wherever it is into the loader. A lost reply
// of the ROM cannot be repaired by repeating the command, so everything
// starts again at the handshake; whoever answers it, ROM or loader, is used.
func (b *Board) enter() error {
	var err error
	for try := 0; try <= retries; try++ {
		var running bool
		if running, err = b.findROM(try > 0); err != nil {
			return err
		}
		if !running {
			err = b.upload()
		}
		if err == nil {
			err = b.startLoader(running)
		}
		if err == nil || errors.Is(err, ErrLost) {
			return err
		}
	}
	return err
}

// findROM shakes hands with the boot ROM, or with a loader left running by an
// earlier session, and polls until Options.Wait is over.
func (b *Board) findROM(again bool) (loader bool, err error) {
	if err := b.link.setBaud(b.opts.ROMBaud); err != nil {
		return false, err
	}
	if again { // the ROM is in the middle of something
		if err := b.link.silence(romSilence); err != nil {
			return false, err
		}
	}
	end := b.clock.Now().Add(b.opts.Wait)
	for turn := 0; ; turn++ {
		if b.opts.Reset != ResetNone {
			if err := b.opts.Reset.reset(b.link.port, b.clock, true); err != nil {
				return false, err
			}
		}
		loader, err = b.shake(end)
		if err == nil || errors.Is(err, ErrLost) {
			return loader, err
		}
		if !b.clock.Now().Before(end) {
			return false, b.notFound(err)
		}
		if turn == 0 && b.opts.Reset == ResetNone {
			b.tell(Event{Kind: EventPrompt, Text: Prompt})
		}
		// A ROM or loader stuck in a frame needs silence to get out of it.
		pause := romSilence
		if turn%2 == 1 {
			pause = loaderSilence
		}
		if err := b.link.silence(min(pause, max(end.Sub(b.clock.Now()), 0))); err != nil {
			return false, err
		}
	}
}

// Prompt asks the user for boot mode.
const Prompt = "set the IO8 jumper to H and press RESET"

func (b *Board) notFound(err error) error {
	if errors.Is(err, ErrChatter) {
		return fmt.Errorf("%w: %s", err, Prompt)
	}
	return fmt.Errorf("%w at %d baud: %s; check that this is the board's port and no other program uses it", ErrSilent, b.opts.ROMBaud, Prompt)
}

// shake tries some handshakes, and asks whoever answers what it is.
func (b *Board) shake(end time.Time) (loader bool, err error) {
	for range burstsPerTurn {
		if err = b.link.sync(listenTime); err == nil && b.unsure {
			err = b.link.align()
		}
		if err == nil {
			loader, err = b.identify()
			b.unsure = err != nil
			return loader, err
		}
		if errors.Is(err, ErrLost) || errors.Is(err, errFramed) || !b.clock.Now().Before(end) {
			return false, err
		}
	}
	return false, err
}

// identify asks for the boot info, which the boot ROM and newer loaders give.
// An older loader gives no reply at all, but has a JEDEC id.
func (b *Board) identify() (loader bool, err error) {
	data, err := agreed(func() ([]byte, error) {
		return b.tolerant(request{id: CmdBootInfo, want: bootInfoSize})
	})
	if errors.Is(err, ErrTimeout) {
		if _, jerr := b.link.exchange(request{id: CmdJEDEC, want: jedecSize}); jerr == nil {
			return true, nil
		}
	}
	if err != nil {
		return false, err
	}
	if b.boot, err = ParseBootInfo(data); err != nil {
		return false, err
	}
	return b.boot.Version == loaderVersion, nil
}

// tolerant repeats a command that may be repeated after a garbled or refused
// reply; a refusal may be the answer to surplus bytes of the handshake.
func (b *Board) tolerant(r request) (data []byte, err error) {
	for range 1 + retries {
		data, err = b.link.exchange(r)
		if err == nil || errors.Is(err, ErrLost) || errors.Is(err, ErrTimeout) {
			return data, err
		}
		if err := b.settle(err); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// agreed asks until two answers in a row are the same: replies carry no
// checksum.
func agreed(ask func() ([]byte, error)) ([]byte, error) {
	last, err := ask()
	for range 1 + retries {
		if err != nil {
			return nil, err
		}
		next, err := ask()
		if err != nil {
			return nil, err
		}
		if bytes.Equal(last, next) {
			return next, nil
		}
		last = next
	}
	return nil, fmt.Errorf("%w: no two answers agree", ErrGarbled)
}

// upload sends the loader to the boot ROM and starts it.
func (b *Board) upload() error {
	if b.opts.Loader.Header == nil {
		return errors.New("no loader was given")
	}
	if _, err := b.link.exchange(request{id: CmdBootHeader, payload: b.opts.Loader.Header, want: noData}); err != nil {
		return err
	}
	for _, s := range b.opts.Loader.Segments {
		if err := b.uploadSegment(s); err != nil {
			return err
		}
	}
	if _, err := b.link.exchange(request{id: CmdCheckImage, want: noData}); err != nil {
		return err
	}
	_, err := b.link.exchange(request{id: CmdRunImage, want: noData})
	return err
}

func (b *Board) uploadSegment(s image.LoaderSegment) error {
	echo, err := b.link.exchange(request{id: CmdSegmentHeader, payload: s.Header, want: len(s.Header)})
	if err != nil {
		return err
	}
	if !bytes.Equal(echo, s.Header) {
		return fmt.Errorf("%w: the segment header came back as % x", ErrGarbled, echo)
	}
	for done := 0; done < len(s.Data); {
		n := min(len(s.Data)-done, maxROMData)
		if _, err := b.link.exchange(request{id: CmdSegmentData, payload: s.Data[done : done+n], want: noData}); err != nil {
			return err
		}
		done += n
		b.tell(Event{Kind: EventProgress, Stage: "loader", Done: done, Total: len(s.Data)})
	}
	return nil
}

// startLoader shakes hands with the loader at the fast rate. A loader that was
// running listens at another rate until it has heard nothing for a while.
func (b *Board) startLoader(running bool) error {
	if running {
		if err := b.link.silence(loaderSilence); err != nil {
			return err
		}
	} else {
		b.clock.Sleep(loaderStart)
	}
	if err := b.link.setBaud(b.opts.Baud); err != nil {
		return err
	}
	var err error
	for try := range 3 + retries { // the last two after a silence
		if try > retries || errors.Is(err, errFramed) {
			if err := b.link.silence(loaderSilence); err != nil {
				return err
			}
		}
		err = b.link.sync(2 * listenTime)
		if err == nil || errors.Is(err, ErrLost) {
			return err
		}
	}
	return fmt.Errorf("%w: the loader was started and is not heard at %d baud: try a lower --baud", ErrSilent, b.opts.Baud)
}
