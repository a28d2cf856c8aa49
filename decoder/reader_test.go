package decoder

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pqiot/wire"
)

// good is a frame record with the sequence for its content.
func good(seq uint16) []byte {
	return wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: seq, Time: 1e6 + uint64(seq),
		Body: wire.AppendFrame(nil, wire.Frame{Freq: 2437, Data: []byte{byte(seq)}})})
}

// header makes b's header CRC right again, and its record CRC wrong.
func header(b []byte, edit func([]byte)) []byte {
	edit(b)
	crc := wire.CRC16(b[:16])
	b[16], b[17] = byte(crc), byte(crc>>8)
	return b
}

// whole2 is a record of wire version 2, with both CRCs right.
func whole2() []byte {
	b := header(good(9), func(b []byte) { b[3] = 2 })
	crc := wire.CRC32(b[:len(b)-4])
	return append(b[:len(b)-4], byte(crc), byte(crc>>8), byte(crc>>16), byte(crc>>24))
}

func flipped(b []byte, at int) []byte {
	b[(at+len(b))%len(b)] ^= 4
	return b
}

const version2 = "the board speaks wire version 2, this program version 1: install matching firmware"

func TestResync(t *testing.T) {
	foreign := func() []byte { return header(good(9), func(b []byte) { b[3] = 2 }) } // bad record CRC
	for _, c := range []struct {
		name   string
		stream [][]byte
		want   []any // sequences, or errors
		count  func(Stats) uint64
		n      uint64
	}{
		{"empty", nil, nil, nil, 0},
		{"garbage alone", [][]byte{bytes.Repeat([]byte{0xC5, 0x7A, 0xC5}, 100)}, nil, func(s Stats) uint64 { return uint64(s.Skipped) }, 300},
		{"boot text before", [][]byte{[]byte("BL602 boot2 \xC5\x7A\r\n"), good(1)}, []any{1}, func(s Stats) uint64 { return uint64(s.Skipped) }, 16},
		{"sync bytes run into a record", [][]byte{{0xC5, 0xC5, 0x7A, 0xC5}, good(1)}, []any{1}, nil, 0},
		{"bad header CRC", [][]byte{good(1), flipped(good(2), 7), good(3)}, []any{1, 3}, func(s Stats) uint64 { return s.HeaderCRC }, 1},
		{"bad record CRC", [][]byte{good(1), flipped(good(2), -1), good(3)}, []any{1, 3}, func(s Stats) uint64 { return s.RecordCRC }, 1},
		{"bad body", [][]byte{good(1), flipped(good(2), wire.HeaderSize), good(3)}, []any{1, 3}, func(s Stats) uint64 { return s.RecordCRC }, 1},
		{"record cut, others follow", [][]byte{good(1), good(2)[:20], good(3), good(4)}, []any{1, 3, 4}, nil, 0},
		{"record cut at the end", [][]byte{good(1), good(2)[:25]}, []any{1}, func(s Stats) uint64 { return s.RecordCRC }, 1},
		{"header cut at the end", [][]byte{good(1), good(2)[:15]}, []any{1}, func(s Stats) uint64 { return uint64(s.Skipped) }, 15},
		{"false header over good records", [][]byte{falseHeader(60), good(1), good(2), good(3), good(4)}, []any{1, 2, 3, 4}, func(s Stats) uint64 { return s.Rescued }, 3},
		{"false header beyond the end", [][]byte{falseHeader(8000), good(1), good(2)}, []any{1, 2}, func(s Stats) uint64 { return s.Rescued }, 2},
		{"false headers in a row", [][]byte{falseHeader(8000), falseHeader(700), falseHeader(30), good(1)}, []any{1}, func(s Stats) uint64 { return s.RecordCRC }, 3},
		{"length over the limit", [][]byte{header(good(9), func(b []byte) { b[5] = 0x21 }), good(1)}, []any{1}, func(s Stats) uint64 { return s.Malformed }, 1},
		{"longest record", [][]byte{wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: 5, Body: make([]byte, wire.MaxBody)}), good(6)}, []any{5, 6}, nil, 0},

		{"another major", [][]byte{whole2(), good(1)}, []any{version2, 1}, nil, 0},
		{"another major, twice with another layout", [][]byte{foreign(), foreign(), []byte("tail")}, []any{version2}, nil, 0},
		{"another major, once at the end", [][]byte{foreign()}, []any{version2}, nil, 0},
		{"other majors by accident", [][]byte{foreign(), good(1), foreign(), good(2)}, []any{1, 2}, nil, 0},
		{"another major with a length over the limit", [][]byte{header(good(9), func(b []byte) { b[3], b[5] = 2, 0xFF }), good(1)}, []any{1}, nil, 0},
		{"hello of another major", [][]byte{good(1), wire.AppendRecord(nil, wire.Record{Type: wire.TypeHello, Seq: 2, Time: 1e6, Body: []byte{2, 9}}), good(3)}, []any{1, version2, 3}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(bytes.Join(c.stream, nil)))
			var got []any
			for _, g := range readAll(t, r) {
				if g.err != "" {
					got = append(got, g.err)
				} else {
					got = append(got, int(g.Seq))
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
			if c.count != nil && c.count(r.Stats()) != c.n {
				t.Errorf("%+v, want %d", r.Stats(), c.n)
			}
		})
	}
}

