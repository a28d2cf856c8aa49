// Package unseal opens what the user has keys for: WPA2-PSK frames (CCMP,
// AKM 2 and 6), given SSID and passphrase or PSK, and session records, given
// a key log. What it cannot open it names, and never guesses: a frame counts
// as decrypted only when its MIC is right.
package unseal
