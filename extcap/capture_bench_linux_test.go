package extcap

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"pqiot/wire"
)

// portLine is a serial port as the program opens it.
type portLine struct{ serial.Port }

func (portLine) Name() string      { return "pty" }
func (portLine) SetBaud(int) error { return nil }

func openLine(path string) Opener {
	return OpenerFunc(func(context.Context) (Board, error) {
		p, err := serial.Open(path, &serial.Mode{BaudRate: wire.BaudDefault})
		if err == nil {
			err = p.SetReadTimeout(100 * time.Millisecond)
		}
		return portLine{p}, err
	})
}

// ptyBoard puts a sniffer behind a pseudo-terminal and returns its path and the
// end that the board writes to.
func ptyBoard(t testing.TB, f *fakeSniffer) (path string, board *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	must(t, err)
	line, _ := f.Open(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(line, master) })
	wg.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := line.Read(buf)
			if err != nil {
				return
			}
			master.Write(buf[:n])
		}
	})
	t.Cleanup(func() {
		line.Close()
		slave.Close()
		master.Close()
		wg.Wait()
	})
	return slave.Name(), master
}

// aRecord is a frame record with n bytes of frame.
func aRecord(seq uint16, n int) []byte {
	data := append(dataFrame(0), make([]byte, n)...)[:n]
	body := wire.AppendFrame(nil, wire.Frame{Freq: 2437, RSSI: -50, PHY: wire.PHYOFDM, Rate: 108, AirLen: uint16(n), Data: data})
	return wire.AppendRecord(nil, wire.Record{Type: wire.TypeFrame, Seq: seq, Time: uint64(time.Now().UnixMicro()), Body: body})
}

// BenchmarkLatency measures from the last byte of a record on the line to its
// whole block out of the FIFO, through a pseudo-terminal: with a frame every
// ten milliseconds, and on a line that is full.
func BenchmarkLatency(b *testing.B) {
	b.Run("quiet", func(b *testing.B) { latency(b, 300, 10*time.Millisecond) })
	b.Run("full", func(b *testing.B) { latency(b, 150, 900*time.Microsecond) })
}

// latency sends a record with n bytes of frame once a period.
func latency(b *testing.B, n int, period time.Duration) {
	f := newFakeSniffer()
	path, board := ptyBoard(b, f)
	cfg := testConfig()
	cfg.FIFO = mkfifo(b, "fifo")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Capture(ctx, cfg, openLine(path)) }()
	fifo, err := os.OpenFile(cfg.FIFO, os.O_RDONLY, 0)
	must(b, err)
	defer fifo.Close()
	eventually(b, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
	records := max(b.N, 500)
	sent := make(chan time.Time, records)
	go func() {
		begin := time.Now()
		for i := range records {
			time.Sleep(time.Until(begin.Add(time.Duration(i) * period)))
			rec := aRecord(uint16(1000+i), n)
			sent <- time.Now()
			board.Write(rec)
		}
	}()
	r := bufio.NewReaderSize(fifo, 64<<10)
	var took []time.Duration
	for range records {
		for nextBlock(b, r) != blockPacket {
		}
		took = append(took, time.Since(<-sent))
	}
	cancel()
	must(b, <-done)
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "µs-median")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "µs-p99")
	b.ReportMetric(0, "ns/op")
}

func nextBlock(t testing.TB, r *bufio.Reader) uint32 {
	head, err := r.Peek(8)
	must(t, err)
	kind := binary.NativeEndian.Uint32(head)
	_, err = r.Discard(int(binary.NativeEndian.Uint32(head[4:])))
	must(t, err)
	return kind
}

// The process that BenchmarkCPUShare measures is this one, called again with
// the line's path in benchLine.
const benchLine = "PQIOT_BENCH_LINE"

func TestCaptureProcess(t *testing.T) {
	path := os.Getenv(benchLine)
	if path == "" {
		return // only a part of BenchmarkCPUShare
	}
	cfg := testConfig()
	cfg.FIFO, cfg.LogLevel = os.Getenv("PQIOT_BENCH_FIFO"), wire.LogInfo
	must(t, Capture(context.Background(), cfg, openLine(path)))
}

// BenchmarkCPUShare keeps a 2 Mbaud line full for some seconds and reports the
// share of one core that a capture process spends on it.
func BenchmarkCPUShare(b *testing.B) {
	const second = wire.BaudDefault / 10 // bytes
	for b.Loop() {
		f := newFakeSniffer()
		path, board := ptyBoard(b, f)
		fifo := mkfifo(b, "fifo")
		cmd := exec.Command(os.Args[0], "-test.run=^TestCaptureProcess$")
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1", benchLine+"="+path, "PQIOT_BENCH_FIFO="+fifo) // as the program runs
		must(b, cmd.Start())
		out, err := os.OpenFile(fifo, os.O_RDONLY, 0)
		must(b, err)
		eventually(b, "settings", func() bool { return len(f.took(wire.TypeTimeEcho)) > 0 })
		go io.Copy(io.Discard, out)
		before := cpuTime(b, cmd.Process.Pid)
		start, sent, seq := time.Now(), 0, uint16(1000)
		var queue []byte
		for time.Since(start) < 5*time.Second {
			due := int(time.Since(start).Seconds() * second)
			for len(queue) < due-sent {
				queue = append(queue, aRecord(seq, 120)...)
				seq++
			}
			n, err := board.Write(queue[:due-sent])
			must(b, err)
			queue, sent = queue[n:], sent+n
			time.Sleep(time.Millisecond)
		}
		elapsed, cpu := time.Since(start), cpuTime(b, cmd.Process.Pid)-before
		out.Close() // ends the process
		board.Write(aRecord(seq, 120))
		must(b, cmd.Wait())
		b.ReportMetric(100*cpu.Seconds()/elapsed.Seconds(), "%-of-a-core")
		b.ReportMetric(float64(sent)/1e3/elapsed.Seconds(), "kB/s")
		b.ReportMetric(0, "ns/op")
	}
}

// cpuTime is the CPU time that all threads of a process have taken.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	var ts unix.Timespec
	must(t, unix.ClockGettime(int32(^pid<<3|2), &ts)) // clock_getcpuclockid(3)
	return time.Duration(ts.Nano())
}

// BenchmarkCapture measures how much of a recorded stream a capture takes in a
// second, as bytes of the serial line.
func BenchmarkCapture(b *testing.B) {
	var stream []byte
	for seq := range 20000 {
		stream = append(stream, aRecord(uint16(seq), 300)...)
	}
	dir := b.TempDir()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		cfg := testConfig()
		cfg.FIFO = dir + "/out"
		must(b, os.WriteFile(dir+"/stream", stream, 0o600))
		must(b, Capture(context.Background(), cfg, ReplayOpener(dir+"/stream")))
	}
}
