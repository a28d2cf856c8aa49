package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/image"
)

// defaultImages is where the firmware's build puts its images, seen from the
// top of the project.
const defaultImages = "build/firmware/bl602"

// roles are the three boards, in the order in which they are shown.
var roles = [...]string{"gateway", "sender", "sniffer"}

// Addresses of the files in the folder of images.
const (
	boot2Addr     = 0
	partitionAddr = image.TableAddress0
	firmwareAddr  = 0x10000
)

func (a *app) allCommand() *cobra.Command {
	var ports [len(roles)]string
	dir := defaultImages
	c := &cobra.Command{
		Use:   "all [--gateway PORT] [--sender PORT] [--sniffer PORT] [--images DIR]",
		Short: "flash the three boards side by side",
		Long: `Flashes gateway, sender and sniffer at the same time. A board becomes what the
image makes it, so any board can take any role: ports that are not named are
taken from the boards found by their USB ids, and each pairing is said.
DIR holds gateway.bin, sender.bin and sniffer.bin (0x10000), and boot2.bin (0)
and partition.bin (0xE000) if they are to be written too. If one board fails,
the others go on.`,
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.runAll(ports, dir) },
	}
	for i, role := range roles {
		c.Flags().StringVar(&ports[i], role, autoPort, "the "+role+"'s serial port, or auto")
	}
	c.Flags().StringVar(&dir, "images", dir, "folder of the images")
	return c
}

// job is one board of the command all.
type job struct {
	role, port string
	targets    []target
	plan       *flash.Plan
}

func (a *app) runAll(ports [len(roles)]string, dir string) error {
	jobs, err := a.jobs(dir)
	if err != nil {
		return err
	}
	if err := a.assign(jobs, ports); err != nil {
		return err
	}
	if a.opt.dryRun {
		var dry []dryBoard
		for _, j := range jobs {
			dry = append(dry, dryBoard{boardResult{Role: j.role, Port: j.port}, j.targets, j.plan})
		}
		return a.dryRun(dry)
	}
	loader, err := a.readLoader()
	if err != nil {
		return err
	}
	err = a.flashAll(jobs, loader)
	if perr := a.printBoards(); perr != nil {
		return perr
	}
	if err == nil {
		a.nextStep()
	}
	return err
}

// jobs reads and checks the images of every role.
func (a *app) jobs(dir string) (jobs []job, err error) {
	var common []target
	for _, c := range [...]struct {
		name string
		addr uint32
	}{{"boot2.bin", boot2Addr}, {"partition.bin", partitionAddr}} {
		t := target{File: flash.File{Name: filepath.Join(dir, c.name), Addr: c.addr}}
		if err := a.load(&t); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		common = append(common, t)
	}
	for _, role := range roles {
		t := target{File: flash.File{Name: filepath.Join(dir, role+".bin"), Addr: firmwareAddr}}
		if err := a.load(&t); errors.Is(err, os.ErrNotExist) {
			return nil, badUse("%w: build the firmware first, or name the folder of its images with --images", err)
		} else if err != nil {
			return nil, err
		}
		j := job{role: role, targets: append(common[:len(common):len(common)], t)}
		if j.plan, err = a.planOffline(j.targets); err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// flashAll works on all boards at once. The error is that of the board that
// is worst off.
func (a *app) flashAll(jobs []job, loader image.Loader) error {
	var labels []string
	for _, j := range jobs {
		a.say("%s → %s", j.role, j.port)
		labels = append(labels, j.role)
	}
	a.bars = newBars(a.stderr, labels)
	results := make([]boardResult, len(jobs))
	var wg sync.WaitGroup
	for i, j := range jobs {
		wg.Go(func() { results[i] = a.onBoard(j.role, j.port, loader, a.store(j.targets)) })
	}
	wg.Wait()
	a.bars.wait()
	a.report.Boards = results
	var worst error
	for _, r := range results {
		if exitCode(r.err) > exitCode(worst) {
			worst = r.err
		}
	}
	return shown(worst)
}
