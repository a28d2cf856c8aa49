package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"pqiot/extcap"
	"pqiot/firmware/lab"
)

// Block types of pcapng, as the extcap writes them: in the byte order of this
// machine.
const (
	blockSection    = 0x0A0D0D0A
	blockInterface  = 1
	blockStatistics = 5
	blockPacket     = 6

	packetHead     = 28     // bytes of a packet block before its data
	statisticsHead = 20     // bytes of a statistics block before its options
	maxBlock       = 262144 // bytes
	bufferSize     = 32 << 10
)

// merger reads what the extcap writes, gives it the run's time, and puts the
// consoles' lines where they belong.
type merger struct {
	line  *timeline
	truth *truthWriter
	out   *bufio.Writer
	start time.Time // of the run
	live  bool      // the extcap's times and lines are real: keep them

	consoles   *extcap.ConsoleWriter
	statistics []byte // the newest block: its place is at the end
	last       uint64 // µs, of the newest packet
	lost       int    // frames
}

func newMerger(line *timeline, truth *truthWriter, out io.Writer, start time.Time, live bool) *merger {
	m := &merger{line: line, truth: truth, out: bufio.NewWriterSize(out, bufferSize), start: start, live: live}
	m.consoles = extcap.NewConsoleWriter(m.out, 1, lab.GatewayName, lab.SenderName)
	return m
}

// run merges until the extcap ends its stream, and then writes what is left.
func (m *merger) run(from io.Reader) error {
	r := bufio.NewReaderSize(from, bufferSize)
	var buf []byte
	for {
		b, err := readBlock(r, buf)
		if errors.Is(err, io.EOF) {
			return m.finish()
		}
		if err == nil {
			err = m.block(b)
		}
		if err != nil {
			return errors.Join(err, m.finish())
		}
		buf = b
	}
}

// readBlock reads one block into buf or a larger one.
func readBlock(r io.Reader, buf []byte) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err // io.EOF between two blocks
	}
	n := int(binary.NativeEndian.Uint32(head[4:]))
	if n < 12 || n%4 != 0 || n > maxBlock {
		return nil, fmt.Errorf("pqiot-extcap wrote a block of %d bytes", n)
	}
	if cap(buf) < n {
		buf = make([]byte, n, 2*n)
	}
	buf = buf[:n]
	copy(buf, head[:])
	if _, err := io.ReadFull(r, buf[8:]); err != nil {
		return nil, fmt.Errorf("pqiot-extcap ended within a block: %w", io.ErrUnexpectedEOF)
	}
	return buf, nil
}

func (m *merger) block(b []byte) error {
	switch binary.NativeEndian.Uint32(b) {
	case blockPacket:
		return m.packet(b)
	case blockStatistics:
		if len(b) < statisticsHead+4 {
			return errors.New("pqiot-extcap wrote a statistics block that is too short")
		}
		if !m.live { // how many there are depends on how fast the computer is
			m.statistics = append(m.statistics[:0], b...)
			return nil
		}
	case blockInterface:
		if !m.live {
			_, err := m.out.Write(b)
			return errors.Join(err, m.consoles.Interfaces())
		}
	}
	_, err := m.out.Write(b)
	return err
}

// packet writes a packet of the extcap behind the lines that came before.
func (m *merger) packet(b []byte) error {
	n := maxBlock
	if len(b) >= packetHead {
		n = int(min(binary.NativeEndian.Uint32(b[20:]), maxBlock))
	}
	if len(b) < packetHead+n+4 {
		return errors.New("pqiot-extcap wrote a packet block that is too short")
	}
	if binary.NativeEndian.Uint32(b[8:]) > 0 { // a line, in real time
		return errors.Join(m.truth.line(), m.write(b))
	}
	data := b[packetHead:][:n]
	if n < 16 || int(binary.LittleEndian.Uint16(data[2:])) > n {
		return errors.New("pqiot-extcap wrote a packet without a radiotap header")
	}
	frame := data[binary.LittleEndian.Uint16(data[2:]):]
	i, err := m.find(m.line.sum(frame))
	if err != nil {
		return err
	}
	if !m.live {
		if tsft := binary.LittleEndian.Uint64(data[8:]); tsft != i.at {
			return fmt.Errorf("%w: its time is %d µs, that of the air's %d", errNotTheFrame, tsft, i.at)
		}
		putTime(b[12:], m.time(i.at))
		m.last = i.at
	}
	return errors.Join(m.truth.frame(i.truth), m.write(b))
}

// find takes items off the time line up to the frame with that sum. Frames
// before it did not make their way.
func (m *merger) find(sum uint64) (item, error) {
	for {
		i, ok := m.line.next()
		switch {
		case !ok:
			return i, errNotTheFrame
		case i.frame && i.sum == sum:
			return i, nil
		case i.frame:
			m.lost++
			m.truth.lost(i.truth)
		default:
			if err := m.console(i); err != nil {
				return i, err
			}
		}
	}
}

// console writes a line. In real time the extcap does.
func (m *merger) console(i item) error {
	if m.live {
		return nil
	}
	m.last = i.at
	return errors.Join(m.truth.line(), m.consoles.Line(i.console, m.time(i.at), i.text))
}

func (m *merger) time(us uint64) time.Time { return m.start.Add(time.Duration(us) * time.Microsecond) }

func (m *merger) write(b []byte) error {
	_, err := m.out.Write(b)
	return err
}

// finish writes the lines that are left, and the statistics with the run's
// time in the place of the computer's.
func (m *merger) finish() error {
	var errs []error
	for i, ok := m.line.next(); ok; i, ok = m.line.next() {
		if i.frame {
			m.lost++
			m.truth.lost(i.truth)
		} else {
			errs = append(errs, m.console(i))
		}
	}
	if len(m.statistics) > 0 {
		m.restamp(m.statistics)
		errs = append(errs, m.write(m.statistics))
	}
	return errors.Join(append(errs, m.out.Flush(), m.truth.flush())...)
}

// restamp gives a statistics block the time of the last packet, and its
// options isb_starttime and isb_endtime those of the run.
func (m *merger) restamp(b []byte) {
	const startTime, endTime = 2, 3
	putTime(b[12:], m.time(m.last))
	for o := b[statisticsHead : len(b)-4]; len(o) >= 4; {
		code, n := binary.NativeEndian.Uint16(o), int(binary.NativeEndian.Uint16(o[2:]))
		if len(o) < 4+n+-n&3 {
			return
		}
		switch {
		case code == startTime && n == 8:
			putTime(o[4:], m.start)
		case code == endTime && n == 8:
			putTime(o[4:], m.time(m.last))
		}
		o = o[4+n+-n&3:]
	}
}

// putTime writes a timestamp in µs, the high word first.
func putTime(b []byte, t time.Time) {
	us := uint64(t.UnixMicro())
	binary.NativeEndian.PutUint32(b, uint32(us>>32))
	binary.NativeEndian.PutUint32(b[4:], uint32(us))
}
