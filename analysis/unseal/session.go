package unseal

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"pqiot/analysis/packet"
	"pqiot/peer/session"
	"pqiot/wire"
)

// Verdict says what the session's keys say of a record.
type Verdict uint8

// Verdicts.
const (
	NoKeys  Verdict = iota // the key log does not have the session, or the request of an answer was not heard
	Genuine                // the tag is right
	Forged                 // the tag is wrong
)

// Sessions verifies records with the keys of a key log. It is for one
// goroutine.
type Sessions struct {
	keys     map[wire.SID][]*session.Observer
	requests map[exchange]wire.SessionNonce
	buf      []byte
	counts   [3]int64
}

// exchange is where an answer finds the nonce of its request.
type exchange struct {
	client, server [16]byte
	port, mid      uint16
}

const (
	maxRequests = 1 << 14
	maxSessions = 1 << 16 // lines of a key log that are used
)

// ReadKeyLog reads a key log. Lines of other kinds are skipped; a damaged one
// of ours is an error with its number.
func ReadKeyLog(r io.Reader) (*Sessions, error) {
	s := &Sessions{keys: map[wire.SID][]*session.Observer{}, requests: map[exchange]wire.SessionNonce{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		k, err := wire.ParseKeyLogLine(lines.Bytes())
		if errors.Is(err, wire.ErrKeyLogSkip) || err == nil && k.OSCORE {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(s.keys) >= maxSessions {
			return nil, fmt.Errorf("line %d: more than %d sessions", n, maxSessions)
		}
		o, err := session.NewObserver(&k)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		s.keys[k.SID] = append(s.keys[k.SID], o)
	}
	return s, lines.Err()
}

// Counts are records by verdict.
func (s *Sessions) Counts() (genuine, forged int64) { return s.counts[Genuine], s.counts[Forged] }

// Verify judges the session record that a CoAP message carries whole.
func (s *Sessions) Verify(p *packet.Packet) Verdict {
	if s == nil || p.Layer != packet.LayerCoAP || p.CoAP.Block1.Present || p.CoAP.Block2.Present {
		return NoKeys
	}
	v := s.verify(p)
	s.counts[v]++
	return v
}

func (s *Sessions) verify(p *packet.Packet) Verdict {
	c := &p.CoAP
	body := c.Payload
	response := c.Code == 0x44 && c.Format == wire.ContentFormatRecord
	if !response {
		head, ok := headSize(c)
		if !ok || len(body) < head {
			return NoKeys
		}
		body = body[head:]
	}
	r, err := wire.ParseSessionRecord(body)
	if err != nil {
		return NoKeys
	}
	k := exchange{p.IP.Src, p.IP.Dst, p.UDP.SrcPort, c.MID}
	if response {
		k = exchange{p.IP.Dst, p.IP.Src, p.UDP.DstPort, c.MID}
	} else {
		if len(s.requests) >= maxRequests {
			clear(s.requests)
		}
		s.requests[k] = r.Nonce
	}
	request, heard := s.requests[k]
	keys := s.keys[r.Nonce.SID()]
	if !heard || len(keys) == 0 {
		return NoKeys
	}
	for _, o := range keys {
		if response {
			s.buf, err = o.Response(s.buf[:0], request, r)
		} else {
			s.buf, err = o.Request(s.buf[:0], r)
		}
		if err == nil {
			return Genuine
		}
	}
	return Forged
}

// headSize is the size of what stands before the record of a POST.
func headSize(c *packet.CoAP) (int, bool) {
	if c.Code != 2 || c.PathHash != packet.PathMsg {
		return 0, false
	}
	switch c.Format {
	case wire.ContentFormatHandshake512:
		return wire.CiphertextSize512, true
	case wire.ContentFormatHandshake768:
		return wire.CiphertextSize768, true
	case wire.ContentFormatHandshake1024:
		return wire.CiphertextSize1024, true
	case wire.ContentFormatRecord:
		return 0, true
	}
	return 0, false
}
