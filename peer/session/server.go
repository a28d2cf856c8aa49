package session

import (
	"time"

	"pqiot/wire"
)

// Server is a gateway's end of a session.
type Server struct {
	ends
	window Window
	next   uint64 // our own sequence number under Kg
}

// NewServer makes a gateway's end from keys, which stay the caller's to wipe.
// It is worth nothing before Handshake has succeeded.
func NewServer(k *Keys, now time.Time) (*Server, error) {
	e, err := newEnds(k, now)
	return &Server{ends: e}, err
}

// CheckHandshake judges what can be judged without a decapsulation: the
// record's session id must be the ciphertext's, its sequence number 0.
func CheckHandshake(h wire.Handshake) error {
	if h.Record.Nonce.SID() != SID(h.Ciphertext) {
		return ErrOther
	}
	if h.Record.Nonce.SEQ() != 0 {
		return ErrReplay
	}
	return nil
}

// Handshake verifies the first record and appends its data to dst. It gives
// ErrTag for an altered ciphertext, a wrong PSK and a forged record alike.
func (s *Server) Handshake(dst []byte, r wire.SessionRecord) ([]byte, error) {
	return s.open(dst, &r)
}

// Open verifies a later record and appends its data to dst, in the order:
// session id (ErrOther), window (ErrReplay), tag (ErrTag), limit (ErrEnded).
// The window moves only if all of it holds.
func (s *Server) Open(dst []byte, r wire.SessionRecord) ([]byte, error) {
	if r.Nonce.SID() != s.sid {
		return nil, ErrOther
	}
	if !s.Fresh(r.Nonce) {
		return nil, ErrReplay
	}
	return s.open(dst, &r)
}

// Fresh reports whether the window still takes a later record's number; the
// handshake has used number 0.
func (s *Server) Fresh(n wire.SessionNonce) bool { return s.window.Fresh(n.SEQ()) }

func (s *Server) open(dst []byte, r *wire.SessionRecord) ([]byte, error) {
	s.c.bindRequest(&r.Nonce, s.suite)
	out, err := s.c.open(dst, r.Sealed)
	if err != nil {
		s.failed++
		return nil, err
	}
	if r.Nonce.SEQ() > wire.MaxSessionSEQ {
		return nil, ErrEnded
	}
	s.window.Accept(r.Nonce.SEQ())
	return out, nil
}

// Seal appends the answer to the record with nonce request. One record is
// answered once: repeats get the same bytes from a cache, never a second
// encryption. ErrEnded cannot come before Open has given it.
func (s *Server) Seal(dst []byte, request wire.SessionNonce, data []byte) ([]byte, error) {
	if s.next > wire.MaxSessionSEQ {
		return nil, ErrEnded
	}
	n := wire.NewSessionNonce(s.sid, s.next)
	s.next++
	s.g.bindResponse(&n, &request)
	return s.g.seal(dst, &n, data), nil
}
