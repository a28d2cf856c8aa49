// Command pqiot-analyze reads captures and tells replays from honest repeats.
//
// The work is done by package analysis; here are the flags, the inputs, the
// progress line and the exit status: 0 nothing found, 1 alerts, 2 unusable input.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pqiot/analysis"
	"pqiot/analysis/report"
	"pqiot/analysis/unseal"
)

// version is set by the build.
var version = "unknown"

const (
	exitClean    = 0
	exitAlerts   = 1
	exitUnusable = 2

	// memoryLimit makes the collector work before the promise of 256 MB is
	// broken.
	memoryLimit = 200 << 20
)

func main() {
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// flags of the command.
type flags struct {
	wpa, wpaPSK []string
	keylog      string
	ports       []uint16
	json        bool
	events      bool
	html        string
	least       string
	quiet       bool
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	code := exitClean // of --help, --version and completion
	var f flags
	cmd := &cobra.Command{
		Use:   "pqiot-analyze FILE… | FOLDER… | -",
		Short: "find replays in captures, and leave honest repeats alone",
		Long: "pqiot-analyze reads pcap and pcapng captures (gzip or not; - is standard input, also live)\n" +
			"and tells Wi-Fi retries, relays and CoAP retransmissions from replays. Of a folder it takes\n" +
			"every capture in it. Several files are one time line: clocks of sniffers that heard the same\n" +
			"frames are aligned by these, and a frame that two of them heard counts once.\n\n" +
			"Exit status: 0 nothing found, 1 alerts at or above --min-severity, 2 usage or unusable input.",
		Version: version, Args: cobra.MinimumNArgs(1), SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, files []string) error {
			var err error
			code, err = analyze(f, files, stdin, stdout, stderr)
			return err
		},
	}
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	set := cmd.Flags()
	set.StringArrayVar(&f.wpa, "wpa", nil, "`SSID:PASSPHRASE` of a network to decrypt (repeatable)")
	set.StringArrayVar(&f.wpaPSK, "wpa-psk", nil, "`SSID:HEX64` of a network to decrypt (repeatable)")
	set.StringVar(&f.keylog, "keylog", "", "`FILE` with session keys, as the peers write it: tells genuine records from forged ones")
	set.Var((*portList)(&f.ports), "port", "UDP port `N` of CoAP (repeatable; default 5683)")
	set.BoolVar(&f.json, "json", false, "print the report as one JSON object")
	set.BoolVar(&f.events, "events", false, "print incidents as JSON lines as they happen")
	set.StringVar(&f.html, "html", "", "write the report with its plots to `FILE`, one page that needs no network")
	set.StringVar(&f.least, "min-severity", "low", "least severity that is reported: low, medium, high")
	set.BoolVar(&f.quiet, "quiet", false, "print nothing but alerts; the exit status tells")
	if err := cmd.Execute(); err != nil {
		fmt.Fprintln(stderr, "pqiot-analyze:", err)
		return exitUnusable
	}
	return code
}

func analyze(f flags, files []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	least, err := severity(f.least)
	if err != nil {
		return exitUnusable, err
	}
	opt, err := options(f)
	if err != nil {
		return exitUnusable, err
	}
	inputs, total, err := find(files, stdin)
	if err != nil {
		return exitUnusable, err
	}
	page, err := newHTMLFile(f.html, files)
	if err != nil {
		return exitUnusable, err
	}
	defer page.drop()
	opt.Plots = page != nil
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := newEvents(stdout, f.events, least)
	opt.Emit = out.emit
	bar := newProgress(stderr, total, f.quiet)
	opt.Progress = bar.at
	r, err := analysis.Run(ctx, opt, inputs...)
	bar.done()
	if err != nil {
		return exitUnusable, err
	}
	r.Limit(least)
	if err := errors.Join(out.err, write(f, r, out, stdout), page.write(r)); err != nil {
		return exitUnusable, err
	}
	if !f.quiet {
		damage(stderr, r)
	}
	if len(r.Alerts) > 0 {
		return exitAlerts, nil
	}
	return exitClean, nil
}

func options(f flags) (opt analysis.Options, err error) {
	opt.Ports = f.ports
	if opt.Networks, err = networks(f); err != nil {
		return opt, err
	}
	opt.Sessions, err = keyLog(f.keylog)
	return opt, err
}

func damage(w io.Writer, r *report.Report) {
	for _, x := range r.Files {
		if x.Damage != "" {
			fmt.Fprintf(w, "pqiot-analyze: %s: %s\n", x.Name, x.Damage)
		}
	}
}

func severity(s string) (report.Severity, error) {
	switch v := report.Severity(s); v {
	case report.Low, report.Medium, report.High:
		return v, nil
	}
	return "", fmt.Errorf("--min-severity %s: it is low, medium or high", s)
}

func networks(f flags) ([]unseal.Network, error) {
	var out []unseal.Network
	for _, s := range f.wpa {
		n, err := unseal.ParsePassphrase(s)
		if err != nil {
			return nil, fmt.Errorf("--wpa: %w", err)
		}
		out = append(out, n)
	}
	for _, s := range f.wpaPSK {
		n, err := unseal.ParsePSK(s)
		if err != nil {
			return nil, fmt.Errorf("--wpa-psk: %w", err)
		}
		out = append(out, n)
	}
	return out, nil
}

func keyLog(path string) (*unseal.Sessions, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := unseal.ReadKeyLog(f)
	if err != nil {
		return nil, fmt.Errorf("--keylog %s: %w", path, err)
	}
	return s, nil
}

func write(f flags, r *report.Report, out *events, stdout io.Writer) error {
	switch {
	case f.events:
		return out.end(r)
	case f.json:
		return report.WriteJSON(stdout, r)
	case f.quiet && len(r.Alerts) == 0:
		return nil
	}
	return report.WriteText(stdout, r, report.Style{Color: colored(stdout)})
}

func colored(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(f.Fd()))
}
