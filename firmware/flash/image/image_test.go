package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fromHex reads hex with spaces.
func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vendorTable is the vendor's default layout for 2 MiB of flash. Its CRCs,
// taken from a table that the vendor's tool wrote, are in TestTableVector.
func vendorTable() Table {
	fw := Entry{Type: 0, Name: "FW", Address: [2]uint32{0x10000, 0xD8000}, Max: [2]uint32{0xC8000, 0x88000}}
	t := Table{Entries: []Entry{fw}}
	for _, e := range []struct {
		typ        uint8
		name       string
		addr, size uint32
	}{
		{2, "mfg", 0x160000, 0x32000}, {3, "media", 0x192000, 0x57000}, {4, "PSM", 0x1E9000, 0x8000},
		{5, "KEY", 0x1F1000, 0x2000}, {6, "DATA", 0x1F3000, 0x5000}, {7, "factory", 0x1F8000, 0x7000},
	} {
		t.Entries = append(t.Entries, Entry{Type: e.typ, Name: e.name, Address: [2]uint32{e.addr}, Max: [2]uint32{e.size}})
	}
	return t
}

func TestTableVector(t *testing.T) {
	b := AppendTable(nil, vendorTable())
	got, err := ParseTable(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 272 || got.HeaderCRC != 0x12DF9A26 || got.EntriesCRC != 0x8B5001CE {
		t.Errorf("%d bytes, header CRC %08x, entries CRC %08x; want 272, 12df9a26, 8b5001ce", len(b), got.HeaderCRC, got.EntriesCRC)
	}
	if e, ok := got.Lookup("psm"); !ok || e.Address[0] != 0x1E9000 {
		t.Errorf("PSM: %v %v", e, ok)
	}
}

func TestSegmentHeaderVectors(t *testing.T) {
	for _, v := range []struct {
		hex    string
		length uint32
	}{
		{"00 00 01 22 90 71 00 00 35 7d c8 6e 93 8a 7a 6f", 29264 - 192},
		{"00 00 01 22 70 96 00 00 8b 57 4b d5 78 6c c7 ae", 38704 - 192},
	} {
		s, err := ParseSegmentHeader(fromHex(t, v.hex))
		if err != nil || s.Dest != 0x22010000 || s.Length != v.length {
			t.Errorf("%s: %+v, %v", v.hex, s, err)
		}
		if c := s.Check("header"); !c.OK {
			t.Errorf("%s: %s", v.hex, c)
		}
		if got := AppendSegmentHeader(nil, s); !bytes.Equal(got, fromHex(t, v.hex)) {
			t.Errorf("%s came back as % x", v.hex, got)
		}
	}
}

// TestClockVectors: 40 MHz crystal, PLL 160 MHz, bus divider 1, flash clock
// type 3, with the flash divider at 0 and at 1.
func TestClockVectors(t *testing.T) {
	for _, v := range []struct {
		config string
		crc    uint32
	}{{"04 04 00 01 03 00 00 00", 0x3AF273DE}, {"04 04 00 01 03 01 00 00", 0x3B3019E9}} {
		if got := crc32.ChecksumIEEE(fromHex(t, v.config)); got != v.crc {
			t.Errorf("%s: %08x, want %08x", v.config, got, v.crc)
		}
	}
}

// firmware builds a flat image at off with n bytes.
func firmware(off, n int, flags Flags) []byte {
	body := bytes.Repeat([]byte("firmware "), n/9+1)[:n]
	padded := append(bytes.Clone(body), make([]byte, -n&15)...)
	h := BootHeader{Revision: 1, Flags: FlagNoSegment | FlagCache | flags, Length: uint32(n), FlashOffset: FirmwareOffset, Hash: sha256.Sum256(padded)}
	copy(h.ClockConfig[:], []byte{4, 4, 0, 1, 3, 1})
	b := AppendBootHeader(nil, h.Sealed())
	b = append(b, bytes.Repeat([]byte{0xFF}, off-len(b))...)
	return append(b, body...)
}

func loader(flags Flags) []byte {
	data := bytes.Repeat([]byte{0x13, 0, 0, 0}, 500)
	s := SegmentHeader{Dest: 0x22010000, Length: uint32(len(data)), DataCRC: crc32.ChecksumIEEE(data)}
	s.HeaderCRC = crc32.ChecksumIEEE(AppendSegmentHeader(nil, s)[:12])
	rest := append(AppendSegmentHeader(nil, s), data...)
	h := BootHeader{Revision: 1, Flags: flags, Length: 1, Entry: 0x22010000, Hash: sha256.Sum256(rest)}
	h = h.Sealed()
	if flags&FlagCRCIgnore != 0 {
		h.CRC = ignoredCRC
	}
	return append(AppendBootHeader(nil, h), rest...)
}

func TestParseImage(t *testing.T) {
	for name, b := range map[string][]byte{
		"firmware":                firmware(FirmwareOffset, 5000, 0),
		"firmware of whole lines": firmware(FirmwareOffset, 4096, 0),
		"boot2, header disagrees": firmware(Boot2Offset, 5000, 0),
		"old loader":              loader(0),
		"new loader":              loader(FlagNoSegment | FlagCRCIgnore | FlagHashIgnore),
	} {
		m, err := ParseImage(b)
		if err == nil {
			err = m.Err()
		}
		if err != nil || m.Size > len(b) {
			t.Errorf("%s: %v (size %d of %d)", name, err, m.Size, len(b))
		}
	}
}

func TestParseImageDamaged(t *testing.T) {
	fw := firmware(FirmwareOffset, 5000, 0)
	flip := func(at int) []byte { c := bytes.Clone(fw); c[at] ^= 1; return c }
	old := loader(0)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty":               {nil, ErrMagic},
		"magic":               {flip(0), ErrMagic},
		"half a header":       {fw[:100], ErrTruncated},
		"truncated image":     {fw[:len(fw)-1], ErrTruncated},
		"header CRC":          {flip(125), ErrChecksum},
		"flash configuration": {flip(20), ErrChecksum},
		"clock configuration": {flip(105), ErrChecksum},
		"image byte":          {flip(FirmwareOffset + 77), ErrChecksum},
		"segment cut off":     {old[:len(old)-1], ErrTruncated},
		"no segment header":   {old[:BootHeaderSize+3], ErrTruncated},
	} {
		m, err := ParseImage(c.b)
		if err == nil {
			err = m.Err()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestParseLoaderEveryBit: whatever bit of an old loader is flipped, it is
// refused. In a new one that ignores its CRC, all but the unguarded header is.
func TestParseLoaderEveryBit(t *testing.T) {
	old, fresh := loader(0), loader(FlagNoSegment|FlagCRCIgnore|FlagHashIgnore)
	for _, b := range [][]byte{old, fresh} {
		if _, err := ParseLoader(b); err != nil {
			t.Fatal(err)
		}
	}
	for i := range len(old) * 8 {
		c := bytes.Clone(old)
		c[i/8] ^= 1 << (i % 8)
		if _, err := ParseLoader(c); err == nil {
			t.Errorf("old loader with bit %d of byte %d flipped was accepted", i%8, i/8)
		}
	}
	for i := BootHeaderSize * 8; i < len(fresh)*8; i++ {
		c := bytes.Clone(fresh)
		c[i/8] ^= 1 << (i % 8)
		if _, err := ParseLoader(c); err == nil {
			t.Errorf("new loader with bit %d of byte %d flipped was accepted", i%8, i/8)
		}
	}
	for name, b := range map[string][]byte{
		"firmware": firmware(FirmwareOffset, 5000, 0), "text": []byte("<html>404</html>"),
		"trailing": append(loader(0), 0), "short": old[:4000%len(old)],
	} {
		if _, err := ParseLoader(b); err == nil {
			t.Errorf("%s was accepted as a loader", name)
		}
	}
}

func TestNewest(t *testing.T) {
	mk := func(age uint32) []byte { tab := vendorTable(); tab.Age = age; return AppendTable(nil, tab) }
	bad := mk(9)
	bad[30] ^= 1
	for _, c := range []struct {
		a, b []byte
		age  uint32
		ok   bool
	}{{mk(1), mk(2), 2, true}, {mk(2), mk(1), 2, true}, {mk(3), bad, 3, true}, {bad, mk(1), 1, true}, {bad, nil, 0, false}, {mk(4), mk(4), 4, true}} {
		got, ok := Newest(c.a, c.b)
		if ok != c.ok || ok && got.Age != c.age {
			t.Errorf("age %d, %v; want %d, %v", got.Age, ok, c.age, c.ok)
		}
	}
}

const sdkConfig = `[cfg]
# 0: no erase, 1:programmed section erase, 2: chip erase
erase = 1
skip_mode = 0x0, 0x0
boot2_isp_mode = 0

[boot2]
filedir = ./build/build_out/boot2_*.bin
address = 0x000000

[partition]
filedir = ./build/build_out/partition*.bin
address = 0xE000

[FW]
filedir = ./build/build_out/helloworld_$(CHIPNAME).bin
address = @partition
`

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(sdkConfig))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Files) != 3 || c.Files[1].Address != 0xE000 || !c.Files[2].ByPartition ||
		c.Files[2].Pattern != "./build/build_out/helloworld_bl602.bin" {
		t.Errorf("%+v", c)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "build", "build_out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Files[0].Find(dir); err == nil || !strings.Contains(err.Error(), "build the project") {
		t.Errorf("nothing built: %v", err)
	}
	for i, name := range []string{"boot2_bl602_release_v8.0.7.bin", "boot2_bl602_release_v8.0.6.bin"} {
		if err := os.WriteFile(filepath.Join(out, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Files[0].Find(dir); (err == nil) != (i == 0) {
			t.Errorf("%d matching files: %v", i+1, err)
		}
	}
}

func TestParseConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "no section",
		"a=1":                          "line 1",
		"[cfg]\nerase=7":               "line 2",
		"[FW]\naddress=0x10":           "no filedir",
		"[FW]\nfiledir=x\naddress=abc": "line 3",
		"[FW":                          "line 1",
		"[FW]\nnonsense":               "line 2",
	} {
		if _, err := ParseConfig([]byte(text)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a message with %q", text, err, want)
		}
	}
}

