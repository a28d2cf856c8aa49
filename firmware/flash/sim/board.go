// Package sim is a simulated BL602: its boot ROM, the loader in both of its
// generations, and NOR flash. It knows the protocol by its own numbers and
// not by those of package flash, so that each can show the other wrong.
//
// A Board is driven by time stamps alone. Line joins one to the flasher in
// virtual time; Serve (Linux) puts one behind a pseudo-terminal.
package sim

import (
	"encoding/binary"
	"time"
)

// Options say how the board behaves. The zero value is a board in boot mode
// that does everything right and at once.
type Options struct {
	Flash     []byte // contents, a power of two of bytes; nil for 2 MiB erased
	Silent    bool   // not in boot mode, and its firmware says nothing
	Chatter   bool   // not in boot mode, and its firmware talks at 2 MBd
	BootDelay time.Duration
	Surplus   bool // what is left of a handshake is parsed as a frame
	DeafFirst int  // so many handshakes find no ear
	SyncBytes int  // 0x55 that the autobaud needs; 0 for 16

	Latency   time.Duration // from a frame's last byte to the reply's first
	EraseTime time.Duration // per sector
	PageTime  time.Duration // to program 256 bytes
	HashRate  int           // bytes a second, 0 for no time at all

	OnReply  func(n int, cmd byte, reply []byte) Answer // may change the nth reply, from 0
	OnFrame  func(n int, frame []byte)                  // may damage the nth frame in place
	BadCells func(addr uint32) bool                     // programming fails there and is noticed
	Stuck    func(addr uint32) (byte, bool)             // reads back so, and nobody notices
	PDFor    time.Duration                              // an erase is pending so long before it starts
	JEDEC    []byte                                     // nil for a Winbond of the flash's size
}

// Answer is what becomes of a reply.
type Answer struct {
	Data   []byte        // nil: nothing is sent
	Delay  time.Duration // later than it should be
	Unplug bool          // the cable is pulled before it
}

type state int

const (
	romSync state = iota
	romFrame
	loaderSync
	loaderFrame
	running // firmware
)

// Times of the chip.
const (
	romWindow    = 2 * time.Second // of silence, and the ROM wants a handshake
	loaderWindow = 4 * time.Second // without a whole frame, and the loader does
	syncGap      = 5 * time.Millisecond
)

// Chunk is output of the board.
type Chunk struct {
	At   time.Duration // when the last byte has been sent
	Baud int
	Data []byte
}

// Op is one thing done to the flash.
type Op struct {
	Kind   string // erase, write, chip
	Addr   uint32
	Length int
}

// Board is the chip and its flash. It is not safe for concurrent use.
type Board struct {
	Flash    []byte
	Ops      []Op
	Unplug   bool // the cable is out
	Replies  int  // so far
	Frames   int  // whole ones received
	opts     Options
	state    state
	baud     int
	rx       []byte
	synced   int           // 0x55 in a row
	swallow  bool          // the rest of a handshake
	lastRx   time.Duration // last byte
	lastSeen time.Duration // last whole frame or handshake
	busy     time.Duration // until then
	deafTo   time.Duration
	txFree   time.Duration
	out      []Chunk
	latch    bool // a program failed
	romLoad
}

// New makes a board with its RESET just released.
func New(o Options) *Board {
	b := &Board{opts: o, Flash: o.Flash}
	if b.Flash == nil {
		b.Flash = make([]byte, 2<<20)
		for i := range b.Flash {
			b.Flash[i] = 0xFF
		}
	}
	if b.opts.SyncBytes == 0 {
		b.opts.SyncBytes = 16
	}
	if o.Silent || o.Chatter {
		b.state = running
	}
	if o.Chatter {
		b.chatter(0)
	}
	return b
}

// chatter queues some seconds of a sniffer's records.
func (b *Board) chatter(from time.Duration) {
	x := uint32(1)
	for t := from; t < from+40*time.Second; t += 5 * time.Millisecond {
		data := make([]byte, 400)
		for i := range data {
			x = x*1664525 + 1013904223
			data[i] = byte(x >> 24)
		}
		b.out = append(b.out, Chunk{t, 2000000, data})
	}
}

// Receive takes one byte that the host sent at the given rate, ending at now.
func (b *Board) Receive(now time.Duration, baud int, c byte) {
	if b.Unplug || b.state == running || now < b.deafTo {
		return
	}
	b.expire(now)
	gap := now - b.lastRx
	b.lastRx = now
	switch b.state {
	case romSync, loaderSync:
		b.handshake(now, baud, c, gap)
	case romFrame, loaderFrame:
		if baud != b.baud {
			c = c<<3 | c>>5 ^ 0xA5 // what a wrong rate makes of it
		}
		if b.swallow && c == 0x55 && gap < syncGap {
			return
		}
		b.swallow = false
		b.rx = append(b.rx, c)
		b.frame(now)
	}
}

