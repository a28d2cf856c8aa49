// Command pqiot-lab plays the three boards on this computer: gateway, sender
// and sniffer firmware as processes, joined by a simulated access point and
// air, captured through pqiot-extcap, with the truth about each frame beside.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"pqiot/firmware/lab"
	"pqiot/firmware/lab/air"
)

// version is that of the build, set by the linker.
var version = "unknown"

const (
	exitDone   = 0
	exitNo     = 1
	exitUnable = 2
)

const about = `pqiot-lab plays the three PineCone boards on this computer.

Gateway, sender and sniffer are processes of the boards' own firmware, joined by
a simulated access point and air. What the sniffer hears goes through the real
pqiot-extcap into a capture; what gateway and sender print, show and flash stands
in it as well, one line a packet, on interfaces of their own.

  pqiot-lab list
  pqiot-lab run paper --out paper.pcapng --truth paper.jsonl
  pqiot-lab run replay-burst --wpa 'home:correct horse' --out burst.pcapng
  pqiot-lab boards

Time is virtual: minutes pass in moments, and a run depends on nothing but its
seed. With --real-time everything runs live, over pseudo-terminals.

Exit status: 0 done; 1 done, but messages were lost, or the capture is not
complete; 2 usage, or a program that does not run.`

// errNo makes the exit status 1.
var errNo = errors.New("no")

// errUsage makes it 2 with a hint at the help.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := &cobra.Command{
		Use: "pqiot-lab", Long: about, Version: version, Args: cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("%w: list, run or boards is expected; --help explains them", errUsage)
		},
	}
	root.SetVersionTemplate("pqiot-lab {{.Version}}\n")
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(listCommand(), runCommand(stdout), boardsCommand(stdout))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "pqiot-lab: %v\n", err)
	if errors.Is(err, errNo) {
		return exitNo
	}
	return exitUnable
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Say what can happen", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, s := range lab.Scenarios() {
				note := ""
				if s.NeedsWPA {
					note = "; needs --wpa"
				}
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%-17s %4d s  %s%s\n", s.Name, s.Seconds, s.Says, note); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func runCommand(stdout io.Writer) *cobra.Command {
	var o runOptions
	var wpa string
	c := &cobra.Command{
		Use: "run SCENARIO --out FILE", Short: "Let a scenario happen, and capture it",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("one scenario is expected; pqiot-lab list says which there are")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if o.scenario, err = lab.Find(args[0]); err != nil {
				return fmt.Errorf("%w; pqiot-lab list says which there are", err)
			}
			if err := o.check(wpa, c.Flags().Changed("seconds")); err != nil {
				return err
			}
			return o.run(c.Context(), stdout, c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.out, "out", "", "the capture, a pcapng file; - for stdout")
	f.StringVar(&o.truth, "truth", "", "what each frame of the capture really is, as JSON lines")
	f.IntVar(&o.seconds, "seconds", 0, "how long it takes (the scenario's own time)")
	f.Uint64Var(&o.seed, "seed", 1, "of everything random")
	f.StringVar(&wpa, "wpa", "", "SSID:PASSPHRASE of a WPA2 network (open air)")
	f.BoolVar(&o.realTime, "real-time", false, "run live, over pseudo-terminals")
	return c
}

func (o *runOptions) check(wpa string, timed bool) error {
	var err error
	if o.network, err = parseWPA(wpa); err != nil {
		return err
	}
	switch {
	case o.out == "":
		return errors.New("--out FILE is missing: where the capture goes")
	case timed && o.seconds < 1 || o.seconds > 366*86400:
		return fmt.Errorf("--seconds %d: 1 to %d can be", o.seconds, 366*86400)
	case o.out == o.truth:
		return fmt.Errorf("--truth %s: would overwrite the capture", o.truth)
	case o.scenario.NeedsWPA && wpa == "":
		return fmt.Errorf("scenario %s attacks WPA2: give it a network with --wpa SSID:PASSPHRASE", o.scenario.Name)
	}
	return nil
}

// parseWPA reads SSID:PASSPHRASE, divided by the first colon as pqiot-analyze
// has it. Its errors do not repeat what may be a secret.
func parseWPA(s string) (air.Network, error) {
	if s == "" {
		return air.Network{}, nil
	}
	ssid, passphrase, ok := strings.Cut(s, ":")
	switch {
	case !ok:
		return air.Network{}, errors.New("--wpa: SSID:PASSPHRASE is expected")
	case len(ssid) < 1 || len(ssid) > 32:
		return air.Network{}, fmt.Errorf("--wpa: a network's name has 1 to 32 bytes, this one %d", len(ssid))
	case len(passphrase) < 8 || len(passphrase) > 63:
		return air.Network{}, fmt.Errorf("--wpa: a passphrase has 8 to 63 bytes, this one %d", len(passphrase))
	}
	return air.Network{SSID: ssid, Passphrase: passphrase}, nil
}

func boardsCommand(stdout io.Writer) *cobra.Command {
	var wpa string
	var seed uint64
	c := &cobra.Command{
		Use: "boards", Short: "Leave the boards running, and say where their serial lines are", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := parseWPA(wpa)
			if err != nil {
				return err
			}
			return boards(c.Context(), stdout, seed, n)
		},
	}
	c.Flags().StringVar(&wpa, "wpa", "", "SSID:PASSPHRASE of a WPA2 network (open air)")
	c.Flags().Uint64Var(&seed, "seed", 1, "of everything random")
	return c
}
