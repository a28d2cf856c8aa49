package extcap

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"pqiot/wire"
)

// fakeSniffer is a sniffer board on the other end of a line, good or bad as
// the test wants it.
type fakeSniffer struct {
	name   string
	hello  wire.Hello
	mute   bool                               // answers nothing
	refuse map[wire.Type]uint8                // reply status of commands that it refuses
	alter  func(t wire.Type, v []byte) []byte // value in force, when not the one commanded
	noise  []byte                             // sent at once after plugging in

	mu       sync.Mutex
	line     *fakeLine // nil: unplugged
	absent   bool      // not to be opened
	seq      uint16
	start    time.Time
	values   map[wire.Type][]byte // in force, by command
	commands []wire.Record
	status   wire.Status
	opened   int
}

func newFakeSniffer() *fakeSniffer {
	return &fakeSniffer{
		name: "/dev/ttyFAKE0", start: time.Now(),
		hello: wire.Hello{Major: wire.Major, Role: wire.RoleSniffer, Channel: 6, Caps: 0x3F, MAC: wire.MAC{10, 11, 12, 13, 14, 15},
			Baud: wire.BaudDefault, RingSize: 65536, Firmware: "1.2.3", Board: "PineCone sniffer"},
		values: map[wire.Type][]byte{wire.TypeChannel: {6}, wire.TypeHop: {0, 0, 0}, wire.TypeSnapLen: {0, 0}, wire.TypeFilter: {7, 0, 0}},
	}
}

// Open plugs the line in.
func (f *fakeSniffer) Open(context.Context) (Board, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.absent {
		return nil, fmt.Errorf("%s: %w", f.name, ErrGone)
	}
	f.opened++
	f.line = &fakeLine{board: f, more: make(chan struct{}, 1), bauds: f.hello.Baud}
	f.line.data = append(f.line.data, f.noise...)
	signal(f.line.more)
	return f.line, nil
}

// unplug pulls the line; it stays away until plug.
func (f *fakeSniffer) unplug() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.absent = true
	if f.line != nil {
		f.line.fail(syscall.EIO)
		f.line = nil
	}
}

func (f *fakeSniffer) plug() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.absent = false
}

// reboot restarts the board without touching the line.
func (f *fakeSniffer) reboot() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restart()
	if f.line != nil {
		f.sendLocked(wire.TypeHello, wire.AppendHello(nil, f.hello))
	}
}

func (f *fakeSniffer) restart() {
	f.seq, f.start, f.status = 0, time.Now(), wire.Status{}
	f.values[wire.TypeFilter] = []byte{7, 0, 0}
}

// send makes a record and sends it, unless the line is away: then it is lost.
func (f *fakeSniffer) send(t wire.Type, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sendLocked(t, body)
}

func (f *fakeSniffer) sendLocked(t wire.Type, body []byte) {
	rec := wire.AppendRecord(nil, wire.Record{Type: t, Seq: f.seq, Time: uint64(time.Since(f.start).Microseconds()), Body: body})
	f.seq++
	if f.line != nil {
		f.line.put(rec)
	}
}

// frame sends a frame; the board's counters follow.
func (f *fakeSniffer) frame(data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Heard++
	f.status.Passed++
	fr := wire.Frame{Freq: channelFreq(f.values[wire.TypeChannel][0]), RSSI: -50, PHY: wire.PHYDSSS, Rate: 2, AirLen: uint16(len(data)), Data: data}
	f.sendLocked(wire.TypeFrame, wire.AppendFrame(nil, fr))
}

// drop has the board drop n frames for want of room.
func (f *fakeSniffer) drop(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Heard += uint32(n)
	f.status.Passed += uint32(n)
	f.status.RingDropped += uint32(n)
	f.seq += uint16(n)
}

// takeSeq numbers a frame that the board heard and that raw sends damaged.
func (f *fakeSniffer) takeSeq() uint16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Heard++
	f.status.Passed++
	f.seq++
	return f.seq - 1
}

func (f *fakeSniffer) raw(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line.put(b)
}

