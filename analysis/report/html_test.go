package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// hostile is text that a capture may bring.
const hostile = `</title></style></script><script>alert(1)</script><img src=x onerror=alert(2)>"' onmouseover='x' {{.}} javascript:alert(3) ` + "\x00\xff\u202e"

var began = time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)

// sample is a report with n of everything, whose texts are all s.
func sample(n int, s string) *Report {
	last := began.Add(10 * time.Minute)
	r := &Report{Packets: int64(n) * 10, Bytes: 1 << 20, First: &began, Last: &last, Plots: &Plots{},
		Repeats: Repeats{WiFiRetry: 7, Relay: 6, CoAPRetransmission: 5, Replay: int64(n)}}
	severities := []Severity{High, Medium, Low, Info}
	for i := range n {
		at := began.Add(time.Duration(i) * 10 * time.Minute / time.Duration(n))
		r.Files = append(r.Files, File{Name: s, Packets: 10, Damage: s, SHA256: strings.Repeat("ab", 32)})
		r.Devices = append(r.Devices, Device{MAC: fmt.Sprint("02:00:00:00:00:", i), IPs: []string{s}, Role: "gateway", Packets: 10})
		r.Sessions = append(r.Sessions, Session{SID: s, Suite: s, Sender: s, Gateway: "g", Records: 3})
		r.Alerts = append(r.Alerts, Alert{Detector: "replay.datagram", Severity: severities[i%4], Time: at, Frame: 9, Original: 4,
			Count: 2000, Frames: make([]uint64, MaxFrames), Source: s, Destination: s, SID: s, Summary: s,
			Evidence: map[string]any{"ruled_out": s, "wireshark_filter": s, s: s, "z": 5.25, "ports": [2]uint16{1, 5683}, "last_time": at.Add(time.Second)}})
		for k := range NumKinds {
			r.Plots.Timeline.Add(at.UnixNano(), k)
		}
		r.Plots.Devices = append(r.Plots.Devices, Activity{MAC: fmt.Sprint("02:00:00:00:00:", i), Frames: [NumKinds]int64{5, 1, 1, 1, 1, 1}, Exchanges: 4})
	}
	r.Plots.Sizes[100][ClassKey], r.Plots.Sizes[101][ClassHandshake], r.Plots.Sizes[4][ClassRecord] = 1, 20, 3000
	l := Ladder{Sender: s, Gateway: "g", Left: 5}
	for i := range min(n, MaxMessages+MaxReplays) {
		l.Messages = append(l.Messages, Message{Frame: uint64(i + 1), Time: began.UnixNano(), Kind: Kind(i) % NumKinds, Up: i%2 == 0, Code: 2, Class: ClassRecord, Block: -1, Size: 40})
	}
	r.Plots.Ladders = []Ladder{l}
	r.Limits = Limits{Blind: []string{s}, Faults: map[string]int64{s: 3}, BadBlocks: 2}
	r.Unsealed = Unsealed{Protected: 10, Decrypted: 4, Reasons: map[string]int64{s: 6}}
	return r
}

func render(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// each calls fn for every element of a page.
func each(t testing.TB, page string, fn func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			fn(n)
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// elements that the page is made of; anything else came from outside.
var elements = strings.Fields(`html head meta link title style body a header p h1 h2 h3 time ul li b small nav main section figure
	figcaption svg rect line text path polygon g tspan div table thead tbody tr th td code bdi article span dl dt dd button details
	summary label input output script`)

func TestHTMLHostileText(t *testing.T) {
	page := render(t, sample(12, hostile))
	scripts := 0
	each(t, page, func(n *html.Node) {
		if !slices.Contains(elements, n.Data) {
			t.Errorf("an element <%s> that the page does not have", n.Data)
		}
		if n.Data == "script" {
			scripts++
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has the attribute %s", n.Data, a.Key)
			}
			if (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "#") && a.Val != "data:," {
				t.Errorf("<%s %s=%q> leads out of the page", n.Data, a.Key, a.Val)
			}
		}
	})
	if scripts != 1 {
		t.Errorf("%d scripts, the page has one", scripts)
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("the text itself is not on the page")
	}
}

func TestHTMLSelfContained(t *testing.T) {
	page := render(t, sample(3, "text"))
	policy := ""
	each(t, page, func(n *html.Node) {
		if attr(n, "http-equiv") == "Content-Security-Policy" {
			policy = attr(n, "content")
		}
	})
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:") {
		t.Errorf("Content-Security-Policy %q", policy)
	}
	if m := regexp.MustCompile(`https?:|url\(|@import|fetch\(|XMLHttp`).FindString(page); m != "" {
		t.Errorf("the page may ask for something: %q", m)
	}
}

