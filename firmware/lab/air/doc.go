// Package air builds what is heard on a 2.4 GHz channel: 802.11 frames with
// their radiotap values, the WPA2-PSK handshake, CCMP encryption, and the IP
// traffic inside. Everything is a function of its arguments, keys and nonces
// included, so that a capture made of it is the same on every run.
package air
