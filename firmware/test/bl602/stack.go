package bl602

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Errors of the stack analysis. Test with errors.Is.
var (
	ErrPointer   = errors.New("calls through a pointer, and nothing says where that can lead")
	ErrRecursion = errors.New("calls itself")
	ErrUnknown   = errors.New("function is not in the call graph")
)

// indirect is what GCC calls the target of a call through a pointer.
const indirect = "__indirect_call"

// Graph is who calls whom and the stack that each takes, as GCC's
// -fcallgraph-info=su tells it.
type Graph struct {
	// Pointers says where calls through pointers lead, by caller.
	Pointers map[string][]string
	// Outside is what to allow for a function whose code is not ours, bytes.
	Outside func(name string) int

	frames map[string]int // bytes; absent: outside
	calls  map[string][]string
}

var (
	nodeLine = regexp.MustCompile(`^node: \{ title: "([^"]*)" label: "([^"]*)"`)
	edgeLine = regexp.MustCompile(`^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"`)
	frame    = regexp.MustCompile(`\\n(\d+) bytes \((static|dynamic|dynamic,bounded)\)`)
)

// Add takes one .ci file. A static function is known as file.c:name.
func (g *Graph) Add(r io.Reader) error {
	if g.frames == nil {
		g.frames, g.calls = map[string]int{}, map[string][]string{}
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if m := nodeLine.FindStringSubmatch(sc.Text()); m != nil {
			size := frame.FindStringSubmatch(m[2])
			if size == nil {
				continue // only declared here
			}
			if size[2] == "dynamic" {
				return fmt.Errorf("%s takes stack without a bound", m[1])
			}
			n, err := strconv.Atoi(size[1])
			if err != nil {
				return err
			}
			name := plain(m[1])
			g.frames[name] = max(g.frames[name], n)
		} else if m := edgeLine.FindStringSubmatch(sc.Text()); m != nil {
			from := plain(m[1])
			g.calls[from] = append(g.calls[from], plain(m[2]))
		}
	}
	return sc.Err()
}

// plain takes the folders from a static function's file.
func plain(title string) string { return title[strings.LastIndexByte(title, '/')+1:] }

// Chain is calls, one in the other, and the stack that it takes.
type Chain struct {
	Bytes int // of our own functions
	Extra int // allowed for the function outside that it ends in
	Calls []string
}

// Worst is the chain from root that takes the most stack.
func (g *Graph) Worst(root string) (Chain, error) {
	if _, known := g.frames[root]; !known {
		return Chain{}, fmt.Errorf("%s: %w", root, ErrUnknown)
	}
	return g.worst(root, nil, map[string]Chain{})
}

func (g *Graph) worst(name string, above []string, done map[string]Chain) (Chain, error) {
	if p, ok := done[name]; ok {
		return p, nil
	}
	if slices.Contains(above, name) {
		return Chain{}, fmt.Errorf("%s %w: %s", name, ErrRecursion, strings.Join(above, " "))
	}
	size, ours := g.frames[name]
	if !ours {
		return Chain{Extra: g.Outside(name), Calls: []string{name}}, nil
	}
	var deepest Chain
	for _, callee := range g.calls[name] {
		targets := []string{callee}
		if callee == indirect {
			source, _, _ := strings.Cut(name, ".constprop") // a variant that the compiler made
			var known bool
			if targets, known = g.Pointers[source]; !known {
				return Chain{}, fmt.Errorf("%s %w", name, ErrPointer)
			}
		}
		for _, target := range targets {
			p, err := g.worst(target, append(above, name), done)
			if err != nil {
				return Chain{}, err
			}
			if p.Bytes+p.Extra > deepest.Bytes+deepest.Extra {
				deepest = p
			}
		}
	}
	p := Chain{size + deepest.Bytes, deepest.Extra, append([]string{name}, deepest.Calls...)}
	done[name] = p
	return p, nil
}
