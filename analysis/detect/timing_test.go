package detect

import (
	"slices"
	"testing"
	"time"

	"pqiot/analysis/report"
	"pqiot/wire"
)

// wired turns frames of the quiet air into those of a cable, where the link
// says nothing, and gives a sender's record with its answer and the sender's next
// record.
func wired(t *testing.T) (record, answer, next Frame) {
	t.Helper()
	fs := frames(t, "quiet")
	clean := func(f Frame) Frame {
		p := *f.Packet
		p.Dot11.Present = false
		return Frame{Packet: &p}
	}
	for i := range fs {
		c := &fs[i].CoAP
		if fs[i].UDP.DstPort != wire.CoAPPort || c.Format != wire.ContentFormatRecord {
			continue
		}
		mine := func(f Frame, code uint8) bool {
			to, port := f.IP.Dst, f.UDP.DstPort
			if code == 2 {
				to, port = f.IP.Src, f.UDP.SrcPort
			}
			return f.CoAP.Code == code && to == fs[i].IP.Src && port == fs[i].UDP.SrcPort
		}
		a := slices.IndexFunc(fs[i:], func(f Frame) bool { return mine(f, 0x44) && f.CoAP.MID == c.MID })
		n := slices.IndexFunc(fs[i:], func(f Frame) bool { return mine(f, 2) && f.CoAP.MID != c.MID })
		if a < 0 || n < 0 {
			t.Fatal("no answer, or no next record")
		}
		return clean(fs[i]), clean(fs[i+a]), clean(fs[i+n])
	}
	t.Fatal("no record")
	return
}

// later is the frame once more, as frame n, some time after the first.
func later(f Frame, n uint64, since time.Duration) *Frame {
	p := *f.Packet
	p.Frame, p.Time = n, f.Time+int64(since)
	return &Frame{Packet: &p}
}

func TestCopyAfterTheSenderWentOn(t *testing.T) {
	record, answer, next := wired(t)
	for _, c := range []struct {
		name    string
		answer  bool
		goes    time.Duration // the next record, 0 = none
		copied  time.Duration
		verdict Kind
	}{
		{"nothing else was heard", false, 0, 2500 * time.Millisecond, Retransmission},
		{"the answer may be lost behind the monitor", true, 0, 2500 * time.Millisecond, Retransmission},
		{"the next record overtook the copy", false, 2 * time.Second, 2500 * time.Millisecond, Retransmission},
		{"the sender went on long ago", true, 3 * time.Second, 7 * time.Second, Replay},
	} {
		e := New(nil)
		e.Observe(&record)
		if c.answer {
			e.Observe(&answer)
		}
		if c.goes != 0 {
			e.Observe(later(next, 900, time.Duration(record.Time-next.Time)+c.goes))
		}
		if got := e.Observe(later(record, 1000, c.copied)); got != c.verdict {
			t.Errorf("%s: %v, want %v", c.name, got, c.verdict)
		}
	}
}

func TestCopiesOnTheScheduleJoinAReplay(t *testing.T) {
	record, answer, _ := wired(t)
	for _, answered := range []bool{true, false} {
		e := New(nil)
		e.Observe(&record)
		if answered {
			e.Observe(&answer)
		}
		e.Observe(later(record, 1000, 2500*time.Millisecond))
		e.Observe(later(record, 1001, 25*time.Second))
		var r report.Report
		e.Fill(&r)
		want, honest := []uint64{1001}, int64(1)
		if answered {
			want, honest = []uint64{1000, 1001}, 0
		}
		if len(r.Alerts) != 1 || !slices.Equal(r.Alerts[0].Frames, want) || r.Repeats.CoAPRetransmission != honest ||
			r.Repeats.Replay != int64(len(want)) || r.Alerts[0].Count != int64(len(want)) {
			t.Errorf("answered %v: %+v, %+v", answered, r.Alerts, r.Repeats)
		}
	}
}
