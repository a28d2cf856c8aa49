package session

import "pqiot/wire"

// Observer opens the records of a session that it only watches, with keys
// from a key log. It keeps no window: what comes twice opens twice.
type Observer struct {
	suite Suite
	c, g  direction
}

// NewObserver takes a key log line of a session.
func NewObserver(k *wire.KeyLogLine) (*Observer, error) {
	o := &Observer{suite: pickSet(k.Set)}
	var err error
	if o.c, err = newDirection(k.Kc, k.IV); err != nil {
		return nil, err
	}
	o.g, err = newDirection(k.Kg, k.IV)
	return o, err
}

func pickSet(set int) Suite {
	switch set {
	case 768:
		return MLKEM768
	case 1024:
		return MLKEM1024
	}
	return MLKEM512
}

// Request opens a record of the sender and appends its data to dst; ErrTag
// where it is not genuine.
func (o *Observer) Request(dst []byte, r wire.SessionRecord) ([]byte, error) {
	o.c.bindRequest(&r.Nonce, o.suite)
	return o.c.open(dst, r.Sealed)
}

// Response opens the gateway's answer to the record with the given nonce.
func (o *Observer) Response(dst []byte, request wire.SessionNonce, r wire.SessionRecord) ([]byte, error) {
	o.g.bindResponse(&r.Nonce, &request)
	return o.g.open(dst, r.Sealed)
}
