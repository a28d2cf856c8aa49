package detect

import (
	"cmp"
	"fmt"
	"slices"

	"pqiot/analysis/report"
	"pqiot/wire"
)

// sessions are the pqiot sessions that were heard, by their id.
type sessions struct {
	t table[[wire.SIDSize]byte, session]
}

type session struct {
	suite            uint16
	gateway, sender  string
	first, handshake uint64
	records          int64
	side             [2]sequence // sender's, gateway's
}

// sequence follows one side's numbers. A single number far ahead is held
// back until a second one confirms it: a forged one must not make all
// that is honest look late.
type sequence struct {
	highest, held uint64
	top           uint64 // the highest one that was ever heard, held back or not
	started       bool
	raised        int64 // when highest rose last
}

const seqJump = 1 << 10

// next takes a number and reports whether it is far below the highest.
func (s *sequence) next(n uint64) (far bool) {
	switch {
	case !s.started || n > s.highest && n-s.highest <= seqJump:
		s.started, s.highest = true, n
	case n > s.highest:
		if s.held != 0 && n > s.held && n-s.held <= seqJump {
			s.highest, s.held = n, 0
		} else {
			s.held = n
		}
	default:
		return s.highest-n > seqWindow
	}
	return false
}

func (s *sessions) init() { s.t = newTable[[wire.SIDSize]byte, session](sessionsMax) }

// see takes a payload that was not heard before, as far as is remembered. It
// returns the highest number of its side, whether this one is far below, and
// whether it is above all: then it is certain that it was not heard before.
func (s *sessions) see(f *Frame, l *layout) (highest uint64, far, above bool) {
	x, fresh := s.t.put(l.sid)
	if fresh {
		x.first = f.id()
	}
	side, response := &x.side[0], l.kind == 0x82
	if response {
		side = &x.side[1]
	}
	if x.sender == "" {
		x.sender, x.gateway = ipString(&f.IP, f.IP.Src), ipString(&f.IP, f.IP.Dst)
		if response {
			x.sender, x.gateway = x.gateway, x.sender
		}
	}
	if l.kind == 1 && x.handshake == 0 {
		x.suite, x.handshake = l.suite, f.id()
	}
	x.records++
	highest = side.highest
	far = side.next(l.seq)
	if side.highest != highest {
		side.raised = f.Time
	}
	above = side.top > 0 && l.seq > side.top && s.t.evicted == 0
	side.top = max(side.top, l.seq)
	return highest, far, above
}

// left reports whether the sender went on to a later record: with one request
// open at a time (NSTART, RFC 7252 §4.7) it repeats this one no more. The next
// record may overtake a copy that the access point still holds.
func (s *sessions) left(f *Frame, l *layout) bool {
	x := s.t.get(l.sid)
	if x == nil || l.kind == 0x82 {
		return false
	}
	side := &x.side[0]
	return side.highest > l.seq+1 || side.highest == l.seq+1 && f.Time-side.raised > int64(relayWithin)
}

func (s *sessions) list() []report.Session {
	out := []report.Session{}
	s.t.each(func(id [wire.SIDSize]byte, x *session) {
		r := report.Session{SID: fmt.Sprintf("%x", id), Gateway: x.gateway, Sender: x.sender, FirstFrame: number(x.first), FirstFile: file(x.first),
			HandshakeFrame: number(x.handshake), HandshakeFile: file(x.handshake), Records: x.records, HighestSeq: x.side[0].highest}
		if x.suite != 0 {
			r.Suite = fmt.Sprintf("ML-KEM-%d", x.suite)
		}
		out = append(out, r)
	})
	slices.SortFunc(out, func(a, b report.Session) int {
		return cmp.Or(cmp.Compare(a.FirstFrame, b.FirstFrame), cmp.Compare(a.SID, b.SID))
	})
	return out
}
