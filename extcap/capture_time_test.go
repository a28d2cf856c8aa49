package extcap

import (
	"testing"
	"time"

	"pqiot/decoder"
	"pqiot/wire"
)

// TestTimes gives records of both clocks, each delayed by another time on its
// way, and checks that intervals come out as the board has them.
func TestTimes(t *testing.T) {
	start := time.Now()
	live := &liveTime{board: new(decoder.Clock), tsf: new(decoder.Clock), epoch: start}
	playback := &recordedTime{newest: start}
	for name, stamp := range map[string]func(*decoder.Record) time.Time{"live": live.stamp, "recorded": playback.stamp} {
		const jump = 1000 // the record before which the TSF jumps ahead by an hour
		var last [2]time.Time
		for i := range 2000 {
			clock, tsf := i%2, uint64(i)*1000+7e15
			if i >= jump {
				tsf += 3600e6
			}
			delay := time.Duration(1+i%7) * time.Millisecond
			rec := &decoder.Record{Type: wire.TypeFrame, Time: uint64(i) * 1000, Arrived: start.Add(time.Duration(i)*time.Millisecond + delay)}
			if clock == 1 {
				rec.Time, rec.Frame.Flags = tsf, wire.FrameTSF
			}
			at := stamp(rec)
			if d := at.Sub(last[clock]); i > 20 && name == "live" && (i < jump || i > jump+20) && (d < 1900*time.Microsecond || d > 2100*time.Microsecond) {
				t.Errorf("%s, record %d: %v after the one before, 2 ms on the board", name, i, d)
			}
			if d := at.Sub(last[clock]); name == "recorded" && i > 1 && i != jump+1 && d != 2*time.Millisecond {
				t.Errorf("%s, record %d: %v after the one before, 2 ms on the board", name, i, d)
			}
			if late := rec.Arrived.Sub(at); name == "live" && (late < -time.Millisecond || late > 20*time.Millisecond) {
				t.Errorf("record %d: stamped %v before it came", i, late)
			}
			last[clock] = at
		}
	}
}

// TestTimeEcho lets every record wait for a second but the replies to time
// echoes: only they can tell.
func TestTimeEcho(t *testing.T) {
	clock := new(decoder.Clock)
	live := &liveTime{board: clock, tsf: new(decoder.Clock), epoch: time.Now()}
	body := live.echoBody()
	arrived := time.Now()
	reply := wire.Reply{Type: wire.TypeTimeEcho, Value: body}
	live.stamp(&decoder.Record{Type: wire.TypeReply, Time: 1000, Arrived: arrived, Reply: reply})
	if b := clock.Bound(); b > arrived.Sub(live.epoch)+time.Millisecond {
		t.Errorf("bound %v after an echo that took at most %v", b, arrived.Sub(live.epoch))
	}
	for name, r := range map[string]wire.Reply{
		"refused": {Type: wire.TypeTimeEcho, Status: wire.ReplyNotSupported, Value: body},
		"short":   {Type: wire.TypeTimeEcho, Value: body[:7]},
		"another": {Type: wire.TypeStatusNow, Value: body},
		"foreign": {Type: wire.TypeTimeEcho, Value: make([]byte, 8)},
	} {
		clock := new(decoder.Clock)
		live := &liveTime{board: clock, tsf: new(decoder.Clock), epoch: live.epoch}
		live.stamp(&decoder.Record{Type: wire.TypeReply, Time: 1000, Arrived: arrived, Reply: r})
		if b := clock.Bound(); b < time.Second {
			t.Errorf("%s: taken for an echo, bound %v", name, b)
		}
	}
}
