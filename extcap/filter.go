package extcap

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"pqiot/wire"
)

// ErrFilter is in every error of ParseFilter.
var ErrFilter = errors.New("capture filter")

// filterHelp ends the message about a filter that cannot be.
const filterHelp = "use type mgt|ctl|data, addr aa:bb:cc:dd:ee:ff, not beacon, and, or, ( )"

const (
	maxFilterText  = 4096 // bytes
	maxFilterDepth = 64   // of parentheses and nots
)

// The board knows four kinds of frame. A filter expression is turned into its
// full truth table over them and the addresses it names: 4 kinds × 2⁸ sets of
// addresses that stand in the frame. The table, not the wording, then says
// whether the board can do it, so every equivalent wording works.
const (
	kindMgt    = iota // management, but no beacon
	kindBeacon        // management, beacon
	kindCtl
	kindData
	kinds
)

const kindWords = 1 << wire.FilterMaxAddrs / 64 // words of one kind's 256 bits

// truth has one bit for every kind (the high part of the index) and set of
// addresses (the low 8 bits).
type truth [kinds * kindWords]uint64

// ParseFilter turns a capture filter into the board's:
//
//	filter  = [ or ]
//	or      = and { ("or" | "||") and }
//	and     = not { ("and" | "&&") not }
//	not     = ("not" | "!") not | "(" or ")" | "beacon"
//	        | "type" ("mgt" | "ctl" | "data") | "addr" MAC
//
// An address stands for a frame that holds it in any of its address fields.
// The empty filter lets everything pass. What the board cannot do exactly is
// an error (errors.Is ErrFilter) that names the word and its position,
// counted from 1: the board lets a frame pass by type, without beacons, and by
// up to eight addresses of which one must stand in it.
func ParseFilter(text string) (wire.Filter, error) {
	if len(text) > maxFilterText {
		return wire.Filter{}, fmt.Errorf("%w: %d characters long, at most %d", ErrFilter, len(text), maxFilterText)
	}
	p := filterParser{tokens: lexFilter(text)}
	if len(p.tokens) == 1 { // the end alone
		return wire.Filter{Types: wire.FilterAll}, nil
	}
	root, err := p.or(0)
	if err != nil {
		return wire.Filter{}, err
	}
	if t := p.peek(); t.text != "" {
		return wire.Filter{}, t.errorf("expected and, or, or the end")
	}
	if root.value == (truth{}) {
		return wire.Filter{}, root.token.errorf("no frame can match this filter")
	}
	f, ok := root.value.filter(p.addrs)
	if !ok {
		culprit := root.culprit(p.addrs)
		return wire.Filter{}, culprit.token.errorf("%s", culprit.reason())
	}
	return f, nil
}

// FormatFilter writes f in the language of ParseFilter, which reads it back as
// the same filter; everything is the empty text, nothing is "none".
func FormatFilter(f wire.Filter) string {
	var parts []string
	if f.Types&wire.FilterAll == 0 {
		return "none"
	}
	if f.Types&wire.FilterAll != wire.FilterAll {
		parts = append(parts, alternatives(typeWords(f.Types)))
	}
	if len(f.Addrs) > 0 {
		var addrs []string
		for _, a := range f.Addrs {
			addrs = append(addrs, "addr "+a.String())
		}
		parts = append(parts, alternatives(addrs))
	}
	if f.Flags&wire.FilterNoBeacons != 0 && f.Types&wire.FilterMgt != 0 {
		parts = append(parts, "not beacon")
	}
	if len(parts) == 1 {
		return strings.TrimSuffix(strings.TrimPrefix(parts[0], "("), ")")
	}
	return strings.Join(parts, " and ")
}

func typeWords(types uint8) (words []string) {
	for i, w := range [...]string{"type mgt", "type ctl", "type data"} {
		if types>>i&1 != 0 {
			words = append(words, w)
		}
	}
	return words
}

func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "(" + strings.Join(words, " or ") + ")"
}

// filter reads the board's filter out of a truth table, or says that there is
// none. Every kind that passes at all must pass under the same condition on
// addresses: none, or one of a set.
func (t truth) filter(addrs []wire.MAC) (wire.Filter, bool) {
	var cond [kindWords]uint64
	var passes [kinds]bool
	for k := range kinds {
		part := [kindWords]uint64(t[k*kindWords:])
		if part == ([kindWords]uint64{}) {
			continue
		}
		if passes[k] = true; cond != ([kindWords]uint64{}) && cond != part {
			return wire.Filter{}, false
		}
		cond = part
	}
	if passes[kindBeacon] && !passes[kindMgt] {
		return wire.Filter{}, false
	}
	var f wire.Filter
	for k, bit := range [kinds]uint8{kindMgt: wire.FilterMgt, kindCtl: wire.FilterCtl, kindData: wire.FilterData} {
		if passes[k] {
			f.Types |= bit
		}
	}
	if passes[kindMgt] && !passes[kindBeacon] {
		f.Flags = wire.FilterNoBeacons
	}
	if cond[0]&1 != 0 { // passes without any address, so it must always pass
		return f, bits.OnesCount64(cond[0]&cond[1]&cond[2]&cond[3]) == 64
	}
	var want [kindWords]uint64
	for i, a := range addrs {
		if bit := 1 << i; cond[bit/64]>>(bit%64)&1 != 0 {
			f.Addrs = append(f.Addrs, a)
			for w, x := range addrTruth(i) {
				want[w] |= x
			}
		}
	}
	return f, cond == want
}

// addrTruth is the condition that address i stands in the frame.
func addrTruth(i int) (t [kindWords]uint64) {
	for set := range 64 * kindWords {
		if set>>i&1 != 0 {
			t[set/64] |= 1 << (set % 64)
		}
	}
	return t
}
