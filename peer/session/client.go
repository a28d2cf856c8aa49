package session

import (
	"fmt"
	"time"

	"pqiot/wire"
)

// Client is a sender's end of a session.
type Client struct {
	ends
	next uint64 // sequence number of the next record
	last int64  // gateway's highest verified sequence number; -1: none yet
}

// NewClient makes a sender's end from keys, which stay the caller's to wipe.
func NewClient(k *Keys, now time.Time) (*Client, error) {
	e, err := newEnds(k, now)
	return &Client{ends: e, last: -1}, err
}

// Seal appends the next record to dst and returns its nonce, by which Open
// knows the answer. The first record is the handshake's. It gives ErrEnded
// after wire.MaxSessionSEQ records; data over the wire's limit is an error too.
func (c *Client) Seal(dst, data []byte) ([]byte, wire.SessionNonce, error) {
	limit := wire.MaxData
	if c.next == 0 {
		limit = wire.MaxFirstData
	}
	if len(data) > limit {
		return nil, wire.SessionNonce{}, fmt.Errorf("%d bytes of data, at most %d fit", len(data), limit)
	}
	if c.next > wire.MaxSessionSEQ {
		return nil, wire.SessionNonce{}, ErrEnded
	}
	n := wire.NewSessionNonce(c.sid, c.next)
	c.next++
	c.c.bindRequest(&n, c.suite)
	return c.c.seal(dst, &n, data), n, nil
}

// Confirmed reports whether a response has verified: only then is the session
// open.
func (c *Client) Confirmed() bool { return c.last >= 0 }

// Open verifies a 2.04's payload as the answer to the record with nonce
// request, and appends its data to dst. It gives wire.ErrPayload, ErrOther,
// ErrReplay unless the gateway's number rises, ErrTag, or ErrEnded.
func (c *Client) Open(dst []byte, request wire.SessionNonce, payload []byte) ([]byte, error) {
	r, err := wire.ParseSessionRecord(payload)
	if err != nil {
		return nil, err
	}
	if r.Nonce.SID() != c.sid {
		return nil, ErrOther
	}
	if int64(r.Nonce.SEQ()) <= c.last {
		return nil, ErrReplay
	}
	if c.failed >= MaxFailedTags {
		return nil, ErrEnded
	}
	c.g.bindResponse(&r.Nonce, &request)
	out, err := c.g.open(dst, r.Sealed)
	if err != nil {
		c.failed++
		return nil, err
	}
	c.last = int64(r.Nonce.SEQ())
	return out, nil
}