func TestVersionErrorIsNamed(t *testing.T) {
	_, err := NewReader(bytes.NewReader(whole2())).Next()
	var v wire.VersionError
	if !errors.Is(err, wire.ErrVersion) || !errors.As(err, &v) || v.Got != 2 {
		t.Errorf("%v", err)
	}
}

func TestBodies(t *testing.T) {
	b := newBoard(1)
	status := wire.Status{Heard: 9, Passed: 8, Channel: 6, Uptime: 3}
	b.emit(wire.TypeStatus, append(wire.AppendStatus(nil, status), "of a later minor"...))
	hello := wire.Hello{Major: 1, Minor: 4, Role: wire.RoleSniffer, Firmware: "2.0", Board: "PineCone"}
	b.emit(wire.TypeHello, append(wire.AppendHello(nil, hello), "more"...))
	b.emit(wire.TypeLog, []byte("\x01caf\xe9 \xff\xfe\x00"))
	b.emit(wire.TypeLog, []byte{2})
	b.emit(wire.TypeLog, nil) // no level: malformed
	b.emit(wire.TypeReply, wire.AppendReply(nil, wire.Reply{Seq: 5, Type: wire.TypeHop, Status: wire.ReplyBusy, Value: []byte{1, 2}}))
	b.raw(wire.Record{Type: wire.TypeChannel, Seq: 4711, Body: []byte{6}}) // our own, echoed by the line
	b.emit(0x33, []byte("unknown"))
	r := NewReader(bytes.NewReader(b.out))
	got := readAll(t, r)
	if len(got) != 5 {
		t.Fatalf("%d records: %+v", len(got), got)
	}
	if got[0].Status != status || got[1].Hello != hello {
		t.Errorf("%+v, %+v", got[0].Status, got[1].Hello)
	}
	if l := got[2].Log; l.Level != 1 || string(l.Text) != "caf\uFFFD \uFFFD\x00" {
		t.Errorf("log %d %q", l.Level, l.Text)
	}
	if l := got[3].Log; l.Level != 2 || len(l.Text) != 0 {
		t.Errorf("log %d %q", l.Level, l.Text)
	}
	if p := got[4].Reply; p.Seq != 5 || p.Type != wire.TypeHop || p.Status != wire.ReplyBusy || string(p.Value) != "\x01\x02" {
		t.Errorf("%+v", p)
	}
	if s := r.Stats(); s.Unknown != 2 || s.Malformed != 1 || s.Missing != 0 || s.Records != 5 || s.Skipped != 0 {
		t.Errorf("%+v", s)
	}
}

// line is a serial port: reads return what the script says, and move time on.
type line struct {
	script []any // []byte, an error, or the time that a read takes without a byte
	now    time.Time
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.script) == 0 {
		return 0, io.EOF
	}
	next := l.script[0]
	l.script = l.script[1:]
	switch v := next.(type) {
	case []byte:
		return copy(p, v), nil
	case time.Duration:
		l.now = l.now.Add(v)
		return 0, nil
	default:
		return 0, v.(error)
	}
}

func (l *line) reader() *Reader {
	r := NewReader(l)
	r.Now = func() time.Time { return l.now }
	return r
}

