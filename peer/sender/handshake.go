package sender

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
	"pqiot/peer/keylog"
	"pqiot/peer/oscore"
	"pqiot/peer/session"
	"pqiot/wire"
)

// blockSize is what one message carries; longer bodies go by blocks of it.
const blockSize = 1024

// offer is one encapsulation under one Echo: the keys that it leads to and the
// answer that it may get.
type offer struct {
	keys   *session.Keys
	client *session.Client
	nonce  wire.SessionNonce
	echo   []byte
	body   []byte
	reply  []byte
}

// handshake opens a session, with data in its first flight. A hint comes after
// its back-off: the caller may try afresh at once.
func (s *Sender) handshake(deadline time.Time, data []byte) ([]byte, *hint, error) {
	if h, err := s.fetch(deadline); h != nil || err != nil {
		return nil, h, err
	}
	var coin [session.CoinSize]byte
	if err := s.random(coin[:]); err != nil {
		return nil, nil, err
	}
	ct, ss, err := s.key.Encapsulate(coin[:])
	clear(coin[:])
	defer clear(ss[:])
	if err != nil {
		return nil, nil, err
	}
	var offers []*offer
	defer func() {
		for _, o := range offers {
			o.keys.Wipe()
		}
	}()
	var sent []*pending
	for repeats := 0; ; repeats++ {
		o, err := s.offer(ct, ss[:], data)
		if err != nil {
			return nil, nil, err
		}
		offers = append(offers, o)
		answered, h, err := s.post(deadline, o, &sent, repeats < maxRepeats)
		if err != nil {
			return nil, nil, err
		}
		if answered != nil {
			return answered.reply, nil, s.opened(answered)
		}
		if h.echo == nil || repeats == maxRepeats {
			return nil, h, nil
		}
		s.echo = h.echo
	}
}

// offer derives the keys for the current Echo and seals the first record.
func (s *Sender) offer(ct, ss, data []byte) (*offer, error) {
	o := &offer{echo: s.echo}
	var err error
	o.keys, err = session.Derive(&session.Transcript{Suite: s.cfg.Suite, KID: s.cfg.KID, PSK: s.cfg.PSK, Echo: s.echo, Pin: s.key.Pin(), CT: ct}, ss)
	if err != nil {
		return nil, err
	}
	if o.client, err = session.NewClient(o.keys, s.link.Now()); err != nil {
		return nil, err
	}
	o.body, o.nonce, err = o.client.Seal(slices.Clone(ct), data)
	return o, err
}

// options are those of a handshake; a block adds its own.
func (s *Sender) options(o *offer) message.Options {
	opts := message.Options{
		{ID: message.URIPath, Value: []byte("msg")},
		{ID: message.ContentFormat, Value: coap.Uint(uint32(s.cfg.Suite.ContentFormat()))},
	}
	if s.cfg.KID != nil {
		opts = append(opts, message.Option{ID: message.URIQuery, Value: append([]byte("k="), s.cfg.KID...)})
	}
	if o.echo != nil {
		opts = append(opts, message.Option{ID: coap.Echo, Value: o.echo})
	}
	return opts
}

// post sends an offer, in blocks where it is large (RFC 7959 §2.5). The answers
// to earlier offers of the same ciphertext, in sent, count as well.
func (s *Sender) post(deadline time.Time, o *offer, sent *[]*pending, echoWanted bool) (*offer, *hint, error) {
	var tag [4]byte
	if err := s.random(tag[:]); err != nil {
		return nil, nil, err
	}
	for num, rest := uint32(0), o.body; ; num++ {
		m := message.Message{Code: codes.POST, Options: s.options(o), Payload: rest[:min(len(rest), blockSize)]}
		rest = rest[len(m.Payload):]
		judge := func(m *coap.Message) (bool, error) { return o.verify(m), nil }
		if len(o.body) > blockSize {
			block := coap.Block{Num: num, More: len(rest) > 0, SZX: coap.MaxSZX}
			m.Options = m.Options.Set(message.Option{ID: message.Block1, Value: block.Value()})
			m.Options = m.Options.Set(message.Option{ID: coap.RequestTag, Value: tag[:]})
		}
		if len(rest) > 0 {
			judge = func(m *coap.Message) (bool, error) { return m.Code == codes.Continue, nil }
		}
		p, err := s.request(m, judge)
		if err != nil {
			return nil, nil, err
		}
		all := append(slices.Clone(*sent), p)
		if len(rest) == 0 {
			p.offer, *sent = o, all
		}
		answered, h, err := s.exchange(deadline, all, echoWanted)
		if answered == nil || err != nil {
			return nil, h, err
		}
		if answered.offer != nil {
			return answered.offer, nil, nil
		}
	}
}

