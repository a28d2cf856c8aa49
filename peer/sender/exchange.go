package sender

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
)

const tokenSize = 4 // random, so that no one off the path can guess it (RFC 7252 §5.3.1)

// maxTransmitWait is how long a separate response may take after an empty
// acknowledgement (RFC 7252 §4.8.2).
const maxTransmitWait = 93 * time.Second

// pending is a request whose answer may still come.
type pending struct {
	mid    uint16
	token  [tokenSize]byte
	packet []byte
	offer  *offer // of a handshake, in the message that completes it

	// judge says whether a response is the genuine answer. An error ends the
	// whole attempt; false makes the response a hint.
	judge func(*coap.Message) (bool, error)
}

// request makes a confirmable request under a new message id and token.
func (s *Sender) request(m message.Message, judge func(*coap.Message) (bool, error)) (*pending, error) {
	p := &pending{mid: s.mid, judge: judge}
	s.mid++
	if err := s.random(p.token[:]); err != nil {
		return nil, err
	}
	m.Type, m.MessageID, m.Token = message.Confirmable, int32(p.mid), p.token[:]
	p.packet = coap.Append(nil, m)
	return p, nil
}

// wait is the state of one exchange (RFC 7252 §4.2).
type wait struct {
	deadline   time.Time // of the message as a whole
	retransmit time.Time // when the next retransmission is due
	timeout    time.Duration
	left       int       // retransmissions
	hint       *hint     // the last one heard
	until      time.Time // with a hint: when it stands
	note       string    // what the network said
}

// wake is when the earliest of the timers runs out.
func (w *wait) wake() time.Time {
	at := w.deadline
	if w.retransmit.Before(at) {
		at = w.retransmit
	}
	if w.hint != nil && w.until.Before(at) {
		at = w.until
	}
	return at
}

// why adds to an error what was heard meanwhile.
func (w *wait) why(err error) error {
	switch {
	case w.hint != nil:
		return fmt.Errorf("%w: all that came, not authenticated: %s", err, w.hint.text)
	case w.note != "":
		return fmt.Errorf("%w: %s", err, w.note)
	}
	return err
}

// exchange sends all[len(all)-1] and waits for the genuine answer to any of
// all. It returns the request that was answered; or a hint, at once if the hint
// brings an Echo and one is wanted, else after the back-off, during which the
// genuine answer is still waited for; or an error.
func (s *Sender) exchange(deadline time.Time, all []*pending, echoWanted bool) (*pending, *hint, error) {
	current := all[len(all)-1]
	w, err := s.start(deadline)
	if err != nil {
		return nil, nil, err
	}
	if err := s.transmit(current.packet, w); err != nil {
		return nil, nil, err
	}
	for {
		n, err := s.link.Recv(s.buf, w.wake())
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if h, err := s.expired(w, current); h != nil || err != nil {
				return nil, h, err
			}
			continue
		case w.heed(err):
			continue
		case err != nil:
			return nil, nil, err
		}
		p, h, err := s.receive(s.buf[:n], all, w)
		if p != nil || err != nil || h != nil && h.echo != nil && echoWanted {
			return p, h, err
		}
		if h != nil && w.hint == nil {
			w.until = s.link.Now().Add(s.backOff(h))
		}
		if h != nil {
			w.hint = h
		}
	}
}

// start sets the timers: the first time-out lies between ACK_TIMEOUT and
// ACK_TIMEOUT · ACK_RANDOM_FACTOR.
func (s *Sender) start(deadline time.Time) (*wait, error) {
	var jitter [1]byte
	if err := s.random(jitter[:]); err != nil {
		return nil, err
	}
	spread := (s.tx.AckRandomFactor - 1) * float64(jitter[0]) / 255
	w := &wait{deadline: deadline, timeout: time.Duration(float64(s.tx.AckTimeout) * (1 + spread)), left: s.tx.MaxRetransmit}
	now := s.link.Now()
	if !now.Before(deadline) {
		return nil, ErrTimeout
	}
	w.retransmit = now.Add(w.timeout)
	return w, nil
}

// expired handles the timer that ran out.
func (s *Sender) expired(w *wait, current *pending) (*hint, error) {
	now := s.link.Now()
	switch {
	case !now.Before(w.deadline):
		return nil, w.why(ErrTimeout)
	case w.hint != nil && !now.Before(w.until):
		return w.hint, nil
	case now.Before(w.retransmit):
		return nil, nil
	case w.left > 0:
		w.left--
		w.timeout *= 2
		w.retransmit = now.Add(w.timeout)
		return nil, s.transmit(current.packet, w)
	case w.hint != nil:
		w.retransmit = w.deadline // wait for the back-off alone
		return nil, nil
	}
	return nil, w.why(ErrNoAnswer)
}

// transmit sends a datagram.
func (s *Sender) transmit(packet []byte, w *wait) error {
	err := s.link.Send(packet)
	if w.heed(err) {
		return nil
	}
	return err
}

// heed notes what the network says of the way to the gateway. As anybody can
// say so in its name (ICMP), it ends nothing.
func (w *wait) heed(err error) bool {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		w.note = "nobody listens on the gateway's port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		w.note = "the gateway cannot be reached"
	default:
		return false
	}
	return true
}

// receive judges a datagram: a genuine answer, a hint, or neither.
func (s *Sender) receive(datagram []byte, all []*pending, w *wait) (*pending, *hint, error) {
	m, err := coap.Parse(datagram, nil)
	if err != nil {
		return nil, nil, nil
	}
	p := match(&m, all)
	if m.Type == message.Confirmable { // a separate response, or nothing of ours
		reply := coap.AppendACK(nil, uint16(m.MessageID))
		if p == nil {
			reply = coap.AppendReset(nil, uint16(m.MessageID))
		}
		if err := s.transmit(reply, w); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case p == nil:
		return nil, nil, nil
	case m.Type == message.Reset:
		return nil, &hint{text: "a Reset"}, nil
	case m.Code == codes.Empty: // the response will come separately (RFC 7252 §5.2.2)
		w.left, w.retransmit = 0, s.link.Now().Add(maxTransmitWait)
		return nil, nil, nil
	}
	ok, err := p.judge(&m)
	if ok || err != nil {
		return p, nil, err
	}
	return nil, hintOf(&m), nil
}

// match finds the request that a message belongs to (RFC 7252 §4.2, §5.3.2).
func match(m *coap.Message, all []*pending) *pending {
	for _, p := range all {
		sameID := m.MessageID == int32(p.mid)
		sameToken := string(m.Token) == string(p.token[:])
		switch {
		case m.Code == codes.Empty && (m.Type == message.Acknowledgement || m.Type == message.Reset):
			if sameID {
				return p
			}
		case m.Code < 64: // not a response
		case m.Type == message.Acknowledgement && sameID && sameToken:
			return p
		case (m.Type == message.Confirmable || m.Type == message.NonConfirmable) && sameToken:
			return p
		}
	}
	return nil
}
