//go:build !linux

package main

import (
	"os/exec"
	"syscall"
)

func simAttributes() *syscall.SysProcAttr { return nil }

// startTied starts cmd and closes ended once it is gone. If this program is
// killed, the board ends as its stdin does.
func startTied(cmd *exec.Cmd, ended chan<- struct{}) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // how it ended shows at its stdout
		close(ended)
	}()
	return nil
}
