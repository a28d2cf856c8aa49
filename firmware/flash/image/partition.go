package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// Layout of a partition table, bytes.
const (
	tableMagic      = "BFPT"
	tableHeaderSize = 16
	entrySize       = 36
	maxEntries      = 16
	MaxTableSize    = tableHeaderSize + maxEntries*entrySize + 4
)

// The two copies of the table in flash.
const (
	TableAddress0 = 0xE000
	TableAddress1 = 0xF000
)

// Table is a partition table.
type Table struct {
	Version    uint16
	Age        uint32 // the valid copy with the higher age wins
	HeaderCRC  uint32 // of bytes 0 to 11
	Entries    []Entry
	EntriesCRC uint32
	Checks     []Check
}

// Entry is one partition.
type Entry struct {
	Type    uint8
	Device  uint8
	Active  uint8 // which of the two addresses is in use: 0 or 1
	Name    string
	Address [2]uint32 // in flash; the second 0 where there is none
	Max     [2]uint32 // bytes
	Length  uint32    // bytes in use, 0 if not kept
	Age     uint32
}

// Range is the active copy's address and greatest length.
func (e Entry) Range() (addr, size uint32) {
	i := min(e.Active, 1)
	return e.Address[i], e.Max[i]
}

// ParseTable reads a partition table from the start of b. Errors are ErrMagic,
// ErrTruncated, ErrFormat and ErrChecksum; with the last one the table is
// there all the same.
func ParseTable(b []byte) (Table, error) {
	if len(b) < 4 || string(b[:4]) != tableMagic {
		return Table{}, fmt.Errorf("partition table: %w, not BFPT", ErrMagic)
	}
	if len(b) < tableHeaderSize {
		return Table{}, fmt.Errorf("partition table: %w: %d of %d header bytes", ErrTruncated, len(b), tableHeaderSize)
	}
	le := binary.LittleEndian
	t := Table{Version: le.Uint16(b[4:]), Age: le.Uint32(b[8:]), HeaderCRC: le.Uint32(b[12:])}
	t.Checks = append(t.Checks, crcCheck("table header CRC", t.HeaderCRC, b[:12]))
	n := int(le.Uint16(b[6:]))
	if t.Version != 0 || n > maxEntries {
		return t, fmt.Errorf("partition table: %w: version %d with %d entries, version 0 with at most %d is known", ErrFormat, t.Version, n, maxEntries)
	}
	end := tableHeaderSize + n*entrySize
	if len(b) < end+4 {
		return t, fmt.Errorf("partition table: %w: %d of %d bytes", ErrTruncated, len(b), end+4)
	}
	for e := b[tableHeaderSize:end]; len(e) > 0; e = e[entrySize:] {
		t.Entries = append(t.Entries, parseEntry(e))
	}
	t.EntriesCRC = le.Uint32(b[end:])
	t.Checks = append(t.Checks, crcCheck("table entries CRC", t.EntriesCRC, b[tableHeaderSize:end]))
	if err := firstWrong(t.Checks); err != nil {
		return t, fmt.Errorf("partition table: %w", err)
	}
	return t, nil
}

func parseEntry(b []byte) Entry {
	u := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	name, _, _ := bytes.Cut(b[3:12], []byte{0})
	return Entry{
		Type: b[0], Device: b[1], Active: b[2], Name: string(name),
		Address: [2]uint32{u(12), u(16)}, Max: [2]uint32{u(20), u(24)},
		Length: u(28), Age: u(32),
	}
}

// AppendTable appends t with both CRCs computed. Names are cut at 8 bytes, as
// a ninth must be zero, and entries at 16.
func AppendTable(b []byte, t Table) []byte {
	le, start := binary.LittleEndian, len(b)
	entries := t.Entries[:min(len(t.Entries), maxEntries)]
	b = append(b, tableMagic...)
	b = le.AppendUint16(b, t.Version)
	b = le.AppendUint16(b, uint16(len(entries)))
	b = le.AppendUint32(b, t.Age)
	b = le.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
	body := len(b)
	for _, e := range entries {
		var name [9]byte
		copy(name[:8], e.Name)
		b = append(append(b, e.Type, e.Device, e.Active), name[:]...)
		for _, v := range [...]uint32{e.Address[0], e.Address[1], e.Max[0], e.Max[1], e.Length, e.Age} {
			b = le.AppendUint32(b, v)
		}
	}
	return le.AppendUint32(b, crc32.ChecksumIEEE(b[body:]))
}

// Lookup finds a partition by name, whatever its case.
func (t Table) Lookup(name string) (Entry, bool) {
	for _, e := range t.Entries {
		if strings.EqualFold(e.Name, name) {
			return e, true
		}
	}
	return Entry{}, false
}

// Names lists the partitions.
func (t Table) Names() string {
	var names []string
	for _, e := range t.Entries {
		names = append(names, e.Name)
	}
	return strings.Join(names, ", ")
}

// Newest picks the table that the chip would use out of the two copies in
// flash: the valid one, or the one of higher age if both are valid.
func Newest(copy0, copy1 []byte) (Table, bool) {
	a, errA := ParseTable(copy0)
	b, errB := ParseTable(copy1)
	if errA != nil || errB == nil && b.Age > a.Age {
		return b, errB == nil
	}
	return a, true
}
