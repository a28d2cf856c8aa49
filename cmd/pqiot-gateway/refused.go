package main

import (
	"fmt"
	"strings"
	"time"

	"pqiot/cmd/internal/peercli"
	"pqiot/peer/gateway"
)

// refuse writes a refusal, or counts it if one of its kind was written less
// than a second ago.
func (l *eventLog) refuse(now time.Time, e gateway.Event) {
	kind, _, _ := strings.Cut(e.Reason, ":")
	if l.refused == nil {
		l.refused = map[string]*refusals{}
	}
	r := l.refused[kind]
	if r == nil {
		r = &refusals{}
		l.refused[kind] = r
	}
	r.more++
	r.event = e
	if now.Sub(r.at) >= time.Second {
		l.write(now, r)
	}
}

func (l *eventLog) write(now time.Time, r *refusals) {
	from, note := r.event.From.String(), ""
	if r.more > 1 {
		note = fmt.Sprintf(", %d times", r.more)
	}
	l.print(now, "refused", peercli.Fields{"reason": r.event.Reason, "from": from, "count": r.more},
		"", "refused "+from+": "+r.event.Reason+note)
	r.at, r.more = now, 0
}

// flush writes the refusals that were only counted.
func (l *eventLog) flush() {
	for _, r := range l.refused {
		if r.more > 0 {
			l.write(time.Now(), r)
		}
	}
}
