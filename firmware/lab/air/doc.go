// Package air builds what is heard on a 2.4 GHz channel: 802.11 frames with
// their radiotap values, the WPA2-PSK handshake, CCMP encryption, and the IP
// traffic inside. Everything is a function of its arguments, keys and nonces
// included, so that a capture made of it is the same on every run.
//
//	w, err := scenario.Play(seed, wpa)       // Scenarios lists all that there are
//	heard, truth := w.Capture()              // frames as the monitor hears them, and what each is
//	file, err := air.Pcapng(heard, start)
//
// Where to find what:
//
//	scenario.go   what happens, by name; attack.go, what an attacker does in it
//	world.go      time, who hears what, the truth about each frame
//	station.go    access point and stations: joining, retries, relay; lease.go, DHCP
//	peer.go       a station whose software runs elsewhere, such as a board's
//	coap.go       gateway and sender of the simulation
//	dot11.go, ip.go, wpa2.go   the bytes of each layer
//	capture.go    radiotap and pcapng
package air
