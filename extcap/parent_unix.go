//go:build unix

package extcap

import "os"

// watchParent returns what tells whether the parent of now is still there: an
// orphan is handed to another process. Asking costs one system call. (Linux
// can send a signal instead, but bound to the parent's thread, not process.)
func watchParent() func() bool {
	parent := os.Getppid()
	return func() bool { return os.Getppid() == parent }
}
