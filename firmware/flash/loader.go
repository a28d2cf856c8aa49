package flash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// do runs one loader command that may be repeated. After a lost reply nobody
// knows whether the loader waits for the rest of a frame, so it is left alone
// until it must have given up, and shaken hands with again.
func (b *Board) do(r request) (data []byte, err error) {
	for range 1 + retries {
		if errors.Is(err, ErrTimeout) || b.clock.Now().Sub(b.link.active) > loaderIdle {
			if err := b.resync(); err != nil {
				return nil, err
			}
		}
		data, err = b.link.exchange(r)
		if err == nil || errors.Is(err, ErrLost) {
			return data, err
		}
		if !errors.Is(err, ErrTimeout) {
			if err := b.settle(err); err != nil {
				return nil, err
			}
		}
		if latched(r.id, err) {
			return nil, err
		}
	}
	return nil, err
}

// settle waits for the end of a reply that is not understood, or was not the
// command's own: an unasked FL comes before it. If the board did not
// understand the frame, it may have lost its place.
func (b *Board) settle(err error) error {
	if err := b.link.quiet(); err != nil {
		return err
	}
	var e BoardError
	if errors.As(err, &e) && (e.Code == codeLen || e.Code == codeCRC) {
		return b.link.align()
	}
	return nil
}

// latched reports a failed program. Repeating the command is of no use: the
// loader gives the same answer to every program_check until the next erase.
func latched(id Command, err error) bool {
	return (id == CmdWrite || id == CmdProgramCheck) && failedProgram(err)
}

func failedProgram(err error) bool {
	var e BoardError
	return errors.As(err, &e) && e.Code == codeWrite
}

// gone reports errors after which nothing more can be said to the board.
func gone(err error) bool {
	return errors.Is(err, ErrLost) || errors.Is(err, ErrSilent) || errors.Is(err, ErrChatter)
}

// resync shakes hands with the loader once more.
func (b *Board) resync() error {
	for range retries {
		if err := b.link.silence(loaderSilence); err != nil {
			return err
		}
		err := b.link.sync(2 * listenTime)
		if err == nil {
			err = b.link.align()
		}
		if err == nil || errors.Is(err, ErrLost) {
			return err
		}
	}
	return fmt.Errorf("%w any more: check the cable, press RESET and run the command again; what was written so far is not verified", ErrSilent)
}

// erase erases the sectors from addr on; both numbers are multiples of
// SectorSize. The command takes the LAST address: one more would erase one
// more sector.
func (b *Board) erase(addr, length uint32) error {
	_, err := b.do(request{id: CmdErase, payload: words(addr, addr+length-1), want: noData, timeout: eraseTimeout})
	return err
}

// eraseChip erases everything.
func (b *Board) eraseChip() error {
	_, err := b.do(request{id: CmdChipErase, want: noData, timeout: eraseTimeout, limit: chipTimeout})
	return err
}

// program writes at most chunkSize bytes to erased flash. The loader answers
// before it has programmed them: programCheck and the hash tell the outcome.
func (b *Board) program(addr uint32, data []byte) error {
	_, err := b.do(request{id: CmdWrite, payload: append(words(addr), data...), want: noData})
	return err
}

func (b *Board) programCheck() error {
	_, err := b.do(request{id: CmdProgramCheck, want: noData})
	return err
}

// hash is the SHA-256 of a range of the flash, computed by the board.
func (b *Board) hash(addr uint32, length int) ([sha256.Size]byte, error) {
	data, err := b.do(request{id: CmdSHA256, payload: words(addr, uint32(length)), want: sha256.Size})
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	return [sha256.Size]byte(data), nil
}

// same compares a range of the flash with data.
func (b *Board) same(addr uint32, data []byte) (bool, error) {
	got, err := b.hash(addr, len(data))
	return err == nil && got == sha256.Sum256(data), err
}

// readChunk reads at most chunkSize bytes, which no checksum guards.
func (b *Board) readChunk(addr uint32, length int) ([]byte, error) {
	return b.do(request{id: CmdRead, payload: words(addr, uint32(length)), want: length})
}

// EfuseMAC asks a running loader for the chip's MAC address.
func (b *Board) EfuseMAC() (mac [6]byte, err error) {
	data, err := b.do(request{id: CmdEfuseMAC, want: 10})
	if err != nil {
		return mac, err
	}
	if crc32.ChecksumIEEE(data[:6]) != binary.LittleEndian.Uint32(data[6:]) {
		return mac, fmt.Errorf("%w: wrong CRC of the MAC address", ErrGarbled)
	}
	return [6]byte(data[:6]), nil
}

// blank is n bytes of erased flash.
func blank(n int) []byte { return bytes.Repeat([]byte{0xFF}, n) }

func isBlank(b []byte) bool {
	for _, c := range b {
		if c != 0xFF {
			return false
		}
	}
	return true
}
