package analysis

import (
	"hash/maphash"
	"time"
)

// twinWithin is how far apart two sniffers' stamps of one frame may lie once
// their clocks are aligned. A driver and a USB bus hold frames back for some
// milliseconds; a repeat is judged by time from 20 ms on.
const twinWithin = int64(20 * time.Millisecond)

// joiner finds frames that several sniffers heard: the first copy stands, the
// others are its twins. A sniffer is an interface of a file.
type joiner struct {
	seed  maphash.Seed
	known bool
	first sniffer
	many  bool
	turn  int64 // when recent began
	// Sightings of the last one to two spans of twinWithin.
	recent, before map[uint64]sighting
	twins          int64
}

type sniffer struct{ file, iface int }

type sighting struct {
	by sniffer
	at int64
}

func newJoiner(files int) *joiner {
	return &joiner{seed: maphash.MakeSeed(), many: files > 1, recent: map[uint64]sighting{}, before: map[uint64]sighting{}}
}

// twin reports whether another sniffer's copy of the frame came before.
func (j *joiner) twin(it *item) bool {
	by := sniffer{it.file, it.p.Iface}
	if !j.known {
		j.known, j.first = true, by
	}
	if !j.many {
		if by == j.first {
			return false
		}
		j.many = true
	}
	h, ok := sameForAll(j.seed, &it.p)
	if !ok {
		return false
	}
	// A little back is the jitter of stamps, far back a clock that was set.
	if d := it.p.Time - j.turn; d > twinWithin || d < -int64(time.Second) {
		j.turn = it.p.Time
		j.before, j.recent = j.recent, j.before
		clear(j.recent)
	}
	for _, m := range [2]map[uint64]sighting{j.recent, j.before} {
		if s, seen := m[h]; seen && s.by != by && max(it.p.Time-s.at, s.at-it.p.Time) <= twinWithin {
			j.twins++
			return true
		}
	}
	j.recent[h] = sighting{by, it.p.Time}
	return false
}
