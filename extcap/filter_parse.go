package extcap

import (
	"encoding/hex"
	"fmt"
	"strings"

	"pqiot/wire"
)

// filterToken is one word; the text of the end is empty.
type filterToken struct {
	text string
	pos  int // counted from 1
}

func (t filterToken) errorf(format string, args ...any) error {
	what := fmt.Sprintf("%q", t.text)
	if t.text == "" {
		what = "the end"
	}
	return fmt.Errorf("%w: %s at position %d: %s (%s)", ErrFilter, what, t.pos, fmt.Sprintf(format, args...), filterHelp)
}

// lexFilter cuts text into words, parentheses and operators. It always ends
// with the end token.
func lexFilter(text string) (tokens []filterToken) {
	for at := 0; at < len(text); {
		n := 1
		switch c := text[at]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
			continue
		case strings.HasPrefix(text[at:], "&&") || strings.HasPrefix(text[at:], "||"):
			n = 2
		case c != '(' && c != ')' && c != '!':
			if i := strings.IndexAny(text[at+1:], " \t\r\n()!&|"); i >= 0 {
				n = 1 + i
			} else {
				n = len(text) - at
			}
		}
		tokens = append(tokens, filterToken{text[at : at+n], at + 1})
		at += n
	}
	return append(tokens, filterToken{"", len(text) + 1})
}

// filterNode is one subexpression and its truth table. Inner nodes are named
// by their operator, leaves by their first word.
type filterNode struct {
	token filterToken
	op    string // "or", "and", "not", "beacon", "type", "addr"
	value truth
	sub   []*filterNode
}

// culprit finds the innermost, leftmost part that the board cannot do.
func (n *filterNode) culprit(addrs []wire.MAC) *filterNode {
	for _, s := range n.sub {
		if _, ok := s.value.filter(addrs); !ok {
			return s.culprit(addrs)
		}
	}
	return n
}

// reason says why the board cannot do this part.
func (n *filterNode) reason() string {
	switch n.op {
	case "beacon":
		return "the board can leave beacons out, not pick them"
	case "not":
		return "the board cannot leave out by address"
	case "and":
		return "the board cannot ask for two addresses in one frame"
	case "or":
		return "the board cannot join conditions on type and address by or"
	}
	return "the board cannot do this"
}

type filterParser struct {
	tokens []filterToken
	addrs  []wire.MAC
}

func (p *filterParser) peek() filterToken { return p.tokens[0] }

func (p *filterParser) next() filterToken {
	t := p.tokens[0]
	if t.text != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the next word if it is one of those.
func (p *filterParser) accept(words ...string) (filterToken, bool) {
	for _, w := range words {
		if strings.EqualFold(p.peek().text, w) {
			return p.next(), true
		}
	}
	return filterToken{}, false
}

func (p *filterParser) or(depth int) (*filterNode, error) {
	return p.chain(depth, p.and, "or", "||", func(a, b uint64) uint64 { return a | b })
}

func (p *filterParser) and(depth int) (*filterNode, error) {
	return p.chain(depth, p.not, "and", "&&", func(a, b uint64) uint64 { return a & b })
}

// chain parses operand { operator operand }, left to right.
func (p *filterParser) chain(depth int, operand func(int) (*filterNode, error), word, sign string,
	join func(a, b uint64) uint64) (*filterNode, error) {
	left, err := operand(depth)
	for err == nil {
		t, ok := p.accept(word, sign)
		if !ok {
			return left, nil
		}
		var right *filterNode
		if right, err = operand(depth); err != nil {
			break
		}
		n := &filterNode{token: t, op: word, sub: []*filterNode{left, right}}
		for i := range n.value {
			n.value[i] = join(left.value[i], right.value[i])
		}
		left = n
	}
	return nil, err
}

func (p *filterParser) not(depth int) (*filterNode, error) {
	if depth > maxFilterDepth {
		return nil, p.peek().errorf("nested deeper than %d", maxFilterDepth)
	}
	if t, ok := p.accept("not", "!"); ok {
		sub, err := p.not(depth + 1)
		if err != nil {
			return nil, err
		}
		n := &filterNode{token: t, op: "not", sub: []*filterNode{sub}}
		for i := range n.value {
			n.value[i] = ^sub.value[i]
		}
		return n, nil
	}
	if _, ok := p.accept("("); !ok {
		return p.leaf()
	}
	n, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if _, ok := p.accept(")"); !ok {
		return nil, p.peek().errorf("expected )")
	}
	return n, nil
}

func (p *filterParser) leaf() (*filterNode, error) {
	t := p.next()
	n := &filterNode{token: t, op: strings.ToLower(t.text)}
	switch n.op {
	case "beacon":
		n.set(kindBeacon)
		return n, nil
	case "type":
		return n, p.typeName(n)
	case "addr":
		return n, p.addr(n)
	case "":
		return nil, t.errorf("a condition is missing")
	}
	return nil, t.errorf("not a word of the filter language")
}

func (p *filterParser) typeName(n *filterNode) error {
	t := p.next()
	switch strings.ToLower(t.text) {
	case "mgt":
		n.set(kindMgt)
		n.set(kindBeacon)
	case "ctl":
		n.set(kindCtl)
	case "data":
		n.set(kindData)
	default:
		return t.errorf("expected mgt, ctl or data after type")
	}
	return nil
}

// set makes the node true for every frame of a kind.
func (n *filterNode) set(kind int) {
	for i := range kindWords {
		n.value[kind*kindWords+i] = ^uint64(0)
	}
}

func (p *filterParser) addr(n *filterNode) error {
	t := p.next()
	mac, ok := parseMAC(t.text)
	if !ok {
		return t.errorf("expected an address such as 0a:1b:2c:3d:4e:5f after addr")
	}
	i, err := p.addrIndex(t, mac)
	if err != nil {
		return err
	}
	cond := addrTruth(i)
	for k := range kinds {
		copy(n.value[k*kindWords:], cond[:])
	}
	return nil
}

func (p *filterParser) addrIndex(t filterToken, mac wire.MAC) (int, error) {
	for i, a := range p.addrs {
		if a == mac {
			return i, nil
		}
	}
	if len(p.addrs) == wire.FilterMaxAddrs {
		return 0, t.errorf("one address too many, the board holds %d", wire.FilterMaxAddrs)
	}
	p.addrs = append(p.addrs, mac)
	return len(p.addrs) - 1, nil
}

// parseMAC reads six bytes in hexadecimal, parted by colons or hyphens.
func parseMAC(s string) (mac wire.MAC, ok bool) {
	if len(s) != 17 {
		return mac, false
	}
	sep := s[2]
	for i := range mac {
		if i > 0 && s[3*i-1] != sep || sep != ':' && sep != '-' {
			return mac, false
		}
		b, err := hex.DecodeString(s[3*i : 3*i+2])
		if err != nil {
			return mac, false
		}
		mac[i] = b[0]
	}
	return mac, true
}
