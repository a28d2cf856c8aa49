package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Measures of a ladder.
const (
	ladderTop     = 58
	ladderRow     = 23
	ladderSender  = 210
	ladderGateway = 870
)

// ladderFigure is the conversation of a sender with a gateway, drawn.
type ladderFigure struct {
	Open            bool
	Sender, Gateway string
	Sessions        []string
	Rungs           []rung
	Height          int
	Shown, Replays  int
	Left            int64
}

type rung struct {
	Y           int
	Time, Frame string
	From, To    int // x
	Head        string
	Class       string
	Label       string
	Note        string // what it is, where it is no fresh message
	Says        string
	Gap         string // said instead of a message
}

// newLadders draws all conversations; the first one with a replay is open, or
// the first of all.
func newLadders(r *Report) []ladderFigure {
	var out []ladderFigure
	for i := range r.Plots.Ladders {
		out = append(out, newLadderFigure(r, i))
	}
	if len(out) > 0 {
		out[max(0, slices.IndexFunc(out, func(f ladderFigure) bool { return f.Replays > 0 }))].Open = true
	}
	return out
}

func newLadderFigure(r *Report, i int) ladderFigure {
	l := &r.Plots.Ladders[i]
	f := ladderFigure{Sender: l.Sender, Gateway: l.Gateway, Shown: len(l.Messages), Left: l.Left}
	for _, s := range r.Sessions {
		if s.Sender == l.Sender && s.Gateway == l.Gateway && len(f.Sessions) < 4 {
			f.Sessions = append(f.Sessions, s.SID)
		}
	}
	y := ladderTop
	for n, m := range l.Messages {
		if n == MaxMessages {
			f.Rungs = append(f.Rungs, rung{Y: y, Gap: "further on, replays only"})
			y += ladderRow
		}
		f.Rungs = append(f.Rungs, newRung(r, m, y))
		if m.Kind == KindReplay {
			f.Replays++
		}
		y += ladderRow
	}
	f.Height = y
	return f
}

func newRung(r *Report, m Message, y int) rung {
	g := rung{Y: y, Frame: fmt.Sprint(m.Frame), From: ladderSender, To: ladderGateway, Class: kindClass[m.Kind], Label: m.label()}
	g.Time = sinceStart(time.Duration(m.Time - r.First.UnixNano()))
	if len(r.Files) > 1 {
		g.Frame = fmt.Sprintf("%d:%d", m.File+1, m.Frame)
	}
	dx := -8
	if !m.Up {
		g.From, g.To, dx = g.To, g.From, 8
	}
	g.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", g.To, y, g.To+dx, y-4, g.To+dx, y+4)
	if m.Kind != KindFresh {
		g.Note = m.Kind.String()
	}
	g.Says = fmt.Sprintf("frame %d: %s, message id 0x%04x", m.Frame, g.Label, m.ID)
	if m.Copies > 0 {
		g.Says += fmt.Sprintf(", %d copies on the link (relays, retries)", m.Copies)
	}
	return g
}

func sinceStart(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

var (
	typeNames = [4]string{"CON", "NON", "ACK", "RST"}
	codeNames = map[uint8]string{1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 0x41: "2.01 Created", 0x44: "2.04 Changed", 0x45: "2.05 Content",
		0x5F: "2.31 Continue", 0x80: "4.00 Bad Request", 0x81: "4.01 Unauthorized", 0x83: "4.03 Forbidden", 0x84: "4.04 Not Found",
		0x88: "4.08 Incomplete", 0x8D: "4.13 Too Large", 0xA0: "5.00 Error", 0xA3: "5.03 Unavailable"}
)

// label says what a message is (RFC 7252 §3, §12.1).
func (m *Message) label() string {
	parts := []string{typeNames[m.Type&3]}
	switch name := codeNames[m.Code]; {
	case m.Code == 0:
		parts = append(parts, "empty")
	case m.Code == 1 && m.Class == ClassKey:
		parts = append(parts, "GET /pk")
	case name != "":
		parts = append(parts, name)
	default:
		parts = append(parts, fmt.Sprintf("%d.%02d", m.Code>>5, m.Code&31))
	}
	if m.Class != ClassOther && m.Size > 0 {
		parts = append(parts, m.Class.String())
	}
	if m.Block >= 0 {
		parts = append(parts, fmt.Sprintf("block %d", m.Block))
	}
	if m.Size > 0 {
		parts = append(parts, fmt.Sprintf("%d B", m.Size))
	}
	return strings.Join(parts, " · ")
}
