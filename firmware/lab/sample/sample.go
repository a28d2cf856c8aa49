// Package sample holds the capture that ships with the project: eight seconds
// on channel 6 in which a gateway and a sender join a WPA2 network, get their
// addresses, and exchange an encapsulation key, a handshake and messages.
// gen writes it; go generate renews it.
package sample

import _ "embed"

//go:generate go run ./gen

// Network and passphrase of the capture, for Wireshark's IEEE 802.11
// decryption keys.
const (
	SSID       = "pqiot-lab"
	Passphrase = "pinecone on the air"
)

// Capture is a pcapng file of radiotap frames.
//
//go:embed sample.pcapng
var Capture []byte

// KeyLog has the keys of the session in the capture, in the form that package
// wire describes.
//
//go:embed sample.keylog
var KeyLog []byte
