package flash

import (
	"fmt"
	"strings"

	"pqiot/firmware/flash/image"
)

// kept are the partitions that belong to the user and not to the firmware.
var kept = [...]string{"PSM", "KEY", "DATA"}

// Partitions reads the partition table that the board boots by; false if it
// has no valid one.
func (b *Board) Partitions() (image.Table, bool, error) {
	var copies [2][]byte
	for i, addr := range [...]uint32{image.TableAddress0, image.TableAddress1} {
		var err error
		if copies[i], err = b.read(Range{addr, image.MaxTableSize}, unseen); err != nil {
			return image.Table{}, false, err
		}
	}
	t, ok := image.Newest(copies[0], copies[1])
	return t, ok, nil
}

// TableIn finds a valid partition table among the files.
func TableIn(files []File) (image.Table, bool) {
	for _, f := range files {
		if f.Addr == image.TableAddress0 || f.Addr == image.TableAddress1 {
			if t, err := image.ParseTable(f.Data); err == nil {
				return t, true
			}
		}
	}
	return image.Table{}, false
}

// CheckFit refuses files that start a partition and are longer than it.
func CheckFit(files []File, t image.Table) error {
	for _, f := range files {
		for _, e := range t.Entries {
			for i, addr := range e.Address {
				if f.Addr == addr && e.Max[i] != 0 && uint64(len(f.Data)) > uint64(e.Max[i]) {
					return fmt.Errorf("%w: %s has %d bytes, partition %s at 0x%x holds %d", ErrNoFit, f.Name, len(f.Data), e.Name, addr, e.Max[i])
				}
			}
		}
	}
	return nil
}

// Guard refuses a range that runs from elsewhere into keys or settings. One
// that starts in such a partition names it and is let through.
func Guard(what string, r Range, t image.Table) error {
	for _, name := range kept {
		e, ok := t.Lookup(name)
		if !ok {
			continue
		}
		addr, size := e.Range()
		end := uint64(addr) + uint64(size)
		if uint64(r.Addr)+uint64(r.Length) > uint64(addr) && uint64(r.Addr) < uint64(addr) && size != 0 {
			return fmt.Errorf("%w: %s (%s) would run into partition %s (0x%06x-0x%06x)", ErrProtected, what, r, strings.ToUpper(name), addr, end-1)
		}
	}
	return nil
}
