//go:build linux

// Package test drives the boards' firmware, built for this computer, from
// outside: captures and commands in, records out.
package test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"pqiot/wire"
)

const patience = 60 * time.Second // for what must happen; a loaded machine is slow

// program is the board under test; PQIOT_BOARD_SNIFFER names another build.
var program = cmp.Or(os.Getenv("PQIOT_BOARD_SNIFFER"), "../../bin/pqiot-board-sniffer")

func TestMain(m *testing.M) {
	if out, err := exec.Command("make", "-s", "-C", "..", "host").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "make host: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// counts is what the board's --stats writes; see write_stats.
type counts struct {
	Packets, Unusable, OffChannel, Heard, Passed, Filtered, Dropped uint64
	Frames, Records, UARTBytes, ToHost, IntoVoid, FromHost          uint64
	Commands, Garbage                                               uint64
}

func readCounts(t *testing.T, b []byte) counts {
	t.Helper()
	var m map[string]uint64
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("--stats: %v in %q", err, b)
	}
	c := counts{m["packets"], m["unusable"], m["off_channel"], m["heard"], m["passed"], m["filtered"],
		m["dropped"], m["frames"], m["records"], m["uart_bytes"], m["to_host"], m["into_void"],
		m["from_host"], m["commands"], m["garbage"]}
	if n := reflect.TypeOf(c).NumField(); len(m) != n {
		t.Fatalf("--stats has %d fields, %d expected: %s", len(m), n, b)
	}
	return c
}

// runBoard runs a board on stdin and stdout until it ends by itself.
func runBoard(t *testing.T, stdin []byte, args ...string) (stdout []byte, c counts) {
	t.Helper()
	stats := filepath.Join(t.TempDir(), "stats")
	var out, errs bytes.Buffer
	cmd := exec.Command(program, append([]string{"--stdio", "--end", "exit", "--stats", stats}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, errs.Bytes())
	}
	b, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), readCounts(t, b)
}

// tally is a stream read strictly: nothing between records, all of them good.
type tally struct {
	records []wire.Record
	frames  []wire.Frame
	times   []uint64 // of frames
	gaps    uint64   // records missing by sequence
	last    wire.Status
}

// read parses the stream and holds each status against what came before it.
func read(t *testing.T, b []byte) tally {
	t.Helper()
	var y tally
	seq := uint16(0)
	for len(b) > 0 {
		r, n, err := wire.ParseRecord(b)
		if err != nil {
			t.Fatalf("record %d: %v", len(y.records), err)
		}
		y.gaps += uint64(r.Seq - seq)
		seq = r.Seq + 1
		y.records = append(y.records, r)
		y.add(t, r)
		b = b[n:]
	}
	return y
}

func (y *tally) add(t *testing.T, r wire.Record) {
	t.Helper()
	switch r.Type {
	case wire.TypeFrame:
		f, err := wire.ParseFrame(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		y.frames = append(y.frames, f)
		y.times = append(y.times, r.Time)
	case wire.TypeStatus:
		s, err := wire.ParseStatus(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if uint64(s.RingDropped) != y.gaps || uint64(s.Passed) != uint64(len(y.frames))+y.gaps {
			t.Errorf("status %+v after %d frames and gaps of %d", s, len(y.frames), y.gaps)
		}
		y.last = s
	}
}

// want compares frames with what the packets should have become.
func (y *tally) want(t *testing.T, packets []packet) {
	t.Helper()
	if len(y.frames) != len(packets) {
		t.Fatalf("%d frames, %d expected", len(y.frames), len(packets))
	}
	for i, f := range y.frames {
		w := packets[i].want
		if !bytes.Equal(f.Data, w.Data) {
			t.Fatalf("frame %d: %d bytes %x, not %d bytes %x", i, len(f.Data), f.Data, len(w.Data), w.Data)
		}
		f.Data, w.Data = nil, nil
		if !reflect.DeepEqual(f, w) {
			t.Fatalf("frame %d: %+v, not %+v", i, f, w)
		}
	}
}

// board is a running one that a test talks to.
type board struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      io.Writer
	records chan wire.Record
	seq     uint16
	errs    bytes.Buffer
}

// startBoard starts a board on stdin and stdout; the end of the test ends it.
func startBoard(t *testing.T, args ...string) *board {
	t.Helper()
	b := &board{t: t, cmd: exec.Command(program, append([]string{"--stdio"}, args...)...)}
	in, err := b.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.in, b.cmd.Stderr = in, &b.errs
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.records = readRecords(out)
	t.Cleanup(b.stop)
	return b
}

// readRecords parses what comes, with resync, until the end of the stream.
func readRecords(r io.Reader) chan wire.Record {
	records := make(chan wire.Record, 1<<16)
	go func() {
		defer close(records)
		var held []byte
		buf := make([]byte, 65536)
		for {
			n, err := r.Read(buf)
			held = append(held, buf[:n]...)
			for len(held) > 0 {
				rec, n, err := wire.ParseRecord(held)
				if errors.Is(err, wire.ErrShort) {
					break
				}
				if err != nil {
					held = held[1:]
					continue
				}
				rec.Body = bytes.Clone(rec.Body)
				records <- rec
				held = held[n:]
			}
			if err != nil {
				return
			}
		}
	}()
	return records
}

// stop ends the board as init would, and checks that it goes cleanly.
func (b *board) stop() {
	if b.cmd.ProcessState != nil {
		return
	}
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		b.t.Error(err)
	}
	for range b.records { // Wait closes the pipe, so read it first
	}
	if err := b.cmd.Wait(); err != nil {
		b.t.Errorf("%v: %v\n%s", b.cmd.Args, err, b.errs.Bytes())
	}
}

// next waits for a record of that type and passes over others.
func (b *board) next(typ wire.Type) wire.Record {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case r, ok := <-b.records:
			if !ok {
				b.t.Fatalf("the board ended before a record of type %#x", typ)
			}
			if r.Type == typ {
				return r
			}
		case <-deadline:
			b.t.Fatalf("no record of type %#x", typ)
		}
	}
}

// send writes a command without waiting.
func (b *board) send(typ wire.Type, body []byte) uint16 {
	b.t.Helper()
	b.seq++
	if _, err := b.in.Write(command(b.seq, typ, body)); err != nil {
		b.t.Fatal(err)
	}
	return b.seq
}

func command(seq uint16, typ wire.Type, body []byte) []byte {
	return wire.AppendRecord(nil, wire.Record{Type: typ, Seq: seq, Body: body})
}

// do sends a command and returns the reply to it.
func (b *board) do(typ wire.Type, body []byte) wire.Reply {
	b.t.Helper()
	seq := b.send(typ, body)
	r, err := wire.ParseReply(b.next(wire.TypeReply).Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.Seq != seq || r.Type != typ {
		b.t.Fatalf("reply %+v to command %d of type %#x", r, seq, typ)
	}
	return r
}

func (b *board) hello() wire.Hello {
	b.t.Helper()
	h, err := wire.ParseHello(b.next(wire.TypeHello).Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return h
}
