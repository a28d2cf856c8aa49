//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"pqiot/wire"
)

// fullLine is what a line of 2,000,000 baud carries, bytes/s.
const fullLine = wire.BaudDefault / 10

// BenchmarkFullLine measures what a capture costs while a line of 2 Mbaud is
// full: share of one core, of the shipped program, as the system counts it.
// It takes ten seconds, whatever -benchtime says.
func BenchmarkFullLine(b *testing.B) {
	source := filepath.Join(b.TempDir(), "source.pcap")
	writeRadiotapPcap(b, source, someFrames(20_000, 9))
	board := startBoard(b, "--speed", "max", "--wait", "--loop", source)
	share, rate := cpuShare(b, board.port, 10*time.Second)
	b.ReportMetric(share, "%core")
	b.ReportMetric(rate/1000, "kB/s")
	b.ReportMetric(0, "ns/op")
}

// cpuShare captures for a while and gives the CPU time in percent of one core
// and the rate of the pcapng that comes out, in bytes/s.
func cpuShare(b *testing.B, port string, during time.Duration) (share, rate float64) {
	b.Helper()
	fifo := filepath.Join(b.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd, stderr := startExtcap(b, "--capture", "--extcap-interface", "pinecone", "--port", port, "--fifo", fifo)
	r, err := os.Open(fifo)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	var got counter
	go io.Copy(&got, r)
	eventually(b, "a stream", func() bool { return got.Load() > fullLine/4 })
	before, start := got.Load(), time.Now()
	cpu := cpuTime(b, cmd.Process.Pid)
	time.Sleep(during) // this is what is measured, not a wait
	cpu, took := cpuTime(b, cmd.Process.Pid)-cpu, time.Since(start)
	rate = float64(got.Load()-before) / took.Seconds()
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%v: %s", err, stderr)
	}
	return 100 * cpu.Seconds() / took.Seconds(), rate
}

// counter counts what is written to it.
type counter struct{ atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.Add(int64(len(p)))
	return len(p), nil
}

// cpuTime is what a process has used: both times of all its threads, from
// the scheduler, in nanoseconds.
func cpuTime(b *testing.B, pid int) (sum time.Duration) {
	b.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		b.Fatalf("no schedstat of process %d", pid)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		var ran, waited, slices int64
		if _, err := fmt.Sscan(string(text), &ran, &waited, &slices); err != nil {
			b.Fatalf("%s: %q", file, text)
		}
		sum += time.Duration(ran)
	}
	return sum
}

// BenchmarkLatency measures the extcap's own share of the delay: from the
// last byte of a record written to the port until its packet can be read from
// the FIFO. Frames come 10 ms apart, or each as soon as the one before was
// there: then the line is over a quarter full, and is read less often.
func BenchmarkLatency(b *testing.B) {
	b.Run("10ms", func(b *testing.B) { latency(b, 10*time.Millisecond) })
	b.Run("busy", func(b *testing.B) { latency(b, 0) })
}

func latency(b *testing.B, pause time.Duration) {
	board := newPlayedBoard(b)
	fifo := filepath.Join(b.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		b.Fatal(err)
	}
	startExtcap(b, "--capture", "--extcap-interface", "pinecone", "--port", board.port, "--fifo", fifo)
	r, err := os.Open(fifo)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	packets := make(chan time.Time)
	go packetTimes(r, packets)
	<-board.greeted // the port is open, and raw
	board.frame(b)
	<-packets // the first one has waited for the board's hello
	var delays []time.Duration
	for b.Loop() {
		time.Sleep(pause)
		sent := board.frame(b)
		delays = append(delays, (<-packets).Sub(sent))
	}
	slices.Sort(delays)
	us := func(q float64) float64 { return float64(delays[int(q*float64(len(delays)-1))]) / 1e3 }
	b.ReportMetric(us(0.5), "µs-median")
	b.ReportMetric(us(0.99), "µs-p99")
	b.ReportMetric(us(1), "µs-max")
}

// packetTimes tells when each enhanced packet block of a pcapng stream was
// there.
func packetTimes(r io.Reader, at chan<- time.Time) {
	defer close(at)
	head, body := make([]byte, 8), make([]byte, 1<<18)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			return
		}
		n := binary.NativeEndian.Uint32(head[4:])
		if _, err := io.ReadFull(r, body[:n-8]); err != nil {
			return
		}
		if binary.NativeEndian.Uint32(head) == 6 {
			at <- time.Now()
		}
	}
}

// playedBoard is a sniffer on a pseudo-terminal that this process plays: it
// answers every command and sends frames when told.
type playedBoard struct {
	port    string
	greeted chan struct{} // closed once it was asked who it is
	once    sync.Once

	mu     sync.Mutex // guards the rest
	master *os.File
	seq    uint16
	start  time.Time
}

func newPlayedBoard(b *testing.B) *playedBoard {
	b.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { master.Close(); slave.Close() })
	p := &playedBoard{port: slave.Name(), greeted: make(chan struct{}), master: master, start: time.Now()}
	go p.answer()
	return p
}

// answer says hello when asked to, and yes to everything else.
func (p *playedBoard) answer() {
	var held []byte
	chunk := make([]byte, 1024)
	for {
		n, err := p.master.Read(chunk)
		if err != nil {
			return
		}
		held = append(held, chunk[:n]...)
		for {
			cmd, n, err := wire.ParseRecord(held)
			if err != nil {
				break
			}
			held = held[n:]
			if cmd.Type == wire.TypeSayHello {
				p.send(wire.TypeHello, wire.AppendHello(nil, wire.Hello{
					Major: wire.Major, Role: wire.RoleSniffer, Channel: 6, Baud: wire.BaudDefault, Caps: 0x3F, Board: "played"}))
			}
			p.once.Do(func() { close(p.greeted) })
			p.send(wire.TypeReply, wire.AppendReply(nil, wire.Reply{Seq: cmd.Seq, Type: cmd.Type, Value: cmd.Body}))
		}
	}
}

func (p *playedBoard) send(t wire.Type, body []byte) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	rec := wire.AppendRecord(nil, wire.Record{Type: t, Seq: p.seq, Time: uint64(time.Since(p.start).Microseconds()), Body: body})
	p.seq++
	begun := time.Now() // before: the frame may be through by the time that Write returns
	p.master.Write(rec)
	return begun
}

func (p *playedBoard) frame(b *testing.B) time.Time {
	b.Helper()
	f := make([]byte, 200)
	f[0] = 0x08
	return p.send(wire.TypeFrame, wire.AppendFrame(nil, wire.Frame{Freq: 2437, RSSI: -40, Rate: 12, PHY: wire.PHYOFDM, AirLen: 200, Data: f}))
}
