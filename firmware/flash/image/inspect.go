package image

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Kinds of files that Inspect tells apart.
const (
	KindImage  = "boot image"
	KindLoader = "eflash_loader"
	KindTable  = "partition table"
	KindELF    = "ELF executable"
	KindConfig = ConfigName
	KindRaw    = "raw data"
)

// Report is all that is known about a file.
type Report struct {
	Kind   string   `json:"kind"`
	Offset int      `json:"offset"` // in the file
	Size   int      `json:"size"`   // bytes
	SHA256 string   `json:"sha256"`
	Fields []Field  `json:"fields,omitempty"`
	Checks []Check  `json:"checks,omitempty"`
	Error  string   `json:"error,omitempty"` // why the rest could not be read
	Parts  []Report `json:"parts,omitempty"` // what else lies in a dump of the flash
}

// Field is one value in words.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// OK reports whether the file was read to its end and every checksum holds.
func (r Report) OK() bool {
	for _, p := range r.Parts {
		if !p.OK() {
			return false
		}
	}
	return r.Error == "" && firstWrong(r.Checks) == nil
}

// Inspect reads whatever b is. Unknown content is raw data, which is no error.
func Inspect(b []byte) Report {
	r := inspectOne(b, 0)
	if r.Kind != KindImage && r.Kind != KindRaw {
		return r
	}
	// A dump of the whole flash holds more at the usual places.
	for _, at := range []int{TableAddress0, TableAddress1, 0x10000} {
		if at < len(b) && (hasMagic(b[at:], tableMagic) || hasMagic(b[at:], bootMagic)) {
			r.Parts = append(r.Parts, inspectOne(b[at:], at))
		}
	}
	return r
}

func hasMagic(b []byte, magic string) bool { return bytes.HasPrefix(b, []byte(magic)) }

func inspectOne(b []byte, at int) Report {
	r := Report{Kind: KindRaw, Offset: at, Size: len(b), SHA256: fmt.Sprintf("%x", sha256.Sum256(b))}
	var err error
	switch {
	case hasMagic(b, bootMagic):
		err = r.image(b)
	case hasMagic(b, tableMagic):
		err = r.table(b)
	case IsELF(b):
		err = r.elf(b)
	case looksLikeConfig(b):
		err = r.config(b)
	}
	// A wrong checksum stands among the checks already.
	if err != nil && !errors.Is(err, ErrChecksum) {
		r.Error = err.Error()
	}
	return r
}

func (r *Report) add(name, format string, args ...any) {
	r.Fields = append(r.Fields, Field{name, fmt.Sprintf(format, args...)})
}

func (r *Report) image(b []byte) error {
	m, err := ParseImage(b)
	r.Kind, r.Checks = KindImage, m.Checks
	if _, lerr := ParseLoader(b); lerr == nil {
		r.Kind = KindLoader
	}
	if len(r.Checks) == 0 {
		return err
	}
	h := m.Header
	r.add("revision", "%d", h.Revision)
	r.add("crystal", "%s", crystal(h.ClockConfig[0]))
	r.add("clock", "%s", pll(h.ClockConfig[1]))
	r.add("signature", "%s", noneOr(h.Flags.Sign(), "ECC"))
	r.add("encryption", "%s", noneOr(h.Flags.Encrypt(), "AES-128", "AES-256", "AES-192"))
	r.add("key slot", "%d", h.Flags.KeySel())
	r.add("boot flags", "0x%08x%s", uint32(h.Flags), flagNames(h.Flags))
	if h.Segmented() {
		r.add("segments", "%d", h.Length)
	} else {
		r.add("image", "%d bytes at 0x%x of the file", h.Length, m.Offset)
	}
	r.add("entry", "0x%08x", h.Entry)
	r.add("flash offset", "0x%x", h.FlashOffset)
	for i, s := range m.Segments {
		r.add(fmt.Sprintf("segment %d", i), "%d bytes for 0x%08x", s.Length, s.Dest)
	}
	return err
}

func (r *Report) table(b []byte) error {
	t, err := ParseTable(b)
	r.Kind, r.Checks = KindTable, t.Checks
	r.add("version", "%d", t.Version)
	r.add("age", "%d", t.Age)
	for _, e := range t.Entries {
		r.add("partition "+printable([]byte(e.Name)), "%s", e)
	}
	return err
}

// String shows the active copy first.
func (e Entry) String() string {
	addr, size := e.Range()
	s := fmt.Sprintf("type %d, 0x%06x (0x%x bytes)", e.Type, addr, size)
	if other := 1 - min(e.Active, 1); e.Max[other] != 0 {
		s += fmt.Sprintf(", other copy 0x%06x (0x%x bytes)", e.Address[other], e.Max[other])
	}
	if e.Length != 0 {
		s += fmt.Sprintf(", %d bytes in use", e.Length)
	}
	return s
}

func (r *Report) elf(b []byte) error {
	f, err := ParseELF(b)
	r.Kind = KindELF
	r.add("entry", "0x%08x", f.Entry)
	for i, l := range f.Loads {
		r.add(fmt.Sprintf("load %d", i), "%d bytes to 0x%08x (runs at 0x%08x, %d bytes in memory, %s)",
			l.FileSize, l.Physical, l.Virtual, l.MemSize, permissions(l.Flags))
	}
	return err
}

// looksLikeConfig tells an ini file by a [section] before any other text.
func looksLikeConfig(b []byte) bool {
	if len(b) > 1<<16 || bytes.IndexByte(b, 0) >= 0 {
		return false
	}
	for line := range bytes.Lines(b) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != ';' {
			return line[0] == '[' && bytes.HasSuffix(line, []byte("]"))
		}
	}
	return false
}

func (r *Report) config(b []byte) error {
	c, err := ParseConfig(b)
	r.Kind = KindConfig
	r.add("erase", "%d", c.Erase)
	for _, f := range c.Files {
		at := fmt.Sprintf("0x%06x", f.Address)
		if f.ByPartition {
			at = "partition " + f.Name
		}
		r.add("file "+f.Name, "%s at %s", f.Pattern, at)
	}
	return err
}