// openAt opens the line at a rate that need not be the board's.
func (f *fakeSniffer) openAt(baud int) func(context.Context) (Board, error) {
	return func(ctx context.Context) (Board, error) {
		b, err := f.Open(ctx)
		if err == nil {
			b.SetBaud(baud)
		}
		return b, err
	}
}

func (f *fakeSniffer) sendStatus() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sendLocked(wire.TypeStatus, wire.AppendStatus(nil, f.statusLocked()))
}

func (f *fakeSniffer) statusLocked() wire.Status {
	s := f.status
	s.Channel = f.values[wire.TypeChannel][0]
	if f.values[wire.TypeHop][2] != 0 {
		s.Flags |= wire.StatusHopping
	}
	return s
}

// command does what the host asks.
func (f *fakeSniffer) command(rec wire.Record) {
	rec.Body = slices.Clone(rec.Body)
	f.commands = append(f.commands, rec)
	if f.mute {
		return
	}
	status := f.refuse[rec.Type]
	if _, held := f.values[rec.Type]; held && status == 0 {
		f.values[rec.Type] = rec.Body
		if f.alter != nil {
			f.values[rec.Type] = f.alter(rec.Type, rec.Body)
		}
	}
	value := f.values[rec.Type]
	if value == nil {
		value = rec.Body
	}
	switch rec.Type {
	case wire.TypeSayHello:
		h := f.hello
		h.Channel = f.values[wire.TypeChannel][0]
		f.sendLocked(wire.TypeHello, wire.AppendHello(nil, h))
	case wire.TypeStatusNow:
		f.sendLocked(wire.TypeStatus, wire.AppendStatus(nil, f.statusLocked()))
	}
	f.sendLocked(wire.TypeReply, wire.AppendReply(nil, wire.Reply{Seq: rec.Seq, Type: rec.Type, Status: status, Value: value}))
	if rec.Type == wire.TypeBaud && status == 0 {
		f.hello.Baud = binary.LittleEndian.Uint32(rec.Body)
	}
}

// took returns the bodies of the commands of one type, in order.
func (f *fakeSniffer) took(t wire.Type) (bodies [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.commands {
		if c.Type == t {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies
}

// fakeLine is the host's end of the line. At another baud than the board's
// nothing comes through but garbage.
type fakeLine struct {
	board *fakeSniffer
	more  chan struct{}

	mu    sync.Mutex
	data  []byte
	err   error
	in    []byte
	bauds uint32
}

func (l *fakeLine) Name() string { return l.board.name }

func (l *fakeLine) put(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bauds != l.board.hello.Baud {
		b = make([]byte, len(b)/2)
	}
	l.data = append(l.data, b...)
	signal(l.more)
}

func (l *fakeLine) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	signal(l.more)
}

func (l *fakeLine) Read(p []byte) (int, error) {
	deadline := time.After(20 * time.Millisecond)
	for {
		l.mu.Lock()
		n := copy(p, l.data)
		l.data = l.data[n:]
		err := l.err
		l.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			signal(l.more)
			return 0, err
		}
		select {
		case <-l.more:
		case <-deadline:
			return 0, nil // as a serial port's time-out
		}
	}
}

func (l *fakeLine) Write(p []byte) (int, error) {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	l.mu.Lock()
	err, right := l.err, l.bauds == l.board.hello.Baud
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if right {
		l.in = append(l.in, p...)
	}
	for {
		rec, n, err := wire.ParseRecord(l.in)
		if err != nil {
			return len(p), nil
		}
		l.board.command(rec)
		l.in = l.in[n:]
	}
}

func (l *fakeLine) SetBaud(baud int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bauds = uint32(baud)
	return nil
}

func (l *fakeLine) Close() error {
	l.fail(syscall.EBADF)
	return nil
}

// beacon and dataFrame are frames of a management and a data type.
func beacon() []byte { return append([]byte{0x80, 0, 0, 0}, make([]byte, 32)...) }

func dataFrame(n int) []byte {
	f := append([]byte{0x08, 0, 0, 0}, make([]byte, 24)...)
	return binary.LittleEndian.AppendUint32(f, uint32(n))
}

// eventually waits for a condition, long enough for a machine under load.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatalf("waited 30 s for: %s", what)
		}
	}
}