// TestIdleLine: a false header holds back good records only until the line
// was silent for a while; a pause inside a good record does no harm.
func TestIdleLine(t *testing.T) {
	ms := time.Millisecond
	l := &line{script: append(append([]any{append(falseHeader(3000), good(1)...), 25 * ms, good(2)}, silence(10, 25*ms)...), "never")}
	r := l.reader()
	start := l.now
	for _, seq := range []uint16{1, 2} {
		rec, err := r.Next()
		if err != nil || rec.Seq != seq || !rec.Rescued {
			t.Fatalf("%+v, %v", rec, err)
		}
		if waited := l.now.Sub(start); waited > 400*ms {
			t.Fatalf("held back for %v", waited)
		}
	}
	if len(l.script) != 1 {
		t.Errorf("%d reads left", len(l.script))
	}

	l = &line{script: []any{good(1)[:22], 200 * ms, good(1)[22:30], 200 * ms, good(1)[30:]}}
	if rec, err := l.reader().Next(); err != nil || rec.Seq != 1 || rec.Rescued {
		t.Errorf("a record with pauses: %+v, %v", rec, err)
	}
	l = &line{script: append(append([]any{good(1)[:22]}, silence(10, 30*ms)...), good(2))}
	if rec, err := l.reader().Next(); err != nil || rec.Seq != 2 {
		t.Errorf("a record given up: %+v, %v", rec, err)
	}
	l = &line{script: []any{good(1)[:22], time.Hour, 25 * ms, good(1)[22:]}}
	if rec, err := l.reader().Next(); err != nil || rec.Seq != 1 || rec.Rescued {
		t.Errorf("a record over which the computer stood still: %+v, %v", rec, err)
	}
	l = &line{script: []any{time.Hour, good(1)[:22], good(1)[22:]}}
	if rec, err := l.reader().Next(); err != nil || rec.Seq != 1 {
		t.Errorf("a record after a long silence: %+v, %v", rec, err)
	}
}

// silence is n reads of d each that give nothing.
func silence(n int, d time.Duration) (script []any) {
	for range n {
		script = append(script, d)
	}
	return script
}

// TestTimeoutErrors: an error that is a time-out does not end the stream.
func TestTimeoutErrors(t *testing.T) {
	l := &line{script: []any{good(1)[:20], os.ErrDeadlineExceeded, good(1)[20:], os.ErrDeadlineExceeded,
		falseHeader(100), good(2), os.ErrDeadlineExceeded, 300 * time.Millisecond, io.ErrUnexpectedEOF, good(3)}}
	r := l.reader()
	var got []string
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, string('0'+rune(rec.Seq)))
	}
	want := "i/o timeout,1,i/o timeout,i/o timeout,2,unexpected EOF,3"
	if s := strings.Join(got, ","); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// TestEmptyReadsDoNotSpin: a stream that never waits costs no core.
func TestEmptyReadsDoNotSpin(t *testing.T) {
	script := []any{}
	for range 30 {
		script = append(script, time.Duration(0))
	}
	l := &line{script: append(script, good(1))}
	start := time.Now()
	if rec, err := l.reader().Next(); err != nil || rec.Seq != 1 {
		t.Fatalf("%+v, %v", rec, err)
	}
	if took := time.Since(start); took < 25*time.Millisecond {
		t.Errorf("30 empty reads took %v", took)
	}
}

func TestArrivedAndOffset(t *testing.T) {
	l := &line{now: time.Unix(100, 0), script: []any{[]byte("xyz"), append(good(1), good(2)[:20]...), 10 * time.Millisecond, good(2)[20:]}}
	r := l.reader()
	for _, want := range []struct {
		offset int64
		ms     int64
	}{{3, 100_000}, {3 + int64(len(good(1))), 100_010}} {
		rec, err := r.Next()
		if err != nil || rec.Offset != want.offset || rec.Arrived.UnixMilli() != want.ms {
			t.Errorf("%+v, %v; want %+v", rec, err, want)
		}
	}
}

// TestStatsWhileReading is for the race detector.
func TestStatsWhileReading(t *testing.T) {
	b := newBoard(3)
	for range 2000 {
		b.any()
	}
	r := NewReader(bytes.NewReader(b.out))
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		var last Stats
		for {
			s := r.Stats()
			if s.Records < last.Records || s.Bytes < last.Bytes || s.Frames > s.Records {
				t.Errorf("%+v after %+v", s, last)
			}
			last = s
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for n := uint64(1); ; n++ {
		if _, err := r.Next(); err != nil {
			break
		}
		if s := r.Stats(); s.Records != n {
			t.Errorf("%d records counted, %d returned", s.Records, n)
		}
	}
	close(done)
	wg.Wait()
}

// TestNoAllocations holds what the benchmark shows.
func TestNoAllocations(t *testing.T) {
	b := newBoard(1)
	for range 100 {
		b.frame(300)
	}
	r := NewReader(&loop{b: b.out})
	if n := testing.AllocsPerRun(2000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
