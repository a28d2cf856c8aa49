//go:build linux

package test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"pqiot/wire"
)

// packet is one packet of a capture file, and the frame that the board should
// make of it.
type packet struct {
	time uint64 // µs
	data []byte // with radiotap header where the link type has one
	orig int    // length before the capture cut it, 0 = len(data)
	want wire.Frame
}

const (
	linkRadiotap = 127
	link80211    = 105
	linkEthernet = 1
)

func writePcap(o binary.AppendByteOrder, link uint32, nano bool, packets []packet) []byte {
	magic, unit := uint32(0xA1B2C3D4), uint64(1)
	if nano {
		magic, unit = 0xA1B23C4D, 1000
	}
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(o.AppendUint16(b, 2), 4)
	b = o.AppendUint64(b, 0)
	b = o.AppendUint32(o.AppendUint32(b, 65535), link)
	for _, p := range packets {
		b = o.AppendUint32(o.AppendUint32(b, uint32(p.time/1e6)), uint32(p.time%1e6*unit))
		b = o.AppendUint32(o.AppendUint32(b, uint32(len(p.data))), uint32(max(p.orig, len(p.data))))
		b = append(b, p.data...)
	}
	return b
}

// block appends a pcapng block.
func block(o binary.AppendByteOrder, dst []byte, typ uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(12 + len(body))
	dst = append(o.AppendUint32(o.AppendUint32(dst, typ), n), body...)
	return o.AppendUint32(dst, n)
}

// writePcapng writes a file with an Ethernet interface first, nanosecond
// times, and blocks that a reader has to skip.
func writePcapng(o binary.AppendByteOrder, link uint16, packets []packet) []byte {
	section := o.AppendUint32(nil, 0x1A2B3C4D)
	section = o.AppendUint16(o.AppendUint16(section, 1), 0)
	section = o.AppendUint64(section, ^uint64(0))
	b := block(o, nil, 0x0A0D0D0A, section)
	b = block(o, b, 1, o.AppendUint32(o.AppendUint16(o.AppendUint16(nil, linkEthernet), 0), 0))
	iface := o.AppendUint32(o.AppendUint16(o.AppendUint16(nil, link), 0), 0)
	iface = append(o.AppendUint16(o.AppendUint16(iface, 9), 1), 9, 0, 0, 0) // if_tsresol: ns
	b = block(o, b, 1, o.AppendUint32(iface, 0))
	b = block(o, b, 5, make([]byte, 12)) // interface statistics
	for _, p := range packets {
		t := p.time * 1000
		e := o.AppendUint32(o.AppendUint32(o.AppendUint32(nil, 1), uint32(t>>32)), uint32(t))
		e = o.AppendUint32(o.AppendUint32(e, uint32(len(p.data))), uint32(max(p.orig, len(p.data))))
		b = block(o, b, 6, append(e, p.data...))
	}
	return block(o, b, 0x0BAD, []byte("unknown block"))
}

// radiotap joins fields, which the caller has aligned, behind a header.
func radiotap(present uint32, fields ...any) []byte {
	var w bytes.Buffer
	for _, f := range fields {
		if err := binary.Write(&w, binary.LittleEndian, f); err != nil {
			panic(err)
		}
	}
	b := binary.LittleEndian.AppendUint16([]byte{0, 0}, uint16(8+w.Len()))
	return append(binary.LittleEndian.AppendUint32(b, present), w.Bytes()...)
}

// mac80211 is a data frame of n bytes, at least 24, that says which it is.
func mac80211(i, n int) []byte {
	b := make([]byte, n)
	copy(b, []byte{0x08, 0x01, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3})
	binary.LittleEndian.PutUint16(b[22:], uint16(i))
	for k := 24; k < n; k++ {
		b[k] = byte(i + k*7)
	}
	return b
}

var fcs = []byte{0xDE, 0xAD, 0xBE, 0xEF}

// traffic is n frames of all lengths, spacing µs apart, with TSFT, rate,
// channel 6, signal, and every other one with an FCS.
func traffic(n int, spacing uint64) []packet {
	packets := make([]packet, n)
	for i := range packets {
		frame := mac80211(i, 24+i*37%1500)
		tsft, rssi, flags := uint64(1<<33+i*100), int8(-30-i%60), uint8(0)
		if i%2 == 1 {
			flags = 0x10
		}
		data := append(radiotap(0x2F, tsft, flags, uint8(12), uint16(2437), uint16(0x00C0), rssi), frame...)
		if i%2 == 1 {
			data = append(data, fcs...)
		}
		packets[i] = packet{time: 1700000000e6 + uint64(i)*spacing, data: data, want: wire.Frame{
			Freq: 2437, RSSI: rssi, PHY: wire.PHYOFDM, Rate: 12, Flags: wire.FrameTSF,
			AirLen: uint16(len(frame)), Data: frame}}
	}
	return packets
}

func save(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func savePackets(t *testing.T, packets []packet) string {
	t.Helper()
	return save(t, writePcap(binary.LittleEndian, linkRadiotap, false, packets))
}
