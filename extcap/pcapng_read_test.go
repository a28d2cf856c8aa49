package extcap

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// block is one pcapng block as a test sees it.
type block struct {
	kind    uint32
	body    []byte // fixed part and captured bytes
	options map[uint16][]byte
}

// readBlocks takes a capture apart and insists on everything that dumpcap
// insists on.
func readBlocks(t testing.TB, b []byte) (blocks []block) {
	t.Helper()
	fixed := map[uint32]int{blockSection: 16, blockInterface: 8, blockPacket: 20, blockStatistics: 12}
	for at := 0; at < len(b); {
		if len(b)-at < 12 {
			t.Fatalf("%d bytes after the last block", len(b)-at)
		}
		kind, n := binary.NativeEndian.Uint32(b[at:]), int(binary.NativeEndian.Uint32(b[at+4:]))
		if n%4 != 0 || n < 12 || n > maxBlock || at+n > len(b) || binary.NativeEndian.Uint32(b[at+n-4:]) != uint32(n) {
			t.Fatalf("block of type %#x at byte %d: length %d", kind, at, n)
		}
		body := b[at+8 : at+n-4]
		split, ok := fixed[kind]
		if !ok {
			t.Fatalf("block of type %#x at byte %d", kind, at)
		}
		if kind == blockPacket {
			captured := int(binary.NativeEndian.Uint32(body[12:]))
			split += captured + -captured&3
		}
		blocks = append(blocks, block{kind, body[:split], readOptions(t, body[split:])})
		at += n
	}
	return blocks
}

func readOptions(t testing.TB, b []byte) map[uint16][]byte {
	t.Helper()
	options := map[uint16][]byte{}
	for {
		code, n := binary.NativeEndian.Uint16(b), int(binary.NativeEndian.Uint16(b[2:]))
		if code == optEnd {
			if n != 0 || len(b) != 4 {
				t.Fatalf("the options end %d bytes before the block", len(b)-4)
			}
			return options
		}
		options[code] = b[4 : 4+n]
		b = b[4+n+-n&3:]
	}
}

// captured returns the captured bytes of a packet block.
func (b block) captured() []byte { return b.body[20:][:binary.NativeEndian.Uint32(b.body[12:])] }

func (b block) origLen() int { return int(binary.NativeEndian.Uint32(b.body[16:])) }

// frame returns the captured 802.11 frame without its radiotap header.
func (b block) frame() []byte {
	c := b.captured()
	return c[binary.LittleEndian.Uint16(c[2:]):]
}

func (b block) time() time.Time { return readTime(b.body[4:]) }

func readTime(b []byte) time.Time {
	return time.UnixMicro(int64(binary.NativeEndian.Uint32(b))<<32 | int64(binary.NativeEndian.Uint32(b[4:])))
}

func (b block) count(code uint16) int64 {
	v, ok := b.options[code]
	if !ok {
		return -1
	}
	return int64(binary.NativeEndian.Uint64(v))
}

func (b block) comment() string { return string(b.options[optComment]) }

// only returns the blocks of one type.
func only(blocks []block, kind uint32) (some []block) {
	for _, b := range blocks {
		if b.kind == kind {
			some = append(some, b)
		}
	}
	return some
}

// runTool runs a Wireshark tool on a capture and fails on any complaint.
func runTool(t testing.TB, capture []byte, tool string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(path, capture, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", path)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(tool, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+t.TempDir())
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s (Debian: apt-get install tshark)", tool, err, &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.Contains(line, `Running as user "root"`) {
			t.Errorf("%s complains: %s", tool, line)
		}
	}
	return stdout.String()
}

// tsharkFields returns one line per packet, the fields parted by "|".
func tsharkFields(t testing.TB, capture []byte, fields ...string) []string {
	t.Helper()
	args := []string{"-n", "-r", "FILE", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out := strings.TrimSuffix(runTool(t, capture, "tshark", args...), "\n")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}
