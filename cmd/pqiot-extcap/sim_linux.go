package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// simAttributes make the kernel end the board if this program is killed.
func simAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// startTied starts cmd and closes ended once it is gone. Pdeathsig acts when
// the thread ends that started the process, so that thread is kept.
func startTied(cmd *exec.Cmd, ended chan<- struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended shows at its stdout
			close(ended)
		}
	}()
	return <-started
}
