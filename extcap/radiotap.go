package extcap

import (
	"encoding/binary"

	"pqiot/wire"
)

// Bits of the radiotap presence word that we write (radiotap.org/fields).
const (
	rtTSFT    = 1 << 0
	rtFlags   = 1 << 1
	rtRate    = 1 << 2
	rtChannel = 1 << 3
	rtSignal  = 1 << 5
	rtMCS     = 1 << 19
	rtAMPDU   = 1 << 20
)

// Values of single fields.
const (
	rtFlagShortPreamble = 0x02
	rtFlagShortGI       = 0x80

	rtChanCCK     = 0x0020
	rtChanOFDM    = 0x0040
	rtChan2GHz    = 0x0080
	rtChan5GHz    = 0x0100
	rtChanDynamic = 0x0400 // CCK and OFDM on one channel

	rtMCSKnown      = 0x0F // bandwidth, index, guard interval and format are known
	rtMCS40MHz      = 0x01
	rtMCSShortGI    = 0x04
	rtMCSGreenfield = 0x08
)

// maxRadiotap is the longest header that AppendRadiotap makes, bytes.
const maxRadiotap = 36

// maxAMPDU is the longest time that one A-MPDU takes on air, µs
// (aPPDUMaxTime, IEEE 802.11-2020 table 19-25).
const maxAMPDU = 5484

// AppendRadiotap appends the radiotap header of a frame: TSFT, flags, rate or
// MCS, channel, signal and A-MPDU status, each only if the board knows it.
// tsft is the board's clock in µs; ampdu numbers the A-MPDU that the frame
// is part of and counts only where the frame is flagged so. Fields stand in
// bit order, each at a multiple of its size. The frame carries no FCS and no
// flag claims one.
func AppendRadiotap(dst []byte, tsft uint64, f wire.Frame, ampdu uint32) []byte {
	start := len(dst)
	le := binary.LittleEndian
	ht := f.PHY == wire.PHYHTMixed || f.PHY == wire.PHYHTGreenfield
	present := uint32(rtTSFT | rtFlags)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0) // version, pad, length, present: filled in below
	dst = le.AppendUint64(dst, tsft)
	dst = append(dst, radiotapFlags(f))
	if f.Rate != 0 && (f.PHY == wire.PHYDSSS || f.PHY == wire.PHYOFDM) {
		present |= rtRate
		dst = append(dst, f.Rate)
	}
	if f.Freq != 0 {
		present |= rtChannel
		dst = align(dst, start, 2)
		dst = le.AppendUint16(dst, f.Freq)
		dst = le.AppendUint16(dst, channelFlags(f))
	}
	if f.RSSI != wire.RSSIUnknown {
		present |= rtSignal
		dst = append(dst, byte(f.RSSI))
	}
	if ht {
		present |= rtMCS
		dst = append(dst, rtMCSKnown, mcsFlags(f), f.Rate)
	}
	if f.Flags&wire.FrameAMPDU != 0 {
		present |= rtAMPDU
		dst = align(dst, start, 4)
		dst = le.AppendUint32(dst, ampdu)
		dst = append(dst, 0, 0, 0, 0) // flags, delimiter CRC: not known
	}
	le.PutUint16(dst[start+2:], uint16(len(dst)-start))
	le.PutUint32(dst[start+4:], present)
	return dst
}

func align(dst []byte, start, n int) []byte {
	for (len(dst)-start)%n != 0 {
		dst = append(dst, 0)
	}
	return dst
}

func radiotapFlags(f wire.Frame) (v byte) {
	if f.Flags&wire.FrameShortPreamble != 0 {
		v |= rtFlagShortPreamble
	}
	if f.Flags&wire.FrameShortGI != 0 {
		v |= rtFlagShortGI
	}
	return v
}

func channelFlags(f wire.Frame) uint16 {
	band := uint16(rtChan2GHz)
	if f.Freq >= 4900 {
		band = rtChan5GHz
	}
	switch f.PHY {
	case wire.PHYDSSS:
		return band | rtChanCCK
	case wire.PHYOFDM, wire.PHYHTGreenfield:
		return band | rtChanOFDM
	case wire.PHYHTMixed:
		return band | rtChanDynamic
	}
	return band
}

func mcsFlags(f wire.Frame) (v byte) {
	if f.Flags&wire.Frame40MHz != 0 {
		v |= rtMCS40MHz
	}
	if f.Flags&wire.FrameShortGI != 0 {
		v |= rtMCSShortGI
	}
	if f.PHY == wire.PHYHTGreenfield {
		v |= rtMCSGreenfield
	}
	return v
}

// aggregate numbers A-MPDUs. The board says that a frame was part of one, but
// not of which, so frames count as one A-MPDU while they follow each other at
// one rate within the time that an A-MPDU may last. The BlockAck that ends an
// A-MPDU is not flagged and so starts a new number.
type aggregate struct {
	number uint32
	open   bool
	start  uint64 // µs, of the first frame
	phy    uint8
	rate   uint8
}

// next returns the number for a frame at time tsft.
func (a *aggregate) next(tsft uint64, f wire.Frame) uint32 {
	if f.Flags&wire.FrameAMPDU == 0 {
		a.open = false
		return 0
	}
	same := a.open && f.PHY == a.phy && f.Rate == a.rate && tsft-a.start <= maxAMPDU
	if !same {
		a.number++
		a.open, a.start, a.phy, a.rate = true, tsft, f.PHY, f.Rate
	}
	return a.number
}