var svgs = regexp.MustCompile(`(?s)<svg.*?</svg>`)

// TestHTMLDrawings: every drawing is strict XML, has finite coordinates, and
// those that are more than a swatch say what they show.
func TestHTMLDrawings(t *testing.T) {
	page := render(t, sample(100, "text"))
	plots := 0
	for _, s := range svgs.FindAllString(page, -1) {
		d := xml.NewDecoder(strings.NewReader(s))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %.200s", err, s)
			}
		}
		if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
			t.Errorf("no number: %.200s", s)
		}
		if strings.Contains(s, `role="img"`) {
			plots++
			if !strings.Contains(s, "aria-label=") {
				t.Errorf("without a label: %.200s", s)
			}
		} else if !strings.Contains(s, `aria-hidden="true"`) {
			t.Errorf("neither described nor hidden: %.200s", s)
		}
	}
	if plots != 3 {
		t.Errorf("%d plots, want time line, sizes and one ladder", plots)
	}
}

// TestHTMLLinks: ids are unique, and every link within the page has its end.
func TestHTMLLinks(t *testing.T) {
	for _, n := range []int{0, 1, 300} {
		ids, links := map[string]int{}, map[string]bool{}
		each(t, render(t, sample(n, "text")), func(n *html.Node) {
			if id := attr(n, "id"); id != "" {
				ids[id]++
			}
			if to, ok := strings.CutPrefix(attr(n, "href"), "#"); ok {
				links[to] = true
			}
		})
		for id, k := range ids {
			if k > 1 {
				t.Errorf("%d of everything: id %q %d times", n, id, k)
			}
		}
		for to := range links {
			if ids[to] == 0 {
				t.Errorf("%d of everything: a link to #%s, which is not there", n, to)
			}
		}
	}
}

func TestHTMLEmpty(t *testing.T) {
	for _, r := range []*Report{{}, {Plots: &Plots{}}, sample(0, "")} {
		page := render(t, r)
		if !strings.Contains(page, "<h1>Nothing found</h1>") {
			t.Error("an empty report finds something")
		}
	}
}

func TestHTMLBounded(t *testing.T) {
	page := render(t, sample(5000, strings.Repeat("x", 40)))
	if len(page) > 2<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	for _, want := range []string{"<h1>5\u202f000 incidents: 1250 high, 1250 medium, 1250 low, 1250 info</h1>", "4800 more incidents", "further on, replays only"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func TestHTMLShows(t *testing.T) {
	page := render(t, sample(2, "text"))
	for _, want := range []string{
		"<h1>2 incidents: 1 high, 1 medium</h1>", `<article class="card high" id="incident-1">`, "<dt>2\u202f000 frames</dt>", "and 1\u202f940 more",
		", repeating frame 4", "ML-KEM-512 key, 800 B", "ML-KEM-512 ciphertext, 768 B", `<tr><th scope="row">z</th><td>5.25</td></tr>`,
		"1 → 5683", "<b>Ruled out:</b> text", "POST · record · 40 B", "2 blocks of the file contradict themselves",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

// TestTimeline: however time runs, every frame is counted once and its bucket
// covers it.
func TestTimeline(t *testing.T) {
	for name, times := range map[string][]int64{
		"one":       {5},
		"forward":   {0, 1e6, 1e9, 3600e9, 86400e9},
		"backward":  {86400e9, 3600e9, 1e9, 0},
		"negative":  {0, -1e9, -3600e9},
		"all":       {0, math.MaxInt64, math.MinInt64, 1},
		"all again": {math.MinInt64, math.MaxInt64},
		"from last": {math.MaxInt64, math.MinInt64, 0},
	} {
		var tl Timeline
		for _, at := range times {
			tl.Add(at, KindRelay)
		}
		var n int64
		for _, b := range tl.Buckets {
			n += b[KindRelay]
		}
		if n != int64(len(times)) {
			t.Errorf("%s: %d of %d frames", name, n, len(times))
		}
		for _, at := range times {
			if b := tl.bucket(time.Unix(0, at)); tl.Buckets[b][KindRelay] == 0 {
				t.Errorf("%s: nothing in the bucket of %d", name, at)
			}
		}
		lo, hi := time.Unix(0, slices.Min(times)), time.Unix(0, slices.Max(times))
		render(t, &Report{Packets: n, First: &lo, Last: &hi, Plots: &Plots{Timeline: tl}})
	}
}