// expire lets the windows for a frame close.
func (b *Board) expire(now time.Duration) {
	switch {
	case b.state == romFrame && now-max(b.lastRx, b.busy) > romWindow:
		b.state, b.rx, b.synced = romSync, nil, 0
	case b.state == loaderFrame && now-max(b.lastSeen, b.busy) > loaderWindow:
		b.state, b.rx, b.synced, b.latch = loaderSync, nil, 0, false
	}
}

// handshake measures the rate of 0x55 bytes.
func (b *Board) handshake(now time.Duration, baud int, c byte, gap time.Duration) {
	if gap > syncGap {
		b.synced = 0
	}
	if c != 0x55 || b.state == romSync && baud > 500000 {
		b.synced = 0
		return
	}
	if b.synced++; b.synced < b.opts.SyncBytes {
		return
	}
	b.synced = 0
	if b.opts.DeafFirst > 0 {
		b.opts.DeafFirst--
		b.deafTo = now + 20*time.Millisecond
		return
	}
	b.baud, b.swallow, b.lastSeen, b.rx = baud, !b.opts.Surplus, now, nil
	b.state++ // romFrame or loaderFrame
	b.reply(now, 0x55, []byte("OK"))
}

// frame looks whether a whole frame is there.
func (b *Board) frame(now time.Duration) {
	if len(b.rx) < 4 {
		return
	}
	limit := 4096
	if b.state == loaderFrame {
		limit = 8192 + 4
	}
	n := int(binary.LittleEndian.Uint16(b.rx[2:]))
	if n > limit {
		b.rx = b.rx[:0]
		b.fail(now, 0x55, 0x0102)
		return
	}
	if len(b.rx) < 4+n {
		return
	}
	f := b.rx
	b.rx = nil
	if b.opts.OnFrame != nil {
		b.opts.OnFrame(b.Frames, f)
	}
	b.Frames++
	now = max(now, b.busy)
	if b.state == romFrame {
		b.rom(now, f[0], f[4:])
		return
	}
	b.lastSeen = now
	var sum byte
	for _, c := range f[2:] {
		sum += c
	}
	if f[1] != 0 && f[1] != sum {
		b.fail(now, f[0], 0x0103)
		return
	}
	b.loader(now, f[0], f[4:])
}

func (b *Board) ok(now time.Duration, cmd byte) { b.reply(now, cmd, []byte("OK")) }

func (b *Board) fail(now time.Duration, cmd byte, code uint16) {
	b.reply(now, cmd, []byte{'F', 'L', byte(code), byte(code >> 8)})
}

func (b *Board) data(now time.Duration, cmd byte, d []byte) {
	r := binary.LittleEndian.AppendUint16([]byte("OK"), uint16(len(d)))
	b.reply(now, cmd, append(r, d...))
}

// reply queues an answer, or what the options make of it.
func (b *Board) reply(now time.Duration, cmd byte, r []byte) {
	a := Answer{Data: r}
	if b.opts.OnReply != nil {
		a = b.opts.OnReply(b.Replies, cmd, r)
	}
	b.Replies++
	if a.Unplug {
		b.Unplug = true
		return
	}
	if len(a.Data) == 0 {
		return
	}
	start := max(now+b.opts.Latency+a.Delay, b.txFree)
	end := start + wireTime(len(a.Data), b.baud)
	if a.Delay == 0 {
		b.txFree = end
	}
	b.out = append(b.out, Chunk{end, b.baud, a.Data})
}

// Next is when the next output is due.
func (b *Board) Next() (at time.Duration, ok bool) {
	for _, c := range b.out {
		if !ok || c.At < at {
			at, ok = c.At, true
		}
	}
	return at, ok
}

// Take removes the output that is due by now, in order of time.
func (b *Board) Take(now time.Duration) (due []Chunk) {
	for {
		at, ok := b.Next()
		if !ok || at > now {
			return due
		}
		for i, c := range b.out {
			if c.At == at {
				due = append(due, c)
				b.out = append(b.out[:i], b.out[i+1:]...)
				break
			}
		}
	}
}

// wireTime is how long n bytes take, 10 bits each.
func wireTime(n, baud int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

// Reset presses the button with the jumper at H.
func (b *Board) Reset(now time.Duration) {
	b.state, b.rx, b.out, b.synced = romSync, nil, nil, 0
	b.deafTo = now + b.opts.BootDelay
}
