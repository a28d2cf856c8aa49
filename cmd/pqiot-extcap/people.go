package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"pqiot/dissector"
	"pqiot/extcap"
)

const about = `pqiot-extcap makes a PineCone sniffer board a capture interface of Wireshark.

Wireshark starts this program by itself. What is left for you:

  pqiot-extcap install     put it where Wireshark looks for it
  pqiot-extcap doctor      see whether everything is in place, and how to mend it

Then start Wireshark, choose "PineCone 802.11 sniffer", and capture. In a terminal:

  tshark -i pinecone -o extcap.pinecone.port:/dev/ttyUSB0
  tshark -i pinecone-sim                    the simulated board, no hardware needed

What can be set on the interface:  pqiot-extcap --extcap-config --extcap-interface pinecone`

// errFailed makes the exit status 1 without another word.
var errFailed = errors.New("a check failed")

// people answers a person, and returns the exit status.
func people(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use: "pqiot-extcap", Long: about, Version: version, Args: cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), about) },
	}
	root.SetVersionTemplate("pqiot-extcap {{.Version}}\n")
	root.SetArgs(args)
	root.AddCommand(installCommand(), uninstallCommand(), doctorCommand())
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return extcap.ExitDone
	case errors.Is(err, errFailed):
		return extcap.ExitNo
	}
	fmt.Fprintf(os.Stderr, "pqiot-extcap: %v\n", err)
	return extcap.ExitUnable
}

func installCommand() *cobra.Command {
	var global bool
	c := &cobra.Command{
		Use: "install", Short: "Put the capture interface and the dissector where Wireshark finds them",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := installer().Install(global); err != nil {
				return err
			}
			if global && runtime.GOOS == "linux" {
				fmt.Println("to put the udev rule in force: sudo udevadm control --reload, then plug the board in again")
			}
			fmt.Println("next: start Wireshark and choose \"PineCone 802.11 sniffer\"; pqiot-extcap doctor checks the rest")
			return nil
		},
	}
	c.Flags().BoolVar(&global, "global", false, "for all users, with the udev rule on Linux")
	return c
}

func uninstallCommand() *cobra.Command {
	var global bool
	c := &cobra.Command{
		Use: "uninstall", Short: "Remove what install put there", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return installer().Uninstall(global) },
	}
	c.Flags().BoolVar(&global, "global", false, "for all users")
	return c
}

func doctorCommand() *cobra.Command {
	var port string
	var baud int
	var asJSON, rule bool
	c := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with this computer's set-up, and how to mend it",
		Long: "doctor looks at Wireshark, its folders, permissions, ports and what disturbs them.\n" +
			"It opens no port unless --port names one: then it asks that board who it is.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if rule {
				_, err := fmt.Print(extcap.UdevRule())
				return err
			}
			d := doctor()
			if port != "" {
				d.Talk = func(ctx context.Context) extcap.Check {
					return extcap.Talk(ctx, serialOpener(port, baud), 3*time.Second)
				}
			}
			checks := d.Examine(c.Context())
			write := extcap.WriteChecks
			if asJSON {
				write = extcap.WriteChecksJSON
			}
			if err := write(os.Stdout, checks); err != nil {
				return err
			}
			if extcap.Failed(checks) > 0 {
				return errFailed
			}
			return nil
		},
	}
	c.Flags().StringVar(&port, "port", "", "ask the board on this port who it is; auto takes the only board")
	c.Flags().IntVar(&baud, "baud", extcap.DefaultBaud, "line rate for --port, bit/s")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object instead of lines")
	c.Flags().BoolVar(&rule, "udev-rule", false, "write the udev rule and do nothing else")
	return c
}

// installer knows this computer's folders.
func installer() extcap.Installer {
	home, err := os.UserHomeDir()
	if err != nil {
		home = string(filepath.Separator)
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		self = os.Args[0]
	}
	return extcap.Installer{
		Folders: extcap.Folders{GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, Home: home, Getenv: os.Getenv},
		Out:     os.Stdout, Executable: self, Dissector: dissector.Script(),
	}
}

func doctor() extcap.Doctor {
	return extcap.Doctor{
		Installer: installer(), Ports: extcap.Ports, LookPath: exec.LookPath,
		Run: func(ctx context.Context, name string, args ...string) ([]byte, error) {
			return exec.CommandContext(ctx, name, args...).CombinedOutput()
		},
		Sys: "/sys", Proc: "/proc", Writable: writable, Runnable: runnable,
	}
}
