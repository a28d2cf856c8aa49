package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Style is how text is set off on a terminal.
type Style struct{ Color bool }

func (s Style) paint(code, text string) string {
	if !s.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

var severityColor = map[Severity]string{High: "1;31", Medium: "33", Low: "36", Info: "2"}

// WriteText writes the report for people.
func WriteText(w io.Writer, r *Report, s Style) error {
	b := &strings.Builder{}
	head(b, r, s)
	deviceList(b, r, s)
	sessionList(b, r, s)
	repeats(b, r, s)
	alerts(b, r, s)
	limits(b, r, s)
	_, err := io.WriteString(w, b.String())
	return err
}

func head(b *strings.Builder, r *Report, s Style) {
	for _, f := range r.Files {
		fmt.Fprintf(b, "%s: %d packets, %s", s.paint("1", f.Name), f.Packets, size(f.Bytes))
		if f.Damage != "" {
			fmt.Fprintf(b, ", %s", s.paint("33", f.Damage))
		}
		if c := f.Clock; c != nil {
			fmt.Fprintf(b, ", clock %+.6f s to that of %s, by %d frames that both heard", c.Offset, r.Files[c.Reference].Name, c.Frames)
		}
		b.WriteByte('\n')
	}
	if r.First != nil {
		fmt.Fprintf(b, "from %s for %s\n", r.First.Format(time.RFC3339), r.Last.Sub(*r.First).Round(time.Millisecond))
	}
	if r.HeardTwice > 0 {
		fmt.Fprintf(b, "%d frames were heard by another sniffer too, and count once\n", r.HeardTwice)
	}
	u := r.Unsealed
	if u.Protected > 0 {
		fmt.Fprintf(b, "%d of %d protected frames decrypted", u.Decrypted, u.Protected)
		for _, k := range sortedKeys(u.Reasons) {
			fmt.Fprintf(b, "; %d: %s", u.Reasons[k], k)
		}
		b.WriteByte('\n')
	}
	if u.Genuine+u.Forged > 0 {
		fmt.Fprintf(b, "%d session records genuine under the key log, %d forged\n", u.Genuine, u.Forged)
	}
}

// maxRows is how much of a list goes to a terminal; --json has it all.
const maxRows = 12

func table(b *strings.Builder, title string, n int, row func(w io.Writer, i int), s Style) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint("1", title))
	w := tabwriter.NewWriter(b, 2, 0, 2, ' ', 0)
	for i := range min(n, maxRows) {
		fmt.Fprint(w, "  ")
		row(w, i)
		fmt.Fprint(w, "\n")
	}
	_ = w.Flush() // into a strings.Builder
	if n > maxRows {
		fmt.Fprintf(b, "  and %d more\n", n-maxRows)
	}
}

func deviceList(b *strings.Builder, r *Report, s Style) {
	table(b, "Devices", len(r.Devices), func(w io.Writer, i int) {
		d := r.Devices[i]
		fmt.Fprintf(w, "%s\t%s\t%d packets\t%s", d.MAC, strings.ReplaceAll(d.Role, "_", " "), d.Packets, strings.TrimSpace(strings.Join(d.IPs, " ")+" "+d.Name))
	}, s)
}

func sessionList(b *strings.Builder, r *Report, s Style) {
	table(b, "Sessions", len(r.Sessions), func(w io.Writer, i int) {
		x := r.Sessions[i]
		how := "handshake not heard"
		if x.HandshakeFrame != 0 {
			how = fmt.Sprintf("%s, handshake in frame %d", x.Suite, x.HandshakeFrame)
		}
		fmt.Fprintf(w, "%s\t%s → %s\t%d records, highest sequence %d\t%s", x.SID, x.Sender, x.Gateway, x.Records, x.HighestSeq, how)
	}, s)
}

func repeats(b *strings.Builder, r *Report, s Style) {
	x := r.Repeats
	fmt.Fprintf(b, "\n%s\n", s.paint("1", "Repeats"))
	fmt.Fprintf(b, "  honest   %d Wi-Fi retries, %d relays, %d CoAP retransmissions\n", x.WiFiRetry, x.Relay, x.CoAPRetransmission)
	fmt.Fprintf(b, "  replays  %d\n", x.Replay)
}

func alerts(b *strings.Builder, r *Report, s Style) {
	if len(r.Alerts) == 0 {
		fmt.Fprintf(b, "\n%s\n", s.paint("32", "No incidents."))
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint("1", fmt.Sprintf("Incidents (%d)", len(r.Alerts))))
	for _, a := range r.Alerts[:min(len(r.Alerts), 5*maxRows)] {
		fmt.Fprintf(b, "  %s  %s, %s → %s\n", s.paint(severityColor[a.Severity], fmt.Sprintf("%-6s", a.Severity)), s.paint("1", a.Detector), a.Source, a.Destination)
		fmt.Fprintf(b, "          %s\n", a.Summary)
		fmt.Fprintf(b, "          %s, frame %d", a.Time.Format(time.RFC3339Nano), a.Frame)
		if len(r.Files) > 1 {
			fmt.Fprintf(b, " of %s", r.Files[a.File].Name)
		}
		if a.Original != 0 {
			fmt.Fprintf(b, ", repeats frame %d", a.Original)
			if a.OriginalFile != a.File {
				fmt.Fprintf(b, " of %s", r.Files[a.OriginalFile].Name)
			}
		}
		if a.Count > 1 {
			fmt.Fprintf(b, "; %d frames in all", a.Count)
		}
		if why, ok := a.Evidence["ruled_out"].(string); ok {
			fmt.Fprintf(b, "\n          ruled out: %s", why)
		}
		if f, ok := a.Evidence["wireshark_filter"].(string); ok {
			fmt.Fprintf(b, "\n          Wireshark: %s", f)
		}
		b.WriteString("\n")
	}
	if n := len(r.Alerts) - 5*maxRows; n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
}

func limits(b *strings.Builder, r *Report, s Style) {
	lines := r.Limits.lines()
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", s.paint("1", "What this does not show"))
	for _, x := range lines {
		fmt.Fprintf(b, "  %s\n", x)
	}
}

// lines says in words what could not be seen.
func (l *Limits) lines() []string {
	lines := append([]string(nil), l.Blind...)
	for _, k := range sortedKeys(l.Faults) {
		lines = append(lines, fmt.Sprintf("%d packets were not read to the end: %s", l.Faults[k], k))
	}
	for _, k := range sortedKeys(l.Evicted) {
		lines = append(lines, fmt.Sprintf("%d entries of the table %q gave way for want of room", l.Evicted[k], k))
	}
	if l.BadBlocks > 0 {
		lines = append(lines, fmt.Sprintf("%d blocks of the file contradict themselves and were skipped", l.BadBlocks))
	}
	return lines
}

func sortedKeys(m map[string]int64) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// Limit keeps the alerts at or above a severity.
func (r *Report) Limit(least Severity) {
	r.Alerts = slices.DeleteFunc(r.Alerts, func(a Alert) bool { return a.Severity.Rank() < least.Rank() })
}
