// Package bl602 knows what the images for BL602 boards take of the chip, from
// the files that the SDK's build leaves behind.
package bl602

import (
	"debug/elf"
	"errors"
	"fmt"
	"path/filepath"
)

// Roles are the images, in the order of the tables.
var Roles = [...]string{"sniffer", "gateway", "sender"}

// Limits of the chip and of the partition table, bytes.
const (
	FlashSize = 0xD8000 - 0x1000 // partition FW less the boot header's 4 KB
	ITCMSize  = 16 << 10
	DTCMSize  = 48 << 10
	WiFiSize  = 40 << 10
	HeapMin   = 64 << 10 // what the Wi-Fi library and lwIP want to find at boot
)

// ErrImage is for an ELF file that lacks what every image of ours has.
var ErrImage = errors.New("not an image of this project")

// Memory is what one image takes, bytes.
type Memory struct {
	Flash   uint32 // code, constants, and the first contents of all else
	ITCM    uint32 // code that runs from fast memory
	OurITCM uint32 // of that Keccak and the arithmetic of ML-KEM
	DTCM    uint32 // stacks of the role and of interrupts
	RAM     uint32 // data and bss
	WiFi    uint32 // the radio's own
	Heap    uint32 // what is left for the SDK's allocator
}

// Path is where the build leaves a role's image, with the given extension.
func Path(build, role, ext string) string {
	return filepath.Join(build, role, "build_out", "pqiot_"+role+"_bl602"+ext)
}

// Read takes the figures from an ELF file.
func Read(path string) (Memory, error) {
	f, err := elf.Open(path)
	if err != nil {
		return Memory{}, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	var m Memory
	into := map[string][]*uint32{
		".init": {&m.Flash}, ".text": {&m.Flash}, ".sysinit.array": {&m.Flash}, ".build_id": {&m.Flash},
		".itcm": {&m.ITCM, &m.Flash}, ".dtcm": {&m.DTCM, &m.Flash}, ".data": {&m.RAM, &m.Flash},
		".dtcm_noinit": {&m.DTCM}, ".stack": {&m.DTCM}, ".bss": {&m.RAM}, ".noinit_data": {&m.RAM},
		".wifi": {&m.WiFi}, ".fw_header": nil,
	}
	for _, s := range f.Sections {
		fields, known := into[s.Name]
		if s.Flags&elf.SHF_ALLOC != 0 && !known && s.Size > 0 {
			return m, fmt.Errorf("%s: %w: section %s", path, ErrImage, s.Name)
		}
		for _, field := range fields {
			*field += uint32(s.Size)
		}
	}
	at, err := symbols(f, "pq_itcm_start", "pq_itcm_end", "__HeapBase", "__HeapLimit")
	if err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	m.OurITCM, m.Heap = at[1]-at[0], at[3]-at[2]
	return m, nil
}

// symbols gives the addresses of the names.
func symbols(f *elf.File, names ...string) ([]uint32, error) {
	all, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	out := make([]uint32, len(names))
	for i, name := range names {
		found := false
		for _, s := range all {
			if s.Name == name {
				out[i], found = uint32(s.Value), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: no symbol %s", ErrImage, name)
		}
	}
	return out, nil
}

// Header and Row make the table that firmware/README.md shows.
const Header = "| image | flash | ITCM, ours of it | DTCM | RAM | Wi-Fi RAM | heap left |\n" +
	"|---|---|---|---|---|---|---|\n"

// Row is one line of the table.
func (m Memory) Row(role string) string {
	return fmt.Sprintf("| %s | %d | %d, %d | %d | %d | %d | %d |\n",
		role, m.Flash, m.ITCM, m.OurITCM, m.DTCM, m.RAM, m.WiFi, m.Heap)
}
