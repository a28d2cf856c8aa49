package sender

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/session"
	"pqiot/wire"
)

// fetched is what the answers to GET /pk have brought so far.
type fetched struct {
	body []byte
	etag []byte
	echo []byte
	next *coap.Block // the block to ask for; nil: none
	held bool        // 2.03: the key that we hold is still the one
}

// fetch gets the gateway's key, or with a key in hand its confirmation (2.03),
// and a fresh Echo. Each step may be answered by 4.01 + Echo.
func (s *Sender) fetch(deadline time.Time) (*hint, error) {
	var f fetched
	for repeats := 0; ; {
		p, err := s.request(s.get(&f), f.judge(s))
		if err != nil {
			return nil, err
		}
		answered, h, err := s.exchange(deadline, []*pending{p}, repeats < maxRepeats)
		switch {
		case err != nil:
			return nil, err
		case answered == nil && h.echo != nil && repeats < maxRepeats:
			f.echo = h.echo
			repeats++
		case answered == nil:
			return h, nil
		case f.held:
			s.echo = f.echo
			return nil, nil
		case f.next == nil:
			s.echo = f.echo
			return nil, s.adopt(f.body)
		}
	}
}

// get is the next GET /pk.
func (s *Sender) get(f *fetched) message.Message {
	var opts message.Options
	if s.key != nil && f.body == nil {
		pin := s.key.Pin()
		opts = append(opts, message.Option{ID: message.ETag, Value: pin[:wire.ETagSize]})
	}
	opts = append(opts, message.Option{ID: message.URIPath, Value: []byte("pk")})
	if f.next != nil {
		opts = append(opts, message.Option{ID: message.Block2, Value: f.next.Value()})
	}
	if f.echo != nil {
		opts = append(opts, message.Option{ID: coap.Echo, Value: f.echo})
	}
	return message.Message{Code: codes.GET, Options: opts}
}

// judge takes 2.03 and 2.05. Nothing authenticates them but the pin, at the
// end.
func (f *fetched) judge(s *Sender) func(*coap.Message) (bool, error) {
	return func(m *coap.Message) (bool, error) {
		etag, _ := m.Options.GetBytes(message.ETag)
		if m.Code == codes.Valid && s.key != nil && f.body == nil {
			pin := s.key.Pin()
			f.held = string(etag) == string(pin[:wire.ETagSize])
			f.takeEcho(m)
			return f.held, nil
		}
		format, err := m.Options.GetUint32(message.ContentFormat)
		if m.Code != codes.Content || err != nil || format != wire.ContentFormatKey {
			return false, nil
		}
		if f.body != nil && string(etag) != string(f.etag) {
			return false, fmt.Errorf("%w: it changed between two blocks", session.ErrPublicKey)
		}
		return true, f.add(s.cfg.Suite, m, etag)
	}
}

func (f *fetched) takeEcho(m *coap.Message) {
	if echo, err := m.Options.GetBytes(coap.Echo); err == nil {
		f.echo = append([]byte{}, echo...)
	}
}

// add takes the payload of a 2.05, whole or one block of it.
func (f *fetched) add(suite session.Suite, m *coap.Message, etag []byte) error {
	block := coap.Block{SZX: coap.MaxSZX}
	value, err := m.Options.GetBytes(message.Block2)
	blockwise := err == nil
	if blockwise {
		if block, err = coap.ParseBlock(value); err != nil {
			return fmt.Errorf("%w: %w", session.ErrPublicKey, err)
		}
	}
	if block.Offset() != len(f.body) || block.More && len(m.Payload) != block.Size() || len(f.body)+len(m.Payload) > suite.KeySize() {
		return fmt.Errorf("%w: %d bytes at %d, %d expected in all for %v", session.ErrPublicKey, len(m.Payload), block.Offset(), suite.KeySize(), suite)
	}
	f.body = append(f.body, m.Payload...)
	f.etag = append([]byte{}, etag...)
	f.takeEcho(m)
	f.next = nil
	if block.More {
		f.next = &coap.Block{Num: block.Num + 1, SZX: block.SZX}
	}
	return nil
}

// adopt checks a key against the pin, then as FIPS 203 §7.2 asks. Without a pin
// the first key is taken, and pinned from then on.
func (s *Sender) adopt(ek []byte) error {
	pin := sha256.Sum256(ek)
	if s.pin != nil && len(ek) == s.cfg.Suite.KeySize() && subtle.ConstantTimeCompare(pin[:], s.pin[:]) != 1 {
		return fmt.Errorf("%w: it has %x", ErrPin, pin)
	}
	key, err := session.ParsePublicKey(s.cfg.Suite, ek)
	if err != nil {
		return err
	}
	s.key, s.pin = key, &pin
	return nil
}
