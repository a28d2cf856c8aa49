package gateway

import "time"

// Rate is how fast a token bucket fills, and how much it holds.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// bucket is a token bucket. The zero value is full.
type bucket struct {
	spent float64
	at    time.Time
}

// ready reports whether a token is there.
func (b *bucket) ready(now time.Time, r Rate) bool {
	if now.After(b.at) {
		b.spent = max(0, b.spent-now.Sub(b.at).Seconds()*r.PerSecond)
		b.at = now
	}
	return b.spent+1 <= r.Burst
}

// take takes a token if one is there.
func (b *bucket) take(now time.Time, r Rate) bool {
	if !b.ready(now, r) {
		return false
	}
	b.spent++
	return true
}
