package gateway

import (
	"net/netip"
	"time"

	"pqiot/peer/oscore"
	"pqiot/peer/session"
	"pqiot/wire"
)

const (
	// exchangeLifetime is how long a message id stands for one exchange
	// (RFC 7252 §4.8.2).
	exchangeLifetime = 247 * time.Second
	// idleTime is how long a session must have been silent to give way.
	idleTime = 60 * time.Second
	// remembered is how long a used session id is refused; the Echo of its
	// handshake is stale by then.
	remembered = 2 * wire.EchoLifetime * time.Second

	sessionAnswers = 16 // cached for each session
	recentAnswers  = 16 // cached for block-wise requests
)

// exchange names a request: who sent it, under which message id.
type exchange struct {
	from netip.AddrPort
	mid  uint16
}

// answers is a ring of answers by exchange; the oldest gives way.
type answers struct {
	ring []cached
	next int
}

type cached struct {
	key exchange
	at  time.Time
	out []byte
}

func newAnswers(n int) answers { return answers{ring: make([]cached, n)} }

// oldest returns the exchange that the next put makes room from.
func (a *answers) oldest() exchange { return a.ring[a.next%len(a.ring)].key }

func (a *answers) put(key exchange, now time.Time, out []byte) {
	c := &a.ring[a.next%len(a.ring)]
	c.key, c.at, c.out = key, now, append(c.out[:0], out...)
	a.next++
}

func (a *answers) get(key exchange, now time.Time) ([]byte, bool) {
	for i := range a.ring {
		c := &a.ring[i]
		if c.key == key && len(c.out) > 0 && now.Sub(c.at) < exchangeLifetime {
			return c.out, true
		}
	}
	return nil, false
}

// slot is a live session.
type slot struct {
	*session.Server
	oscore  *oscore.Context // nil unless the gateway serves it
	kid     string          // the PSK's name; empty in mode 0
	last    time.Time       // of the last verified record
	failed  bucket
	answers answers
}

// table holds the live sessions and what is remembered of used ones.
type table struct {
	slots      int
	bySID      map[wire.SID]*slot
	byKID      map[string]*slot
	byExchange map[exchange]*slot // whose ring holds the answer
	used       map[wire.SID]time.Time
	swept      time.Time // when used was last rid of old ones
}

func newTable(slots int) table {
	return table{slots: slots, bySID: map[wire.SID]*slot{}, byKID: map[string]*slot{},
		byExchange: map[exchange]*slot{}, used: map[wire.SID]time.Time{}}
}

// knows reports whether a session id is live or remembered.
func (t *table) knows(sid wire.SID, now time.Time) bool {
	if _, live := t.bySID[sid]; live {
		return true
	}
	at, used := t.used[sid]
	return used && now.Sub(at) < remembered
}

// room returns the session that a new one of this kid would replace, and
// whether there is a place at all. Sessions past their limits count as gone.
func (t *table) room(kid string, now time.Time) (*slot, bool) {
	if s, ok := t.byKID[kid]; ok && kid != "" {
		return s, true
	}
	if len(t.bySID) < t.slots {
		return nil, true
	}
	var oldest *slot
	for _, s := range t.bySID {
		if s.Ended(now) {
			return s, true
		}
		if oldest == nil || s.last.Before(oldest.last) {
			oldest = s
		}
	}
	return oldest, now.Sub(oldest.last) > idleTime
}

// add puts a verified session in, in the place of another if there is one.
func (t *table) add(s *slot, instead *slot, now time.Time) {
	if instead != nil {
		t.remove(instead)
	}
	if now.Sub(t.swept) >= remembered/4 {
		t.swept = now
		for sid, at := range t.used {
			if now.Sub(at) >= remembered {
				delete(t.used, sid)
			}
		}
	}
	t.used[s.SID()] = now
	t.bySID[s.SID()] = s
	if s.kid != "" {
		t.byKID[s.kid] = s
	}
}

func (t *table) remove(s *slot) {
	delete(t.bySID, s.SID())
	if t.byKID[s.kid] == s {
		delete(t.byKID, s.kid)
	}
	for _, c := range s.answers.ring {
		if t.byExchange[c.key] == s {
			delete(t.byExchange, c.key)
		}
	}
}

// cache keeps the answer to a session's request.
func (t *table) cache(s *slot, key exchange, now time.Time, out []byte) {
	if old := s.answers.oldest(); t.byExchange[old] == s {
		delete(t.byExchange, old)
	}
	s.answers.put(key, now, out)
	t.byExchange[key] = s
}

// cached returns the answer that an exchange got from a live session.
func (t *table) cached(key exchange, now time.Time) ([]byte, bool) {
	s, ok := t.byExchange[key]
	if !ok {
		return nil, false
	}
	return s.answers.get(key, now)
}
