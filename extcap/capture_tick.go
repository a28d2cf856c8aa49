package extcap

import (
	"context"
	"time"
)

// counters returns what a statistics block says now.
func (e *engine) counters() counters {
	stats := e.dec.Stats()
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.tally.counters(stats)
	if bound := e.clock.Bound(); bound < time.Hour {
		c.comment = "packet times are within " + bound.Round(time.Microsecond).String() + " of this computer's clock"
	}
	return c
}

// tick keeps the status line and the statistics blocks going. The blocks come
// also when nothing happens: writing them is how a capture on a silent channel
// notices that its reader is gone.
func (e *engine) tick(ctx context.Context) {
	ticker := time.NewTicker(statusPeriod)
	defer ticker.Stop()
	var rate rates
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		e.statusLine(&rate)
		if n%statsPeriod == 0 && e.out.statistics(e.counters(), e.now()) != nil {
			e.stop()
			return
		}
	}
}

// statusLine tells Wireshark how the capture goes.
func (e *engine) statusLine(rate *rates) {
	e.mu.Lock()
	ring, baud, lineUp := e.tally.last.RingHigh, e.baud, e.state.settled
	e.mu.Unlock()
	text := rate.line(e.now(), e.out.packets(), e.dec.Stats(), baud, ring)
	if text == "" || !lineUp {
		return
	}
	e.link.post(ctlStatus, CommandSet, text)
	e.link.post(0, CommandStatusBar, text)
}
