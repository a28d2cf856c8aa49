// Package sender is a pqiot sender: a CoAP client that is provisioned with a
// gateway's pin, opens sessions with it and sends messages in them.
//
// All waiting is done in Link.Recv: with a Link of one's own there is neither
// a socket nor a clock. An answer that nothing authenticates is a hint. It may
// make the sender wait and shake hands afresh; it never makes it give up the
// pin, the PSK or the encryption.
package sender

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/oscore"
	"pqiot/peer/session"
	"pqiot/wire"
)

// DefaultTimeout bounds one message, its handshake included: a little over
// MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2).
const DefaultTimeout = 100 * time.Second

// Back-off after a hint.
const (
	minWait = 2 * time.Second
	maxWait = 60 * time.Second
)

// maxAnswer is the largest datagram that is looked at whole, bytes; the longest
// answer of a gateway has some 1100.
const maxAnswer = 2048

// maxRepeats is how often a request is repeated at once with a new Echo.
const maxRepeats = 3

// Errors of Send; test with errors.Is. session.ErrPublicKey is another.
var (
	ErrPin      = errors.New("the gateway's key does not match the pin")
	ErrNoAnswer = errors.New("no answer")                               // after MAX_RETRANSMIT
	ErrTimeout  = errors.New("no authenticated answer within the time") // Config.Timeout
	ErrRefused  = errors.New("the gateway refuses")                     // under the session's key
	ErrTooLong  = errors.New("the message is too long")
)

// Transmission are the parameters of RFC 7252 §4.8.
type Transmission struct {
	AckTimeout      time.Duration
	AckRandomFactor float64 // at least 1
	MaxRetransmit   int
}

// DefaultTransmission are the RFC's values.
func DefaultTransmission() Transmission { return Transmission{2 * time.Second, 1.5, 4} }

// Config is what a sender is made of.
type Config struct {
	Suite session.Suite
	Pin   *[32]byte // H(ek); nil only with TrustOnFirstUse

	// TrustOnFirstUse takes any key while Pin is nil, and that one from then on.
	TrustOnFirstUse bool

	KID    []byte // PSK's name; nil: mode 0
	PSK    []byte
	OSCORE bool // RFC 8613 for what follows the handshake

	Timeout      time.Duration // for one message; 0: DefaultTimeout
	Transmission *Transmission // nil: DefaultTransmission
	Random       io.Reader     // nil: crypto/rand
	KeyLog       io.Writer     // nil: none
	Event        func(Event)   // nil: nobody listens
}

// Event is something that happened while a message was sent.
type Event struct {
	Kind   Kind
	SID    wire.SID      // Opened
	Pin    [32]byte      // Opened: of the gateway's key
	Reason string        // Hint, KeyLogFailed
	Wait   time.Duration // Hint: until the next attempt
}

// Kind says what an Event is about.
type Kind int

const (
	Opened       Kind = iota + 1 // the gateway has proved to hold the session's key
	Hint                         // an answer that nothing authenticates
	KeyLogFailed                 // a key log line could not be written
)

// Sender is the state of a sender. It is not safe for concurrent use.
type Sender struct {
	cfg  Config
	tx   Transmission
	link Link
	mid  uint16
	buf  []byte
	wait time.Duration // after the next hint

	key  *session.PublicKey
	pin  *[32]byte
	echo []byte

	client *session.Client
	oscore *oscore.Context
	seq    uint64 // of the last message sent
}

// New makes a sender on a link.
func New(cfg Config, link Link) (*Sender, error) {
	if cfg.Pin == nil && !cfg.TrustOnFirstUse {
		return nil, errors.New("sender: no pin")
	}
	if cfg.Suite < session.MLKEM512 || cfg.Suite > session.MLKEM1024 {
		return nil, errors.New("sender: no parameter set")
	}
	if (cfg.PSK != nil || cfg.KID != nil) && (len(cfg.PSK) != wire.PSKSize || len(cfg.KID) < 1 || len(cfg.KID) > wire.MaxKID) {
		return nil, fmt.Errorf("sender: PSK of %d bytes, name of %d bytes", len(cfg.PSK), len(cfg.KID))
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	s := &Sender{cfg: cfg, tx: DefaultTransmission(), link: link, pin: cfg.Pin, wait: minWait, buf: make([]byte, maxAnswer)}
	if cfg.Transmission != nil {
		s.tx = *cfg.Transmission
	}
	var mid [2]byte
	if err := s.random(mid[:]); err != nil {
		return nil, err
	}
	s.mid = binary.BigEndian.Uint16(mid[:])
	return s, nil
}

func (s *Sender) random(b []byte) error {
	if _, err := io.ReadFull(s.cfg.Random, b); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	return nil
}

func (s *Sender) emit(e Event) {
	if s.cfg.Event != nil {
		s.cfg.Event(e)
	}
}

// Send sends one message and returns the gateway's answer to it once that has
// verified. It opens a session where there is none, and another where the old
// one has ended or the gateway seems to have lost it; a message whose answer
// was lost in between may then arrive in both.
func (s *Sender) Send(data []byte) ([]byte, error) {
	if len(data) > wire.MaxData {
		return nil, fmt.Errorf("%w: %d bytes, at most %d fit", ErrTooLong, len(data), wire.MaxData)
	}
	deadline := s.link.Now().Add(s.cfg.Timeout)
	for {
		if s.client == nil || s.client.Ended(s.link.Now()) {
			var first []byte
			if len(data) <= wire.MaxFirstData {
				first = data
			}
			reply, h, err := s.handshake(deadline, first)
			if err != nil {
				return nil, err
			}
			if h != nil {
				continue // having waited
			}
			if len(first) > 0 {
				return reply, nil
			}
		}
		reply, h, err := s.later(deadline, data)
		if err == nil && h == nil {
			return reply, nil
		}
		if err != nil && !errors.Is(err, session.ErrEnded) && !errors.Is(err, oscore.ErrSpent) {
			return nil, err
		}
		s.client, s.oscore = nil, nil
	}
}

// Session returns the id of the session and the sequence number of the last
// message sent in it.
func (s *Sender) Session() (sid wire.SID, seq uint64) {
	if s.client == nil {
		return sid, 0
	}
	return s.client.SID(), s.seq
}

// hint is an answer that nothing authenticates.
type hint struct {
	text   string
	echo   []byte        // of a 4.01: to be repeated with
	maxAge time.Duration // 0 if there is none
}

func hintOf(m *coap.Message) *hint {
	h := &hint{text: coap.FormatCode(m.Code)}
	if m.Code == codes.Changed || m.Code == codes.Content || m.Code == codes.Valid {
		h.text += " that does not verify"
	} else if len(m.Payload) > 0 {
		h.text += fmt.Sprintf(" %q", m.Payload[:min(len(m.Payload), 64)])
	}
	if value, err := m.Options.GetBytes(coap.Echo); err == nil && m.Code == codes.Unauthorized {
		h.echo = append([]byte{}, value...)
	}
	if age, err := m.Options.GetUint32(message.MaxAge); err == nil {
		h.maxAge = time.Duration(age) * time.Second
	}
	return h
}

// backOff returns how long to wait after a hint, and doubles the next wait.
func (s *Sender) backOff(h *hint) time.Duration {
	d := min(max(s.wait, h.maxAge), maxWait)
	s.wait = min(2*s.wait, maxWait)
	s.emit(Event{Kind: Hint, Reason: h.text, Wait: d})
	return d
}
