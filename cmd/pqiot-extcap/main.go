// Command pqiot-extcap is a capture interface of Wireshark: it lists the
// PineCone boards of this computer and captures from them. Started by a
// person it installs itself, and finds out what is wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"pqiot/extcap"
)

// version is that of the build, set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if !extcap.IsCall(args) {
		return people(ctx, args)
	}
	signal.Ignore(syscall.SIGPIPE) // a reader that left is an error of a write, not the end
	// The work fills some percent of one core. Spread over several, most of it
	// would be the waking of threads.
	runtime.GOMAXPROCS(1)
	ctx, cancel := extcap.WithParent(ctx)
	defer cancel()
	p := extcap.Program{
		Build: version, Stdout: os.Stdout, Stderr: os.Stderr,
		Ports: extcap.Ports, Opener: opener, Caller: extcap.Caller,
	}
	return p.Run(ctx, args)
}

// opener chooses what opens the board of a capture.
func opener(cfg extcap.Config) extcap.Opener {
	switch {
	case cfg.Simulated():
		return simulator{installer().Simulator()}
	case cfg.Replay != "":
		return extcap.ReplayOpener(cfg.Replay)
	}
	return serialOpener(cfg.Port, cfg.Baud)
}

func serialOpener(port string, baud int) extcap.Opener {
	return &extcap.PortOpener{Port: port, Baud: baud, Ports: extcap.Ports, Lock: extcap.LockPort, Dial: dial}
}