// elfFile builds an executable with two load ranges.
func elfFile() []byte {
	b := make([]byte, elfHeaderSize+2*elfProgramSize+24)
	copy(b, "\x7fELF\x01\x01\x01")
	put := func(at int, v uint32) {
		b[at], b[at+1], b[at+2], b[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	b[18] = elfMachineRV
	put(24, 0x23000000)
	put(28, elfHeaderSize)
	b[42], b[44] = elfProgramSize, 2
	for i, r := range [][6]uint32{{1, 116, 0x23000000, 0x23000000, 16, 16}, {1, 132, 0x42020000, 0x23000010, 8, 100}} {
		for j, v := range r {
			put(elfHeaderSize+i*elfProgramSize+4*j, v)
		}
	}
	return b
}

func TestParseELF(t *testing.T) {
	f, err := ParseELF(elfFile())
	if err != nil || len(f.Loads) != 2 || f.Entry != 0x23000000 || f.Loads[1].Physical != 0x23000010 || len(f.Loads[1].Data) != 8 {
		t.Fatalf("%+v, %v", f, err)
	}
	b := elfFile()
	for n := range b {
		if _, err := ParseELF(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(b))
		}
	}
}

func TestInspect(t *testing.T) {
	damaged := AppendTable(nil, vendorTable())
	damaged[40] ^= 1
	dump := bytes.Repeat([]byte{0xFF}, 0x20000)
	copy(dump, firmware(Boot2Offset, 9000, 0))
	copy(dump[TableAddress0:], AppendTable(nil, vendorTable()))
	copy(dump[0x10000:], firmware(FirmwareOffset, 5000, 0))
	for name, c := range map[string]struct {
		b     []byte
		kind  string
		ok    bool
		parts int
	}{
		"firmware":      {firmware(FirmwareOffset, 5000, 0), KindImage, true, 0},
		"cut firmware":  {firmware(FirmwareOffset, 5000, 0)[:4500], KindImage, false, 0},
		"loader":        {loader(0), KindLoader, true, 0},
		"table":         {AppendTable(nil, vendorTable()), KindTable, true, 0},
		"damaged table": {damaged, KindTable, false, 0},
		"config":        {[]byte(sdkConfig), KindConfig, true, 0},
		"ELF":           {elfFile(), KindELF, true, 0},
		"raw":           {[]byte{1, 2, 3}, KindRaw, true, 0},
		"flash dump":    {dump, KindImage, true, 2},
	} {
		r := Inspect(c.b)
		if r.Kind != c.kind || r.OK() != c.ok || len(r.Parts) != c.parts {
			t.Errorf("%s: %s, ok %v, %d parts: %+v", name, r.Kind, r.OK(), len(r.Parts), r)
		}
	}
}
