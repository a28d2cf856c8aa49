package air

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"pqiot/wire"
)

// Heard is a frame on the air and what a receiver's radio says of it.
type Heard struct {
	Time uint64 // µs since the start
	wire.Frame
}

// Writer writes what was heard as a pcapng file with radiotap headers.
type Writer struct {
	ng    *pcapgo.NgWriter
	start time.Time
}

// NewWriter starts a file on w; start is the wall time of Heard.Time 0.
func NewWriter(w io.Writer, start time.Time) (*Writer, error) {
	ng, err := pcapgo.NewNgWriterInterface(w, pcapgo.NgInterface{
		Name: "air", LinkType: layers.LinkTypeIEEE80211Radio, TimestampResolution: 6,
	}, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "pqiot"}})
	if err != nil {
		return nil, err
	}
	return &Writer{ng, start}, nil
}

// Write adds one frame.
func (w *Writer) Write(h Heard) error {
	head, err := Radiotap(h)
	if err != nil {
		return err
	}
	data := append(head, h.Data...)
	return w.ng.WritePacket(gopacket.CaptureInfo{
		Timestamp:     w.start.Add(time.Duration(h.Time) * time.Microsecond),
		CaptureLength: len(data), Length: len(data),
	}, data)
}

// Flush must be called at the end.
func (w *Writer) Flush() error { return w.ng.Flush() }

// Pcapng gives a whole capture as the bytes of a file.
func Pcapng(heard []Heard, start time.Time) ([]byte, error) {
	var b bytes.Buffer
	w, err := NewWriter(&b, start)
	if err != nil {
		return nil, err
	}
	for _, h := range heard {
		if err := w.Write(h); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Radiotap makes the radiotap header of what was heard: TSFT, flags, channel,
// signal, and rate or MCS.
func Radiotap(h Heard) ([]byte, error) {
	r := layers.RadioTap{TSFT: h.Time, ChannelFrequency: layers.RadioTapChannelFrequency(h.Freq),
		ChannelFlags: layers.RadioTapChannelFlagsGhz2, DBMAntennaSignal: h.RSSI,
		Present: layers.RadioTapPresentTSFT | layers.RadioTapPresentFlags | layers.RadioTapPresentChannel |
			layers.RadioTapPresentDBMAntennaSignal}
	if h.Flags&wire.FrameShortPreamble != 0 {
		r.Flags |= layers.RadioTapFlagsShortPreamble
	}
	switch h.PHY {
	case wire.PHYDSSS:
		r.ChannelFlags |= layers.RadioTapChannelFlagsCCK
		r.Present |= layers.RadioTapPresentRate
		r.Rate = layers.RadioTapRate(h.Rate)
	case wire.PHYOFDM:
		r.ChannelFlags |= layers.RadioTapChannelFlagsOFDM
		r.Present |= layers.RadioTapPresentRate
		r.Rate = layers.RadioTapRate(h.Rate)
	case wire.PHYHTMixed, wire.PHYHTGreenfield:
		r.ChannelFlags |= layers.RadioTapChannelFlagsDynamic
		r.Present |= layers.RadioTapPresentMCS
		r.MCS = mcs(h)
	default:
		return nil, fmt.Errorf("PHY %d has no radiotap form", h.PHY)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := r.SerializeTo(buf, gopacket.SerializeOptions{FixLengths: true}); err != nil {
		return nil, err
	}
	return bytes.Clone(buf.Bytes()), nil
}

func mcs(h Heard) layers.RadioTapMCS {
	m := layers.RadioTapMCS{MCS: h.Rate, Known: layers.RadioTapMCSKnownMCSIndex | layers.RadioTapMCSKnownBandwidth |
		layers.RadioTapMCSKnownGuardInterval | layers.RadioTapMCSKnownHTFormat}
	if h.Flags&wire.Frame40MHz != 0 {
		m.Flags |= 1
	}
	if h.Flags&wire.FrameShortGI != 0 {
		m.Flags |= layers.RadioTapMCSFlagsShortGI
	}
	if h.PHY == wire.PHYHTGreenfield {
		m.Flags |= layers.RadioTapMCSFlagsGreenfield
	}
	return m
}
