package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

const fileHelp = `FILE@ADDRESS puts a file at an address, FILE@NAME at a partition. A folder
with flash_prog_cfg.ini, as the SDK makes it, stands for the files that it
names. Images and partition tables are checked first and refused if damaged;
any other file is written as it is.`

func (a *app) writeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "write --port PORT FILE@ADDRESS…", Short: "write files to one board and verify them",
		Long: fileHelp + `

A file may start in the partitions PSM, KEY or DATA, but not run over into
them from elsewhere. What else lies in a file's last sector is kept.`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			targets, err := a.readTargets(args)
			if err != nil {
				return err
			}
			plan, err := a.planOffline(targets)
			if err != nil {
				return err
			}
			if a.opt.dryRun {
				return a.dryRun([]dryBoard{{boardResult{Port: a.opt.port}, targets, plan}})
			}
			r, err := a.single(a.store(targets))
			if r.Port == "" {
				return err
			}
			if perr := a.printBoards(); perr != nil {
				return perr
			}
			if err == nil {
				a.nextStep()
			}
			return err
		},
	}
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify --port PORT FILE@ADDRESS…", Short: "compare files with what a board holds", Long: fileHelp,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			targets, err := a.readTargets(args)
			if err != nil {
				return err
			}
			if _, err := a.planOffline(targets); err != nil {
				return err
			}
			if a.opt.dryRun {
				return a.planned("would compare %d files by SHA-256 and write nothing", len(targets))
			}
			r, err := a.single(func(b *flash.Board, r *boardResult) error {
				plan, err := a.planFor(b, targets, false)
				if err != nil {
					return err
				}
				err = b.Verify(plan)
				r.Files = fileResults(plan, err == nil)
				return err
			})
			if err == nil {
				for _, f := range r.Files {
					a.print("%s at %s: %d bytes are equal (SHA-256 %s)\n", f.Name, f.Address, f.Length, f.SHA256)
				}
			}
			return err
		},
	}
}

// rangeFlags are --address and --length.
type rangeFlags struct{ address, length string }

func (r *rangeFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&r.address, "address", "", "first address in the flash")
	c.Flags().StringVar(&r.length, "length", "", "bytes")
}

func (r *rangeFlags) parse() (out flash.Range, err error) {
	if r.address == "" || r.length == "" {
		return out, badUse("--address and --length are needed")
	}
	if out.Addr, err = image.ParseNumber(r.address); err != nil {
		return out, badUse("--address: %w", err)
	}
	if out.Length, err = image.ParseNumber(r.length); err != nil {
		return out, badUse("--length: %w", err)
	}
	if out.Length == 0 || uint64(out.Addr)+uint64(out.Length) > maxImageFile {
		return out, badUse("--length %s: 1 byte to the end of the flash are possible", r.length)
	}
	return out, nil
}

func (a *app) readCommand() *cobra.Command {
	var rng rangeFlags
	var out string
	c := &cobra.Command{
		Use: "read --port PORT --address A --length N --out FILE", Short: "copy a range of the flash to a file",
		Long: "Reads a range of the flash, proves it by the board's SHA-256, and only then\nwrites the file. --out - is standard output.",
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			r, err := rng.parse()
			if err != nil {
				return err
			}
			if out == "" || out == "-" && a.opt.json {
				return badUse("--out FILE is needed")
			}
			if a.opt.dryRun {
				return a.planned("would read %s (%d bytes) into %s", r, r.Length, out)
			}
			if err := writable(out); err != nil {
				return err
			}
			var data []byte
			if _, err = a.single(func(b *flash.Board, _ *boardResult) (err error) {
				data, err = b.Read(r)
				return err
			}); err != nil {
				return err
			}
			return a.saveRead(out, r, data)
		},
	}
	rng.register(c)
	c.Flags().StringVar(&out, "out", "", "file to write")
	return c
}

// writable fails early where the file could not be made later.
func writable(path string) error {
	if path == "-" {
		return nil
	}
	if st, err := os.Stat(filepath.Dir(path)); err != nil {
		return unusable{err}
	} else if !st.IsDir() {
		return badUse("%s is no folder", filepath.Dir(path))
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return badUse("%s is a folder", path)
	}
	return nil
}

func (a *app) saveRead(out string, r flash.Range, data []byte) error {
	if out == "-" {
		_, err := a.stdout.Write(data)
		return err
	}
	if err := os.WriteFile(out, data, 0o600); err != nil { // the flash holds keys
		return unusable{err}
	}
	f := flash.File{Name: out, Addr: r.Addr, Data: data}
	a.report.Boards[0].Files = []fileResult{{out, hexAddr(r.Addr), len(data), fmt.Sprintf("%x", f.Sum()), true}}
	a.print("%s: %d bytes from %s on (SHA-256 %x)\n", out, len(data), hexAddr(r.Addr), f.Sum())
	return nil
}

func (a *app) inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inspect FILE…", Short: "show and check images, partition tables, loaders, ELF files, SDK configurations",
		Long: "Shows every field and checksum. Exit status 1 if one is wrong or the file is cut off.\nNo board is needed.",
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			ok := true
			for _, path := range args {
				if config := configPath(path); config != "" {
					path = config
				}
				b, err := readFile(path, maxImageFile)
				if err != nil {
					return err
				}
				r := image.Inspect(b)
				ok = ok && r.OK()
				a.report.Files = append(a.report.Files, inspected{path, r.OK(), r})
				a.print("%s: ", path)
				a.printReport(r, "")
				if !r.OK() {
					a.say("%s: damaged: build or copy it again", path)
				}
			}
			if !ok {
				return errShown
			}
			return nil
		},
	}
}

func (a *app) printReport(r image.Report, indent string) {
	a.print("%s, %d bytes, SHA-256 %s\n", r.Kind, r.Size, r.SHA256)
	for _, f := range r.Fields {
		a.print("%s  %-16s %s\n", indent, f.Name, f.Value)
	}
	for _, c := range r.Checks {
		mark := "ok"
		if !c.OK {
			mark = "WRONG, should be " + c.Computed
			if c.Ignored {
				mark = "not checked by the chip"
			}
		}
		a.print("%s  %-16s %s (%s)\n", indent, c.Name, c.Stored, mark)
	}
	if r.Error != "" {
		a.print("%s  %s\n", indent, r.Error)
	}
	for _, p := range r.Parts {
		a.print("%s  at 0x%06x: ", indent, p.Offset)
		a.printReport(p, indent+"  ")
	}
}

// print writes to standard output, unless that is for JSON.
func (a *app) print(format string, args ...any) {
	if !a.opt.json {
		fmt.Fprintf(a.stdout, format, args...)
	}
}

// planned is the answer of a dry run.
func (a *app) planned(format string, args ...any) error {
	a.report.DryRun = true
	a.print("dry run: "+format+"\n", args...)
	return nil
}