// verify reports whether a 2.04 is the gateway's proof that it holds the keys.
func (o *offer) verify(m *coap.Message) bool {
	format, err := m.Options.GetUint32(message.ContentFormat)
	if m.Code != codes.Changed || err != nil || format != wire.ContentFormatRecord {
		return false
	}
	reply, err := o.client.Open(nil, o.nonce, m.Payload)
	if err != nil {
		return false
	}
	o.reply = reply
	return true
}

// opened makes a confirmed offer the session.
func (s *Sender) opened(o *offer) error {
	s.client, s.seq, s.wait = o.client, 0, minWait
	if s.cfg.OSCORE {
		ctx, err := oscore.New(oscore.Params{MasterSecret: o.keys.OSCORESecret[:], MasterSalt: o.keys.OSCORESalt[:],
			SenderID: o.keys.SID[:], RecipientID: []byte{session.GatewayID}, MaxSEQ: wire.MaxSessionSEQ})
		if err != nil {
			return err
		}
		s.oscore = ctx
	}
	if s.cfg.KeyLog != nil {
		if err := keylog.Write(s.cfg.KeyLog, o.keys, s.cfg.OSCORE); err != nil {
			s.emit(Event{Kind: KeyLogFailed, Reason: err.Error()})
		}
	}
	s.emit(Event{Kind: Opened, SID: o.keys.SID, Pin: s.key.Pin()})
	return nil
}

// later sends a message in the open session. A hint comes after its back-off.
func (s *Sender) later(deadline time.Time, data []byte) (reply []byte, h *hint, err error) {
	protect := s.record
	if s.cfg.OSCORE {
		protect = s.protected
	}
	p, err := protect(data, &reply)
	if err != nil {
		return nil, nil, err
	}
	answered, h, err := s.exchange(deadline, []*pending{p}, false)
	if answered != nil {
		s.wait = minWait
	}
	return reply, h, err
}

// record is a message as a record of version 1.
func (s *Sender) record(data []byte, reply *[]byte) (*pending, error) {
	client := s.client
	body, nonce, err := client.Seal(nil, data)
	if err != nil {
		return nil, err
	}
	s.seq = nonce.SEQ()
	m := message.Message{Code: codes.POST, Payload: body, Options: message.Options{
		{ID: message.URIPath, Value: []byte("msg")},
		{ID: message.ContentFormat, Value: coap.Uint(wire.ContentFormatRecord)}}}
	o := &offer{client: client, nonce: nonce}
	return s.request(m, func(m *coap.Message) (bool, error) {
		ok := o.verify(m)
		*reply = o.reply
		return ok, nil
	})
}

// protected is a message as RFC 8613 has it.
func (s *Sender) protected(data []byte, reply *[]byte) (*pending, error) {
	m := message.Message{Code: codes.POST, Payload: data, Options: message.Options{{ID: message.URIPath, Value: []byte("msg")}}}
	out, req, err := s.oscore.ProtectRequest(m)
	if err != nil {
		return nil, err
	}
	s.seq = req.SEQ()
	return s.request(out, func(m *coap.Message) (bool, error) {
		inner, err := s.oscore.UnprotectResponse(m.Message, req)
		switch {
		case errors.Is(err, oscore.ErrDecrypt), errors.Is(err, oscore.ErrOption):
			return false, nil
		case err != nil:
			return false, err
		case inner.Code != codes.Changed:
			return false, fmt.Errorf("%w: %s", ErrRefused, coap.FormatCode(inner.Code))
		}
		*reply = slices.Clone(inner.Payload)
		return true, nil
	})
}
