package extcap

import (
	"os"

	"golang.org/x/sys/windows"
)

// watchParent returns what tells whether the parent of now is still there. A
// parent that cannot be looked at counts as alive.
func watchParent() func() bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(os.Getppid()))
	if err != nil {
		return func() bool { return true }
	}
	return func() bool {
		event, err := windows.WaitForSingleObject(h, 0)
		return err != nil || event == uint32(windows.WAIT_TIMEOUT)
	}
}
