package main

import (
	_ "embed"
	"fmt"
	"path"
	"strings"
)

//go:embed goals.txt
var goals string

// rules are the goals of measurements and the peers that they stand beside.
type rules struct {
	goals []goalRule
	peers []peerRule
}

type goalRule struct {
	name, unit string // name is a pattern of path.Match
	goal       goal
}

type peerRule struct {
	name, unit, peer, peerUnit string
	label                      string
	least                      float64 // the ratio that is the goal; 0: none
}

// parseRules reads goals.txt, whose head says what its lines mean.
func parseRules(text string) (r rules, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		ok := false
		switch {
		case f[0] == "goal" && len(f) == 5 && (f[3] == "most" || f[3] == "least"):
			g := goalRule{name: f[1], unit: f[2], goal: goal{At: f[3]}}
			g.goal.Value, ok = number(f[4])
			r.goals = append(r.goals, g)
		case f[0] == "peer" && (len(f) == 6 || len(f) == 7):
			p := peerRule{name: f[1], unit: f[2], peer: f[3], peerUnit: f[4], label: f[5]}
			ok = true
			if len(f) == 7 {
				p.least, ok = number(f[6])
			}
			r.peers = append(r.peers, p)
		}
		if ok {
			_, bad := path.Match(f[1], "")
			ok = bad == nil
		}
		if !ok {
			return r, fmt.Errorf("goals.txt, line %d: %q is no rule", n, strings.TrimSpace(line))
		}
	}
	return r, nil
}

// apply adds goals and peers; a peer's own measurements go out of the list if
// they stand beside ours.
func (r rules) apply(all []measurement) []measurement {
	used := map[string]bool{}
	for i := range all {
		m := &all[i]
		for _, g := range r.goals {
			if g.unit == m.Unit && match(g.name, m.Name) {
				m.Goal = &goal{At: g.goal.At, Value: g.goal.Value, Met: g.goal.holds(m.Value)}
			}
		}
		for _, p := range r.peers {
			if p.unit != m.Unit || !match(p.name, m.Name) {
				continue
			}
			if other := find(all, p.of(m.Name), p.peerUnit); other != nil && m.Value != 0 && other.Value != 0 {
				m.Peers = append(m.Peers, p.beside(*m, *other))
				used[other.Name] = true
			}
		}
	}
	var rest []measurement
	for _, m := range all {
		if !used[m.Name] {
			rest = append(rest, m)
		}
	}
	return rest
}

// of is the name of the peer's measurement: a "*" at the end stands for the last
// element of ours, "*/*" for the last two.
func (p peerRule) of(name string) string {
	parts := strings.Split(name, "/")
	want := strings.Split(p.peer, "/")
	for i := len(want) - 1; i >= 0 && want[i] == "*"; i-- {
		if at := len(parts) - (len(want) - i); at >= 0 {
			want[i] = parts[at]
		}
	}
	return strings.Join(want, "/")
}

func (p peerRule) beside(m, other measurement) peer {
	ratio := other.Value / m.Value
	if higherIsBetter(m.Unit) {
		ratio = 1 / ratio
	}
	b := peer{Name: p.label, Value: other.Value, Ratio: ratio}
	if p.least > 0 {
		b.Goal = &goal{At: "least", Value: p.least, Met: ratio >= p.least}
	}
	return b
}

func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func find(all []measurement, name, unit string) *measurement {
	for i := range all {
		if all[i].Name == name && all[i].Unit == unit {
			return &all[i]
		}
	}
	return nil
}

// higherIsBetter is true of rates, and of how much of the truth was found.
func higherIsBetter(unit string) bool {
	return strings.HasSuffix(unit, "/s") || unit == "recall" || unit == "precision"
}
