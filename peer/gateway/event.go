package gateway

import (
	"net/netip"

	"pqiot/wire"
)

// Kind says what an Event is about.
type Kind int

const (
	SessionOpened Kind = iota + 1 // a handshake verified
	SessionClosed                 // its limits, its PSK's next session, or idle while a slot was needed
	Message                       // data of a verified handshake or record
	Refused                       // anything else; nothing of it is authenticated
	KeyLogFailed                  // a key log line could not be written
)

// Event is something that happened at the gateway.
type Event struct {
	Kind   Kind
	From   netip.AddrPort
	SID    wire.SID
	KID    string // SessionOpened: the PSK's name; empty in mode 0
	SEQ    uint64 // Message
	Data   []byte // Message; valid during the call
	OSCORE bool   // Message: came as RFC 8613
	Reason string // Refused, SessionClosed, KeyLogFailed
}

func (g *Gateway) emit(e Event) {
	if g.cfg.Event != nil {
		g.cfg.Event(e)
	}
}

func (g *Gateway) refused(from netip.AddrPort, reason string) {
	g.emit(Event{Kind: Refused, From: from, Reason: reason})
}
