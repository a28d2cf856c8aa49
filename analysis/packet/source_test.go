package packet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"testing"

	"pqiot/firmware/lab/sample"
)

type got struct {
	n    int
	err  error
	last Raw
	src  *Source
}

func readAll(t testing.TB, file []byte) got {
	t.Helper()
	s, err := Open(bytes.NewReader(file))
	if err != nil {
		return got{err: err}
	}
	g := got{src: s}
	for {
		var raw Raw
		if err := s.Next(&raw); err != nil {
			g.err = err
			return g
		}
		g.n++
		g.last = raw
		g.last.Data = bytes.Clone(raw.Data)
	}
}

// block makes a pcapng block.
func block(order binary.ByteOrder, typ uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := make([]byte, 8, 12+len(body))
	order.PutUint32(b, typ)
	order.PutUint32(b[4:], uint32(12+len(body)))
	b = append(b, body...)
	b = append(b, 0, 0, 0, 0)
	order.PutUint32(b[len(b)-4:], uint32(len(b)))
	return b
}

func section(order binary.ByteOrder) []byte {
	b := make([]byte, 16)
	order.PutUint32(b, byteOrderLE)
	order.PutUint16(b[4:], 1)
	binary.LittleEndian.PutUint64(b[8:], ^uint64(0))
	return block(order, blockSHB, b)
}

func ifaceBlock(order binary.ByteOrder, link Link, options ...byte) []byte {
	b := make([]byte, 8)
	order.PutUint16(b, uint16(link))
	return block(order, blockIDB, append(b, options...))
}

