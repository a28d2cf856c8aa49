//go:build !linux

package extcap

// Caller would tell which Wireshark started this program. It is not known
// here, which gives the oldest grammar.
func Caller() Version { return Version{} }
