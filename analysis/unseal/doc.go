// Package unseal opens what the user has keys for: WPA2-PSK frames (CCMP,
// AKM 2 and 6), given SSID and passphrase or PSK, and session records, given
// a key log. What it cannot open it names, and never guesses: a frame counts
// as decrypted only when its MIC is right.
//
//	network.go     what the user gives: SSID with passphrase or PSK
//	wpa.go         one station's keys, from the handshakes that were heard
//	handshake.go   the four messages; kdf.go, keys from them
//	ccmp.go        a protected frame
//	session.go     a record of the pqiot session, with the key log
package unseal
