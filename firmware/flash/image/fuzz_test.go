package image

import (
	"bytes"
	"testing"
)

func FuzzImage(f *testing.F) {
	f.Add(firmware(FirmwareOffset, 100, 0))
	f.Add(loader(0)[:400])
	f.Add(loader(FlagNoSegment | FlagCRCIgnore))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseImage(b)
		if m.Size > len(b) {
			t.Fatalf("size %d of %d bytes", m.Size, len(b))
		}
		for _, s := range m.Segments {
			if len(s.Data) != int(s.Length) || s.Offset+len(s.Data) > len(b) {
				t.Fatalf("segment %+v in %d bytes", s.SegmentHeader, len(b))
			}
		}
		if err == nil {
			if got := AppendBootHeader(nil, m.Header); !bytes.Equal(got, b[:BootHeaderSize]) {
				t.Fatalf("header % x came back as % x", b[:BootHeaderSize], got)
			}
		}
		if l, err := ParseLoader(b); err == nil && (len(l.Segments) == 0 || m.Err() != nil) {
			t.Fatalf("loader with %d segments, %v", len(l.Segments), m.Err())
		}
		Inspect(b)
	})
}

func FuzzTable(f *testing.F) {
	f.Add(AppendTable(nil, vendorTable()))
	f.Add(AppendTable(nil, Table{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		tab, err := ParseTable(b)
		if len(tab.Entries) > maxEntries {
			t.Fatal(len(tab.Entries))
		}
		if err == nil {
			again, err := ParseTable(AppendTable(nil, tab))
			if err != nil || len(again.Entries) != len(tab.Entries) {
				t.Fatalf("%+v came back as %+v, %v", tab, again, err)
			}
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(sdkConfig))
	f.Add([]byte("[cfg]\nerase=2\n[a]\nfiledir=b\naddress=1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err == nil && len(c.Files) == 0 {
			t.Fatal("no files and no error")
		}
	})
}

func FuzzELF(f *testing.F) {
	f.Add(elfFile())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _ := ParseELF(b)
		for _, l := range e.Loads {
			if len(l.Data) != int(l.FileSize) || l.FileSize > l.MemSize {
				t.Fatalf("%+v with %d bytes", l, len(l.Data))
			}
		}
	})
}
