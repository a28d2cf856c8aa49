// Command pqiot-flash writes firmware to PineCone boards (BL602) and proves
// that it is there. See "pqiot-flash help".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"pqiot/firmware/flash"
)

// version is that of the build, set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit status.
const (
	exitOK    = 0
	exitNo    = 1 // a board is silent, lost, or does not hold what was meant
	exitUsage = 2 // usage, or a file or port that cannot be used
)

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	a := &app{ctx: ctx, stdout: stdout, stderr: stderr, getenv: os.Getenv, dial: dialSerial, ports: usbPorts, clock: systemClock{}}
	cmd := a.command()
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	return a.finish(cmd.ExecuteContext(ctx))
}

// finish prints the JSON object or the error, and gives the exit status.
func (a *app) finish(err error) int {
	if err != nil && a.report.Command == "" { // cobra found no command to run
		err = unusable{err}
	}
	if err != nil && !errors.Is(err, errShown) {
		fmt.Fprintf(a.stderr, "pqiot-flash: %v\n", err)
	}
	if a.opt.json && (a.report.Command != "" || err != nil) {
		a.report.Version, a.report.OK = 1, err == nil
		if err != nil && !errors.Is(err, errShown) {
			a.report.Error = err.Error()
		}
		if werr := writeJSON(a.stdout, a.report); werr != nil && err == nil {
			err = werr
		}
	}
	return exitCode(err)
}

// errShown marks a failure that the results tell already.
var errShown = errors.New("not every board is as it should be")

// unusable marks errors that are about the call and not about a board.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

func badUse(format string, args ...any) error { return unusable{fmt.Errorf(format, args...)} }

func exitCode(err error) int {
	var u unusable
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &u), errors.Is(err, flash.ErrOverlap), errors.Is(err, flash.ErrNoFit),
		errors.Is(err, flash.ErrEmpty), errors.Is(err, flash.ErrProtected):
		return exitUsage
	}
	return exitNo
}

const longHelp = `Writes firmware to PineCone boards (BL602), and proves by SHA-256 that it is
there. Sectors that hold the right bytes are left alone; a second run writes
nothing.

A PineCone enters the mode for flashing with its IO8 jumper at H and a press
of RESET; with the jumper at L and another press it runs its firmware.

The vendor's flash loader is part of Bouffalo's SDK and not of this program:
name the SDK with --sdk or BL_SDK_BASE, or the file itself with --loader.

Addresses and lengths are decimal, or hexadecimal after 0x. Exit status: 0 all
is as it should be; 1 a board is silent, lost, or does not hold what was
meant; 2 wrong usage, or a port or file that cannot be used.`

// command builds the tree of commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use: "pqiot-flash", Short: "flash PineCone boards and prove it", Long: longHelp, Version: version,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return badUse("name a command; pqiot-flash --help lists them")
		},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			a.report.Command = c.Name()
			return a.opt.check()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return unusable{err} })
	a.opt.register(root.PersistentFlags())
	root.AddCommand(a.allCommand(), a.writeCommand(), a.verifyCommand(), a.readCommand(), a.eraseCommand(), a.infoCommand(), a.inspectCommand())
	return root
}

// usage turns cobra's complaints about arguments into exit status 2.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return badUse("%s: %w", c.CommandPath(), err)
		}
		return nil
	}
}
