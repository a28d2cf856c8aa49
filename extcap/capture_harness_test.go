//go:build unix

package extcap

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"pqiot/wire"
)

// running is a capture under test with the part of Wireshark played around it.
type running struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	fifo   *os.File

	mu  sync.Mutex
	got []byte

	toBoard, fromBoard *os.File // control-in and control-out, or nil
	messages           *MessageReader
}

func testConfig() Config {
	return Config{Interface: "pinecone", Port: DefaultPort, Baud: DefaultBaud, Channel: DefaultChannel,
		Dwell: DefaultDwell, LogLevel: wire.LogDebug, Application: Application}
}

func mkfifo(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, syscall.Mkfifo(path, 0o600))
	return path
}

// start runs a capture into a named pipe that is read at once. With toolbar
// there are control pipes too.
func start(t testing.TB, cfg Config, open Opener, toolbar bool) *running {
	t.Helper()
	r := &running{t: t, done: make(chan struct{})}
	cfg.FIFO = mkfifo(t, "fifo")
	if toolbar {
		cfg.ControlIn, cfg.ControlOut = mkfifo(t, "in"), mkfifo(t, "out")
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() {
		defer close(r.done)
		r.err = Capture(ctx, cfg, open)
	}()
	var err error
	if toolbar { // in Wireshark's order: it blocks here, so control-in must come first
		r.toBoard, err = os.OpenFile(cfg.ControlIn, os.O_WRONLY, 0)
		must(t, err)
	}
	r.fifo, err = os.OpenFile(cfg.FIFO, os.O_RDONLY, 0)
	must(t, err)
	go r.read(r.fifo)
	if toolbar {
		r.fromBoard, err = os.OpenFile(cfg.ControlOut, os.O_RDONLY, 0)
		must(t, err)
		r.messages = NewMessageReader(r.fromBoard)
	}
	t.Cleanup(func() {
		r.cancel()
		r.wait()
		for _, f := range []*os.File{r.fifo, r.toBoard, r.fromBoard} {
			if f != nil {
				f.Close()
			}
		}
	})
	return r
}

func (r *running) read(f *os.File) {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		r.mu.Lock()
		r.got = append(r.got, buf[:n]...)
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (r *running) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.got)
}

// packets returns the packets that came so far.
func (r *running) packets() []block { return only(wholeBlocks(r.t, r.bytes()), blockPacket) }

// wholeBlocks reads all blocks that are there as a whole.
func wholeBlocks(t testing.TB, b []byte) []block {
	end := 0
	for end+8 <= len(b) {
		n := int(binary.NativeEndian.Uint32(b[end+4:]))
		if n < 12 || end+n > len(b) {
			break
		}
		end += n
	}
	return readBlocks(t, b[:end])
}

func (r *running) wait() error {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(30 * time.Second):
		buf := make([]byte, 1<<20)
		r.t.Fatalf("the capture does not end\n%s", buf[:runtime.Stack(buf, true)])
	}
	return r.err
}

// stop stops the capture as Wireshark does and returns everything it wrote.
func (r *running) stop() []byte {
	r.t.Helper()
	begin := time.Now()
	r.cancel()
	if err := r.wait(); err != nil {
		r.t.Errorf("Capture: %v, want a clean stop", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		r.t.Errorf("stopping took %v", took)
	}
	return r.all()
}

// all returns everything written, once the pipe is closed and drained.
func (r *running) all() []byte {
	r.t.Helper()
	last := -1
	eventually(r.t, "the end of the FIFO", func() bool {
		n := len(r.bytes())
		same := n == last
		last = n
		time.Sleep(5 * time.Millisecond)
		return same
	})
	return r.bytes()
}
