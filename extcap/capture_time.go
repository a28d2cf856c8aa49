package extcap

import (
	"encoding/binary"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

const (
	tsfAhead  = time.Second     // a mapped time may be so far after the arrival
	tsfBehind = 5 * time.Second // or before it, or the TSF has jumped
	echoAge   = time.Minute     // a reply to a time echo is younger
)

// liveTime gives the records of a live board a time. Frames may be stamped by
// the radio's TSF, which counts from another moment than the board's clock
// and so is mapped by itself. It may jump, too: then its mapping starts anew.
type liveTime struct {
	board *decoder.Clock
	tsf   *decoder.Clock
	epoch time.Time // what time echoes count from, with the monotonic clock
}

func (t *liveTime) stamp(rec *decoder.Record) time.Time {
	if rec.Boot {
		t.board.Reset()
		t.tsf = new(decoder.Clock)
	}
	if !byTSF(rec) {
		t.echo(rec)
		return mapped(t.board, rec)
	}
	at := mapped(t.tsf, rec)
	if late := rec.Arrived.Sub(at); late < -tsfAhead || late > tsfBehind {
		t.tsf = new(decoder.Clock)
		at = mapped(t.tsf, rec)
	}
	return at
}

// mapped tells c of a record and returns its host time. A record that was held
// up on the way says nothing of the clock.
func mapped(c *decoder.Clock, rec *decoder.Record) time.Time {
	if !rec.Late && !rec.Rescued {
		c.Observe(rec.Time, rec.Arrived)
	}
	if at := c.Host(rec.Time); !at.IsZero() {
		return at
	}
	return rec.Arrived
}

// echoBody is the body of a time echo sent now.
func (t *liveTime) echoBody() []byte {
	sent := t.epoch.UnixNano() + int64(time.Since(t.epoch))
	return binary.LittleEndian.AppendUint64(nil, uint64(sent))
}

// echo gives the clock a time echo's reply, which carries the time that the
// command was sent at. One that is no such time was sent by another program.
func (t *liveTime) echo(rec *decoder.Record) {
	r := &rec.Reply
	if rec.Type != wire.TypeReply || r.Type != wire.TypeTimeEcho || r.Status != wire.ReplyDone || len(r.Value) < 8 {
		return
	}
	sent := t.epoch.Add(time.Duration(int64(binary.LittleEndian.Uint64(r.Value)) - t.epoch.UnixNano()))
	if age := rec.Arrived.Sub(sent); age >= 0 && age < echoAge && !sent.Before(t.epoch) {
		t.board.Echo(sent, rec.Arrived, rec.Time)
	}
}

func byTSF(rec *decoder.Record) bool {
	return rec.Type == wire.TypeFrame && rec.Frame.Flags&wire.FrameTSF != 0
}

// recordedTime gives the records of a recorded stream a time. Nothing says when
// it was recorded, so its first record is now, and intervals are those of the
// board's clock or the radio's.
type recordedTime struct {
	newest     time.Time // of all records so far
	board, tsf span
}

// span maps times from its first one on.
type span struct {
	begun bool
	start time.Time
	base  uint64 // µs, at start
}

func (t *recordedTime) stamp(rec *decoder.Record) time.Time {
	if rec.Boot {
		t.board, t.tsf = span{}, span{}
	}
	s := &t.board
	if byTSF(rec) {
		s = &t.tsf
	}
	if !s.begun {
		*s = span{true, t.newest, rec.Time}
	}
	at := s.start.Add(time.Duration(int64(rec.Time-s.base)) * time.Microsecond)
	if at.After(t.newest) {
		t.newest = at
	}
	return at
}
