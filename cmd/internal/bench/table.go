package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// table prints every measurement, beside its goal, its peers, and what it was;
// then what is below its goal.
func (r report) table(w io.Writer, old *report) {
	m := r.Machine
	fmt.Fprintf(w, "%s, commit %s\n%s, %d cores, %d MB; %s, Linux %s, %s; load before the start %s\n", r.Date, r.Commit, m.CPU, m.Cores, m.MemoryMB, m.OS, m.Kernel, m.Go, m.Load)
	switch {
	case old == nil:
		fmt.Fprintln(w, "No figures were committed before: the last column is empty.")
	case old.Machine.CPU != m.CPU || old.Machine.Cores != m.Cores || old.Machine.Go != m.Go:
		fmt.Fprintf(w, "Compared with %s of %s on ANOTHER machine: %s, %d cores, %s.\n", old.Commit, old.Date, old.Machine.CPU, old.Machine.Cores, old.Machine.Go)
	default:
		fmt.Fprintf(w, "Compared with %s of %s.\n", old.Commit, old.Date)
	}
	fmt.Fprintln(w)
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tvalue\tunit\tgoal\tpeer\tratio\tchange")
	var missed []string
	for _, m := range r.Measurements {
		rows, below := m.rows(old)
		for _, row := range rows {
			fmt.Fprintln(t, row)
		}
		missed = append(missed, below...)
	}
	t.Flush() // to memory
	for line := range strings.Lines(aligned.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
	if len(missed) > 0 {
		fmt.Fprintf(w, "\nGoals not reached (%d):\n", len(missed))
		for _, s := range missed {
			fmt.Fprintln(w, "  "+s)
		}
	}
}

// rows is one line, and one more for each further peer; missed says which goals
// are not reached.
func (m measurement) rows(old *report) (rows, missed []string) {
	want := ""
	if m.Goal != nil {
		want = m.Goal.String()
		if !m.Goal.Met {
			missed = append(missed, fmt.Sprintf("%s: %s %s, goal %s", m.Name, short(m.Value), m.Unit, want))
			want += " !"
		}
	}
	first := strings.Join([]string{m.Name, short(m.Value), m.Unit, want}, "\t")
	change := m.change(old)
	if len(m.Peers) == 0 {
		return []string{first + "\t\t\t" + change}, missed
	}
	for i, p := range m.Peers {
		if i > 0 {
			first, change = "\t\t\t", ""
		}
		ratio := fmt.Sprintf("%.2f×", p.Ratio)
		if p.Goal != nil && !p.Goal.Met {
			missed = append(missed, fmt.Sprintf("%s: %s the speed of %s, goal %s×", m.Name, ratio, p.Name, short(p.Goal.Value)))
			ratio += " !"
		}
		rows = append(rows, first+"\t"+p.Name+" "+short(p.Value)+"\t"+ratio+"\t"+change)
	}
	return rows, missed
}

func (g goal) String() string {
	return map[string]string{"most": "≤ ", "least": "≥ "}[g.At] + short(g.Value)
}

// change says how far the value moved since old, in percent, and whether that
// is for the worse. Values whose samples overlap have not moved.
func (m measurement) change(old *report) string {
	if old == nil {
		return ""
	}
	was := find(old.Measurements, m.Name, m.Unit)
	switch {
	case was == nil:
		return "new"
	case was.Value == m.Value:
		return "="
	case was.Value == 0:
		return "was 0"
	case m.Samples > 1 && was.Samples > 1 && m.Low <= was.High && was.Low <= m.High:
		return "~"
	}
	percent := 100 * (m.Value - was.Value) / math.Abs(was.Value)
	s := fmt.Sprintf("%+.1f %%", percent)
	if (percent < 0) == higherIsBetter(m.Unit) {
		s += " worse"
	}
	return s
}

// short is a number for people: at least three digits, thousands set apart.
func short(v float64) string {
	switch a := math.Abs(v); {
	case v == math.Trunc(v) || a >= 1000:
		return commas(strconv.FormatFloat(v, 'f', 0, 64))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func commas(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return sign + s
}