func packetBlock(order binary.ByteOrder, id uint32, ticks uint64, data []byte) []byte {
	b := make([]byte, 20)
	order.PutUint32(b, id)
	order.PutUint32(b[4:], uint32(ticks>>32))
	order.PutUint32(b[8:], uint32(ticks))
	order.PutUint32(b[12:], uint32(len(data)))
	order.PutUint32(b[16:], uint32(len(data)))
	return block(order, blockEPB, append(b, data...))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func pcap(order binary.ByteOrder, magic uint32, link Link, sec, frac uint32, data []byte) []byte {
	b := make([]byte, 40)
	order.PutUint32(b, magic)
	order.PutUint32(b[20:], uint32(link))
	order.PutUint32(b[24:], sec)
	order.PutUint32(b[28:], frac)
	order.PutUint32(b[32:], uint32(len(data)))
	order.PutUint32(b[36:], uint32(len(data)))
	return append(b, data...)
}

func TestFormats(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	data := []byte("a frame")
	const want = 1_700_000_000_123_456_000
	ticks := uint64(want / 1000)
	nano := []byte{9, 0, 1, 0, 9, 0, 0, 0}
	offset := []byte{14, 0, 8, 0, 0, 0x0F, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		name string
		file []byte
		time int64
	}{
		{"pcap", pcap(le, magicMicros, LinkDot11, want/second, 123456, data), want},
		{"pcap, other order", pcap(be, magicMicros, LinkDot11, want/second, 123456, data), want},
		{"pcap, ns", pcap(le, magicNanos, LinkDot11, want/second, 123456000, data), want},
		{"pcap, ns, other order", pcap(be, magicNanos, LinkDot11, want/second, 123456000, data), want},
		{"pcapng", join(section(le), ifaceBlock(le, LinkDot11), packetBlock(le, 0, ticks, data)), want},
		{"pcapng, other order", join(section(be), ifaceBlock(be, LinkDot11), packetBlock(be, 0, ticks, data)), want},
		{"pcapng, ns", join(section(le), ifaceBlock(le, LinkDot11, nano...), packetBlock(le, 0, want, data)), want},
		{"pcapng, powers of two", join(section(le), ifaceBlock(le, LinkDot11, 9, 0, 1, 0, 0x80|10, 0, 0, 0), packetBlock(le, 0, 3<<10|512, data)), 3_500_000_000},
		{"pcapng, offset", join(section(le), ifaceBlock(le, LinkDot11, offset...), packetBlock(le, 0, 1, data)), 0x0F00*second + 1000},
		{"pcapng, second interface", join(section(le), ifaceBlock(le, LinkEthernet), ifaceBlock(le, LinkDot11), packetBlock(le, 1, ticks, data)), want},
		{"pcapng, two sections of different order", join(section(le), ifaceBlock(le, LinkEthernet), section(be), ifaceBlock(be, LinkDot11), packetBlock(be, 0, ticks, data)), want},
		{"pcapng, simple packet", join(section(le), ifaceBlock(le, LinkDot11), block(le, blockSPB, append([]byte{7, 0, 0, 0}, data...))), 0},
		{"pcapng, unknown block before", join(section(le), ifaceBlock(le, LinkDot11), block(le, 0x0BAD, []byte("what")), packetBlock(le, 0, ticks, data)), want},
	} {
		for _, zip := range []bool{false, true} {
			file := c.file
			if zip {
				var z bytes.Buffer
				w := gzip.NewWriter(&z)
				w.Write(file)
				w.Close()
				file = z.Bytes()
			}
			g := readAll(t, file)
			if g.err != io.EOF || g.n != 1 || !bytes.Equal(g.last.Data, data) || g.last.Time != c.time || g.last.Link != LinkDot11 || g.last.Frame != 1 {
				t.Errorf("%s, gzip %v: %d packets, %+v, %v", c.name, zip, g.n, g.last, g.err)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	le := binary.LittleEndian
	head := join(section(le), ifaceBlock(le, LinkDot11))
	good := packetBlock(le, 0, 1, []byte("a frame"))
	edit := func(b []byte, at int, x uint32) []byte { b = bytes.Clone(b); le.PutUint32(b[at:], x); return b }
	for _, c := range []struct {
		name    string
		file    []byte
		packets int
		want    error
	}{
		{"empty", nil, 0, io.EOF},
		{"three bytes", []byte{1, 2, 3}, 0, ErrFormat},
		{"text", []byte("what is this"), 0, ErrFormat},
		{"gzip of nothing", []byte{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0}, 0, ErrFormat},
		{"pcap header cut", pcap(le, magicMicros, LinkDot11, 1, 1, nil)[:20], 0, ErrDamaged},
		{"pcap record claims 2 GB", edit(pcap(le, magicMicros, LinkDot11, 1, 1, nil), 32, 1<<31), 0, ErrDamaged},
		{"section claims 3 GB", edit(section(le), 4, 0xC0000000), 0, ErrDamaged},
		{"no byte order mark", edit(section(le), 8, 0), 0, ErrDamaged},
		{"block claims 3 GB", join(head, good, edit(good, 4, 0xC0000000)), 1, ErrDamaged},
		{"block claims 8 bytes", join(head, good, edit(good, 4, 8)), 1, ErrDamaged},
		{"block of 13 bytes", join(head, good, edit(good, 4, 13)), 1, ErrDamaged},
		{"two lengths", join(head, good, edit(good, len(good)-4, 16)), 1, ErrDamaged},
		{"cut in a block", join(head, good, good[:len(good)-2]), 1, ErrDamaged},
		{"cut in a block header", join(head, good, good[:5]), 1, ErrDamaged},
		{"cut after a block", join(head, good), 1, io.EOF},
		{"packet longer than its block", join(head, edit(good, 20, 1000), good), 1, io.EOF},
		{"interface that is not there", join(head, edit(good, 8, 7), good), 1, io.EOF},
		{"hostile resolution", join(section(le), ifaceBlock(le, LinkDot11, 9, 0, 1, 0, 0xFF, 0, 0, 0), good), 1, io.EOF},
		{"resolution of 10^127", join(section(le), ifaceBlock(le, LinkDot11, 9, 0, 1, 0, 0x7F, 0, 0, 0), good), 1, io.EOF},
	} {
		g := readAll(t, c.file)
		if g.n != c.packets || !errors.Is(g.err, c.want) {
			t.Errorf("%s: %d packets, %v; want %d, %v", c.name, g.n, g.err, c.packets, c.want)
		}
	}
	g := readAll(t, join(head, edit(good, 8, 7), good))
	if g.src.Counts().BadBlocks != 1 {
		t.Errorf("a block was skipped uncounted: %+v", g.src.Counts())
	}
}

// Cut at any byte, the capture gives what was whole, and says so.
func TestEveryCutOfACapture(t *testing.T) {
	whole := readAll(t, sample.Capture)
	if whole.err != io.EOF || whole.n < 200 {
		t.Fatalf("%d packets, %v", whole.n, whole.err)
	}
	before := 0
	for n := 4; n < len(sample.Capture); n += 37 {
		g := readAll(t, sample.Capture[:n])
		if g.n < before || g.n > whole.n || g.err == nil {
			t.Fatalf("cut to %d bytes: %d packets, %v", n, g.n, g.err)
		}
		before = g.n
	}
}

// A hostile file must not make the reader ask for much memory.
func TestNextDoesNotAllocate(t *testing.T) {
	le := binary.LittleEndian
	parts := [][]byte{section(le), ifaceBlock(le, LinkDot11)}
	frame := unhex(t, to+snap)
	for i := range 3000 {
		parts = append(parts, packetBlock(le, 0, uint64(i), frame))
	}
	s, err := Open(bytes.NewReader(join(parts...)))
	if err != nil {
		t.Fatal(err)
	}
	var raw Raw
	var p Packet
	d := NewDecoder()
	if err := s.Next(&raw); err != nil {
		t.Fatal(err)
	}
	d.Decode(&raw, &p)
	if n := testing.AllocsPerRun(2000, func() {
		if s.Next(&raw) == nil {
			d.Decode(&raw, &p)
		}
	}); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	le := binary.LittleEndian
	for _, size := range []int{0, 1200} {
		frame := append(unhex(b, tapHead+to+snap), make([]byte, size)...)
		parts := [][]byte{section(le), ifaceBlock(le, LinkRadiotap)}
		for i := range 20000 {
			parts = append(parts, packetBlock(le, 0, uint64(i), frame))
		}
		file := join(parts...)
		b.Run("bytes="+strconv.Itoa(len(frame)), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			packets := 0
			for b.Loop() {
				s, err := Open(bytes.NewReader(file))
				if err != nil {
					b.Fatal(err)
				}
				var raw Raw
				var p Packet
				d := NewDecoder()
				for s.Next(&raw) == nil {
					d.Decode(&raw, &p)
					packets++
				}
			}
			b.ReportMetric(float64(packets)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}

func FuzzSource(f *testing.F) {
	le := binary.LittleEndian
	f.Add(join(section(le), ifaceBlock(le, LinkDot11), packetBlock(le, 0, 1, unhex(f, to+snap))))
	f.Add(join(section(binary.BigEndian), ifaceBlock(binary.BigEndian, LinkEthernet, 9, 0, 1, 0, 6, 0, 0, 0)))
	f.Add(pcap(le, magicMicros, LinkRadiotap, 1, 1, unhex(f, tapHead+to+snap)))
	f.Add(pcap(binary.BigEndian, magicNanos, LinkCooked, 1, 1, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := Open(bytes.NewReader(file))
		if err != nil {
			return
		}
		want, wantErr := allData(bytes.NewReader(file))
		if got, err := inBatches(bytes.NewReader(file), 64); err.Error() != wantErr.Error() || !bytes.Equal(got, want) {
			t.Fatalf("in batches %d bytes, %v; else %d, %v", len(got), err, len(want), wantErr)
		}
		d := NewDecoder()
		var raw Raw
		var p Packet
		for {
			if err := s.Next(&raw); err != nil {
				return
			}
			if len(raw.Data) > len(file) {
				t.Fatalf("a packet of %d bytes from a file of %d", len(raw.Data), len(file))
			}
			d.Decode(&raw, &p)
			for d.NextMSDU(&p) {
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for link, h := range map[Link]string{
		LinkRadiotap: tapHead + to + snap, LinkEthernet: "020000000002 020000000003 8100 0005 0800" + ipv4,
		LinkCooked: "0000 0001 0006 020000000003 0000 0800" + ipv4, LinkDot11: to + snap, LinkRaw: ipv4,
	} {
		f.Add(uint16(link), unhex(f, h), uint16(0))
	}
	f.Fuzz(func(t *testing.T, link uint16, data []byte, cut uint16) {
		d := NewDecoder()
		var w Blockwise
		var p Packet
		for i := range 3 { // the same one again meets the state that it left
			d.Decode(&Raw{Data: data, Orig: len(data) + int(cut), Link: Link(link), Iface: i % 2}, &p)
			for {
				if p.Layer == LayerCoAP {
					w.Add(&p)
				}
				if !d.NextMSDU(&p) {
					break
				}
			}
			d.DecodeBody(&p, data)
		}
	})
}
