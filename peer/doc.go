// Package peer is the home of the two Go peers. It has no code of its own, but
// the tests of both together.
//
//	session      key schedule, records, replay window, Echo; no I/O
//	coap         strict reading of CoAP messages, over go-coap's codec
//	oscore       RFC 8613
//	gateway      the CoAP server; Handle is a function of time and datagram
//	sender       the CoAP client; all waiting is in its Link
//	keyfile      the files that hold a gateway's key, PSKs and pins
//	keylog       the keys of sessions, where the user asks for them
//	gatewaytest  what any gateway must survive, over UDP
//	badnet       for tests, a network that loses, doubles and reorders
package peer
