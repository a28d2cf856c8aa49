package detect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pqiot/analysis/packet"
	"pqiot/analysis/report"
)

// finding is what a detector has against one frame.
type finding struct {
	detector            string
	severity            report.Severity
	original            uint64   // id
	earlier             []uint64 // ids of frames before this one that turn out to be offending too
	source, destination string
	sid                 string
	summary             string
	evidence            map[string]any
}

// incidents merges findings: the same detector against the same source and
// destination is one incident until it is silent for incidentGap.
type incidents struct {
	open    map[incidentKey]int
	all     []report.Alert
	last    []int64
	dropped int64
	emit    func(report.Alert)
}

type incidentKey struct{ detector, source, destination, sid string }

// add opens an incident or lets one grow.
func (in *incidents) add(f *Frame, x finding) {
	if in.open == nil {
		in.open = map[incidentKey]int{}
	}
	k := incidentKey{x.detector, x.source, x.destination, x.sid}
	if i, ok := in.open[k]; ok && f.Time-in.last[i] < int64(incidentGap) {
		in.grow(i, f, x)
		return
	}
	if len(in.all) >= incidentMax {
		in.dropped++
		return
	}
	in.describe(f, &x)
	a := report.Alert{
		Detector: x.detector, Severity: x.severity, Time: time.Unix(0, f.Time).UTC(), File: f.File,
		Original: number(x.original), OriginalFile: file(x.original),
		Source: x.source, Destination: x.destination, SID: x.sid, Summary: x.summary, Evidence: x.evidence,
	}
	list(&a, x.earlier, f)
	a.Frame = a.Frames[0]
	in.open[k] = len(in.all)
	in.all = append(in.all, a)
	in.last = append(in.last, f.Time)
	in.tell(len(in.all) - 1)
}

func (in *incidents) grow(i int, f *Frame, x finding) {
	a := &in.all[i]
	in.last[i] = f.Time
	list(a, x.earlier, f)
	a.Evidence["last_time"] = time.Unix(0, f.Time).UTC()
	a.Evidence["last_frame"] = f.Frame
	risen := x.severity.Rank() > a.Severity.Rank()
	if risen {
		a.Severity = x.severity
	}
	if risen || a.Count&(a.Count-1) == 0 {
		in.tell(i)
	}
}

// list counts the offending frames and names those of the incident's own file.
func list(a *report.Alert, earlier []uint64, f *Frame) {
	for _, id := range append(earlier, f.id()) {
		a.Count++
		if file(id) == a.File && len(a.Frames) < report.MaxFrames {
			a.Frames = append(a.Frames, number(id))
		}
	}
}

// tell hands an incident on, with what is ready to paste into Wireshark.
func (in *incidents) tell(i int) {
	if in.emit == nil {
		return
	}
	a := in.all[i]
	a.Evidence = withFilter(a)
	in.emit(a)
}

// describe adds what every incident says of its first frame.
func (in *incidents) describe(f *Frame, x *finding) {
	if x.evidence == nil {
		x.evidence = map[string]any{}
	}
	ev := x.evidence
	if h := &f.Dot11; h.Present {
		ev["ta"], ev["ra"], ev["bssid"] = h.TA.String(), h.RA.String(), h.BSSID.String()
		ev["sn"], ev["retry"] = h.Seq, h.Is(packet.Retry)
		if h.HasPN {
			ev["pn"], ev["decrypted"] = h.PN, f.Key != 0
		}
	}
	if f.IP.Version != 0 {
		ev["ip_source"], ev["ip_destination"] = ipString(&f.IP, f.IP.Src), ipString(&f.IP, f.IP.Dst)
	}
	if f.Layer >= packet.LayerUDP {
		ev["ports"] = [2]uint16{f.UDP.SrcPort, f.UDP.DstPort}
		ev["community_id"] = communityID(f)
	}
	if f.Layer == packet.LayerCoAP {
		c := &f.CoAP
		ev["message_id"], ev["token"] = c.MID, fmt.Sprintf("%x", c.Token[:c.TokenLen])
	}
}

func withFilter(a report.Alert) map[string]any {
	ev := make(map[string]any, len(a.Evidence)+1)
	for k, v := range a.Evidence {
		ev[k] = v
	}
	ev["wireshark_filter"] = filter(a)
	return ev
}

// filter shows the original and the offending frames.
func filter(a report.Alert) string {
	var b strings.Builder
	b.WriteString("frame.number in {")
	if a.Original != 0 && a.OriginalFile == a.File {
		b.WriteString(strconv.FormatUint(a.Original, 10))
		b.WriteString(", ")
	}
	for i, n := range a.Frames[:min(len(a.Frames), 50)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatUint(n, 10))
	}
	b.WriteString("}")
	return b.String()
}

func (in *incidents) list() []report.Alert {
	out := make([]report.Alert, len(in.all))
	for i, a := range in.all {
		a.Evidence = withFilter(a)
		out[i] = a
	}
	return out
}
