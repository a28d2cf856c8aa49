package oscore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"

	"pqiot/peer/coap"
)

// Request is what a response is bound to: the request's kid and Partial IV.
type Request struct{ KID, PIV []byte }

// SEQ returns the request's sequence number.
func (r Request) SEQ() uint64 { return decodePIV(r.PIV) }

// classU reports whether an option stays readable on the way (RFC 8613 §4.1,
// figure 5); all others are encrypted.
func classU(id message.OptionID) bool {
	switch id {
	case message.URIHost, message.URIPort, message.ProxyURI, message.ProxyScheme, coap.OSCORE:
		return true
	}
	return false
}

// plaintext is the part of m to be encrypted: code, class E options, payload
// (RFC 8613 §5.3).
func plaintext(m message.Message) ([]byte, error) {
	inner := slices.DeleteFunc(slices.Clone(m.Options), func(o message.Option) bool { return classU(o.ID) })
	n, err := inner.Marshal(nil)
	if err != nil && !errors.Is(err, message.ErrTooSmall) {
		return nil, err
	}
	p := make([]byte, 1+n, 2+n+len(m.Payload))
	p[0] = byte(m.Code)
	if _, err := inner.Marshal(p[1:]); err != nil {
		return nil, err
	}
	if len(m.Payload) > 0 {
		p = append(append(p, 0xff), m.Payload...)
	}
	return p, nil
}

// outer is m with everything of class E taken away and the option put in.
func outer(m message.Message, code codes.Code, o Option, ciphertext []byte) message.Message {
	opts := slices.DeleteFunc(slices.Clone(m.Options), func(o message.Option) bool { return !classU(o.ID) })
	m.Options = opts.Set(message.Option{ID: coap.OSCORE, Value: AppendOption(nil, o)})
	m.Code, m.Payload = code, ciphertext
	return m
}

// ProtectRequest encrypts a request (RFC 8613 §8.1) under the next sequence
// number. It gives ErrSpent when there is none.
func (c *Context) ProtectRequest(m message.Message) (message.Message, Request, error) {
	piv, err := c.takePIV()
	if err != nil {
		return message.Message{}, Request{}, err
	}
	req := Request{KID: c.senderID, PIV: piv}
	sealed, err := c.seal(m, req, c.nonce(c.senderID, piv))
	return outer(m, codes.POST, Option{PIV: piv, KIDContext: c.idContext, KID: c.senderID}, sealed), req, err
}

// ProtectResponse encrypts the response to req (RFC 8613 §8.3) with the
// request's nonce: each request is to be answered once.
func (c *Context) ProtectResponse(m message.Message, req Request) (message.Message, error) {
	sealed, err := c.seal(m, req, c.nonce(req.KID, req.PIV))
	return outer(m, codes.Changed, Option{}, sealed), err
}

// ProtectResponseFresh encrypts a response under a sequence number of its own.
func (c *Context) ProtectResponseFresh(m message.Message, req Request) (message.Message, error) {
	piv, err := c.takePIV()
	if err != nil {
		return message.Message{}, err
	}
	sealed, err := c.seal(m, req, c.nonce(c.senderID, piv))
	return outer(m, codes.Changed, Option{PIV: piv}, sealed), err
}

func (c *Context) seal(m message.Message, req Request, nonce []byte) ([]byte, error) {
	plain, errP := plaintext(m)
	ad, errA := aad(req)
	if err := errors.Join(errP, errA); err != nil {
		return nil, err
	}
	return c.sender.Seal(nil, nonce, plain, ad), nil
}

// open decrypts and puts the message together again: code, class E options and
// payload from inside, class U options from outside (RFC 8613 §8.2).
func (c *Context) open(m message.Message, req Request, nonce []byte) (message.Message, error) {
	ad, err := aad(req)
	if err != nil {
		return message.Message{}, err
	}
	if len(m.Payload) < tagSize {
		return message.Message{}, fmt.Errorf("%w: %d bytes", ErrDecrypt, len(m.Payload))
	}
	plain, err := c.recipient.Open([]byte{0x40, 0, 0}, nonce, m.Payload, ad)
	if err != nil {
		return message.Message{}, ErrDecrypt
	}
	// A header before it turns the plaintext into a message without a token.
	if len(plain) == 3 {
		return message.Message{}, fmt.Errorf("%w: no code inside", ErrDecrypt)
	}
	plain[1], plain[3] = plain[3], 0
	inner, err := coap.Parse(plain, nil)
	if err != nil || inner.Illegal != 0 {
		return message.Message{}, fmt.Errorf("%w: not a message inside", ErrDecrypt)
	}
	m.Code, m.Payload = inner.Code, inner.Payload
	opts := slices.DeleteFunc(slices.Clone(m.Options), func(o message.Option) bool { return !classU(o.ID) || o.ID == coap.OSCORE })
	for _, o := range inner.Options {
		opts = opts.Add(o)
	}
	m.Options = opts
	return m, nil
}

// find returns the parsed OSCORE option of m.
func find(m message.Message) (Option, error) {
	value, err := m.Options.GetBytes(coap.OSCORE)
	if err != nil {
		return Option{}, fmt.Errorf("%w: there is none", ErrOption)
	}
	return ParseOption(value)
}

// KID returns the kid of a request, by which a server finds the context.
func KID(m message.Message) ([]byte, error) {
	o, err := find(m)
	if err == nil && (o.KID == nil || len(o.PIV) == 0) {
		err = fmt.Errorf("%w: a request without kid or Partial IV", ErrOption)
	}
	return o.KID, err
}

// UnprotectRequest verifies and decrypts a request (RFC 8613 §8.2) and moves
// the replay window. It gives ErrOption, ErrContext, ErrReplay or ErrDecrypt.
func (c *Context) UnprotectRequest(m message.Message) (message.Message, Request, error) {
	o, err := find(m)
	if err == nil {
		_, err = KID(m)
	}
	if err != nil {
		return message.Message{}, Request{}, err
	}
	if string(o.KID) != string(c.recipientID) || o.KIDContext != nil && string(o.KIDContext) != string(c.idContext) {
		return message.Message{}, Request{}, ErrContext
	}
	seq := decodePIV(o.PIV)
	if !c.window.Fresh(seq) {
		return message.Message{}, Request{}, ErrReplay
	}
	req := Request{KID: notNil(o.KID), PIV: notNil(o.PIV)}
	out, err := c.open(m, req, c.nonce(req.KID, req.PIV))
	if err != nil {
		return message.Message{}, Request{}, err
	}
	c.window.Accept(seq)
	return out, req, nil
}

// UnprotectResponse verifies and decrypts the response to req (RFC 8613 §8.4).
// It gives ErrOption or ErrDecrypt.
func (c *Context) UnprotectResponse(m message.Message, req Request) (message.Message, error) {
	o, err := find(m)
	if err != nil {
		return message.Message{}, err
	}
	nonce := c.nonce(req.KID, req.PIV)
	if len(o.PIV) > 0 {
		nonce = c.nonce(c.recipientID, o.PIV)
	}
	return c.open(m, req, nonce)
}
