package bl602

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// roleStack is ROLE_STACK of port/bl602/main.c, bytes.
const roleStack = 4096 * 4

// Where calls through pointers lead, and what to allow outside of our code:
// mbedTLS was measured on the emulator at no more than 600 bytes; the longest of
// the SDK's chains, a datagram from lwIP down to the radio's queue, has frames of
// less than 1,000 bytes.
//
// A static function in it bears its file's name.
var pointers = map[string][]string{
	"node.c:handle_line": {"gateway.c:show", "sender.c:send"},
	"pq_command":         {}, // every do_…, see newGraph
	"pq_sniffer_command": {}, // likewise every handler
	"pq_gateway_tell":    {"gateway.c:on_event"},
	"pq_sender_emit":     {"sender.c:on_event"},
	"pq_sender_timing":   {"sender.c:on_event"},
	"pq_sender_fail":     {"sender.c:on_event"},
	"pq_sender_done":     {"sender.c:on_event"},
	"pq_sender_receive":  {"sender.c:on_event"},
	"pq_kem_keypair":     {"pq_port_random"},
	"pq_kem_encaps":      {"pq_sender_random"},
}

func outside(name string) int {
	switch {
	case strings.HasPrefix(name, "mbedtls_"):
		return 1024
	case strings.HasPrefix(name, "pq_port_"):
		return 2048
	case strings.Contains(name, ".c:"):
		return 0 // of the other role
	}
	return 128 // memcpy and the like
}

// rv32 compiles with the flags that the SDK's build has for our files.
func rv32(t *testing.T, dir, source string, extra ...string) string {
	t.Helper()
	object := filepath.Join(dir, strings.TrimSuffix(filepath.Base(source), ".c")+".o")
	args := append([]string{"--specs=picolibc.specs", "-march=rv32imafc", "-mabi=ilp32f", "-std=gnu11",
		"-O2", "-fno-schedule-insns", "-fshort-enums", "-DPQ_KEM_ONLY=512", "-I../../core", "-I../../port",
		"-I../../roles/node", "-I../../roles/gateway", "-I../../roles/sender", "-I../../roles/sniffer",
		"-idirafter", "/usr/include", "-c", source, "-o", object}, extra...)
	if out, err := exec.Command("riscv64-unknown-elf-gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", source, err, out)
	}
	return object
}

// compileAll leaves a .ci file of each of our sources in the folder it returns.
func compileAll(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"../../core/*.c", "../../roles/*/*.c", "../../port/mbedtls/*.c"} {
		sources, err := filepath.Glob(pattern)
		if err != nil || len(sources) == 0 {
			t.Fatalf("%s: no sources (%v)", pattern, err)
		}
		for _, source := range sources {
			rv32(t, dir, source, "-fcallgraph-info=su")
		}
	}
	return dir
}

// newGraph reads them all but those of the other roles.
func newGraph(t *testing.T, dir, role string) *Graph {
	t.Helper()
	g := &Graph{Pointers: maps.Clone(pointers), Outside: outside}
	files, err := filepath.Glob(filepath.Join(dir, "*.ci"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		of := strings.TrimSuffix(filepath.Base(file), ".ci")
		if of != role && slices.Contains(Roles[:], of) {
			continue
		}
		if err := g.Add(strings.NewReader(read(t, file))); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	for name := range g.frames {
		switch {
		case strings.HasPrefix(name, "pq_command.c:do_"):
			g.Pointers["pq_command"] = append(g.Pointers["pq_command"], name)
		case strings.HasPrefix(name, "pq_sniffer_command.c:"):
			g.Pointers["pq_sniffer_command"] = append(g.Pointers["pq_sniffer_command"], name)
		}
	}
	return g
}

// TestStack: the deepest chain of calls in each role, with what its end outside
// of our code is allowed, takes at most half of the task's stack, and the README says how much.
func TestStack(t *testing.T) {
	needRV32(t)
	dir := compileAll(t)
	for _, role := range Roles {
		p, err := newGraph(t, dir, role).Worst("pq_role_" + role)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d + %d bytes: %s", role, p.Bytes, p.Extra, strings.Join(p.Calls, " → "))
		if p.Bytes+p.Extra > roleStack/2 {
			t.Errorf("%s: the worst chain of calls takes %d bytes, more than half of the %d there are", role, p.Bytes+p.Extra, roleStack)
		}
		wantRow(t, fmt.Sprintf("| stack of %s | %d |", role, p.Bytes))
	}
	// In the radio's task, which has 4 KB of which the library takes its part.
	p, err := newGraph(t, dir, "sniffer").Worst("pq_sniffer_heard")
	if err != nil || p.Bytes+p.Extra > 512 {
		t.Errorf("pq_sniffer_heard: %d + %d bytes, more than 512 (%v)", p.Bytes, p.Extra, err)
	}
	wantRow(t, fmt.Sprintf("| stack of `pq_sniffer_heard` | %d |", p.Bytes))
}

func TestGraphErrors(t *testing.T) {
	const node = "node: { title: %q label: \"x\\nx.c:1:1\\n16 bytes (%s)\" }\n"
	const edge = "edge: { sourcename: %q targetname: %q label: \"x\" }\n"
	loop := fmt.Sprintf(node+node+edge+edge, "a", "static", "b", "static", "a", "b", "b", "a")
	pointer := fmt.Sprintf(node+edge, "a", "static", "a", indirect)
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"recursion": {loop, ErrRecursion},
		"pointer":   {pointer, ErrPointer},
		"missing":   {"", ErrUnknown},
	} {
		g := &Graph{Outside: func(string) int { return 0 }}
		if err := g.Add(strings.NewReader(c.text)); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Worst("a"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
	if err := new(Graph).Add(strings.NewReader(fmt.Sprintf(node, "a", "dynamic"))); err == nil {
		t.Error("a frame without a bound was taken")
	}
}
