package report

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html page.css page.js figures.html
var pageFiles embed.FS

// Rows of the page's lists; --json has all of them.
const (
	pageAlerts  = 200
	pageRows    = 100
	pageFrames  = 60 // offending frames named on a card
	pageDevices = 16 // bars
)

// page is what the template sees. Text that comes from captures goes through
// it as plain strings, and html/template escapes all of them.
type page struct {
	*Report
	Verdict  string
	Grave    string // class of the verdict: none, low, medium, high
	Span     string
	Counts   []count
	Cards    []card
	MoreThan map[string]int // left out of a list, by its name
	Blind    []string
	Time     *timeFigure
	Activity *activityFigure
	Sizes    *sizeFigure
	Ladders  []ladderFigure
}

type count struct {
	Name, Class, Says string
	N                 int64
}

// card is one incident.
type card struct {
	ID       int
	A        Alert
	Mark     string
	File     string // name, where there are several
	Last     string
	Frames   string
	Evidence []pair
	RuledOut string
	Filter   string
}

type pair struct{ Name, Value string }

// WriteHTML writes the report as one page that needs nothing else: no
// network, no script, no other file.
func WriteHTML(w io.Writer, r *Report) error {
	t, err := template.New("page.html").Funcs(template.FuncMap{
		"num": grouped, "size": size, "words": words, "when": when,
	}).ParseFS(pageFiles, "page.html", "page.css", "page.js", "figures.html")
	if err != nil {
		return err
	}
	return t.Execute(w, newPage(r))
}

func newPage(r *Report) *page {
	p := &page{Report: r, Counts: counts(r), Blind: r.Limits.lines(), MoreThan: map[string]int{}}
	p.Verdict, p.Grave = verdict(r)
	if r.First != nil && r.Last != nil {
		p.Span = shortDuration(r.Last.Sub(*r.First).Round(time.Millisecond))
	}
	p.Cards = cards(r)
	if n := len(r.Alerts) - len(p.Cards); n > 0 {
		p.MoreThan["incidents"] = n
	}
	short := *r
	short.Devices = head100(p, "devices", r.Devices)
	short.Sessions = head100(p, "sessions", r.Sessions)
	short.Files = head100(p, "files", r.Files)
	p.Report = &short
	if r.Plots != nil && r.Packets > 0 && r.First != nil && r.Last != nil {
		p.Time = newTimeFigure(r, p.Cards)
		p.Activity = newActivityFigure(r)
		p.Sizes = newSizeFigure(r.Plots)
		p.Ladders = newLadders(r)
	}
	return p
}

func head100[T any](p *page, name string, list []T) []T {
	if n := len(list) - pageRows; n > 0 {
		p.MoreThan[name] = n
		return list[:pageRows]
	}
	return list
}

// verdict in one line, and how grave it is.
func verdict(r *Report) (text, class string) {
	if len(r.Alerts) == 0 {
		return "Nothing found", "none"
	}
	by := map[Severity]int{}
	worst := Info
	for _, a := range r.Alerts {
		by[a.Severity]++
		if a.Severity.Rank() > worst.Rank() {
			worst = a.Severity
		}
	}
	text = plural(len(r.Alerts), "incident")
	var parts []string
	for _, s := range []Severity{High, Medium, Low, Info} {
		if by[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by[s], s))
		}
	}
	return text + ": " + strings.Join(parts, ", "), string(worst)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(int64(n)) + " " + what + "s"
}

func counts(r *Report) []count {
	x := r.Repeats
	return []count{
		{"Wi-Fi retries", "retry", "the link sends a frame again that nobody acknowledged", x.WiFiRetry},
		{"relays", "relay", "the access point passes on what a station sent", x.Relay},
		{"CoAP retransmissions", "retransmission", "a confirmable message waits for its answer", x.CoAPRetransmission},
		{"replays", "replay", "nothing honest explains them", x.Replay},
	}
}

var severityMark = map[Severity]string{High: "▲", Medium: "◆", Low: "●", Info: "○"}

// cards are the gravest incidents, in the order of gravity and time.
func cards(r *Report) []card {
	list := slices.Clone(r.Alerts)
	slices.SortStableFunc(list, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), a.Time.Compare(b.Time))
	})
	var out []card
	for i, a := range list[:min(len(list), pageAlerts)] {
		c := card{ID: i + 1, A: a, Mark: severityMark[a.Severity], Frames: frameList(a)}
		if len(r.Files) > 1 && a.File >= 0 && a.File < len(r.Files) {
			c.File = r.Files[a.File].Name
		}
		c.RuledOut, _ = a.Evidence["ruled_out"].(string)
		c.Filter, _ = a.Evidence["wireshark_filter"].(string)
		if t, ok := a.Evidence["last_time"].(time.Time); ok {
			c.Last = when(t)
		}
		c.Evidence = evidence(a.Evidence)
		out = append(out, c)
	}
	return out
}

func frameList(a Alert) string {
	var b strings.Builder
	for i, n := range a.Frames[:min(len(a.Frames), pageFrames)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatUint(n, 10))
	}
	if rest := a.Count - int64(min(len(a.Frames), pageFrames)); rest > 0 {
		fmt.Fprintf(&b, " and %s more", grouped(rest))
	}
	return b.String()
}

// evidence as rows, without what a card shows elsewhere.
func evidence(ev map[string]any) []pair {
	var out []pair
	for k, v := range ev {
		switch k {
		case "ruled_out", "wireshark_filter", "last_time":
		default:
			out = append(out, pair{words(k), value(v)})
		}
	}
	slices.SortFunc(out, func(a, b pair) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func value(v any) string {
	switch x := v.(type) {
	case float64:
		return strconv.FormatFloat(x, 'g', 6, 64)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case time.Time:
		return when(x)
	case [2]uint16:
		return fmt.Sprintf("%d → %d", x[0], x[1])
	}
	return fmt.Sprint(v)
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// grouped writes a number with thin spaces between its thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}
