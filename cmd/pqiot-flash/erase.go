package main

import (
	"github.com/spf13/cobra"

	"pqiot/firmware/flash"
)

// wholeFlash tells what a chip erase takes along.
const wholeFlash = "the whole flash: firmware, partition table, keys (KEY), settings (PSM) and data (DATA)"

func (a *app) eraseCommand() *cobra.Command {
	var rng rangeFlags
	var chip bool
	c := &cobra.Command{
		Use: "erase --port PORT (--address A --length N | --chip)", Short: "erase sectors or the whole flash",
		Long: "Erases whole sectors of 4096 bytes and proves that they are blank. Sectors that\nare blank already are left alone. --chip erases " + wholeFlash + ".",
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if chip {
				if rng.address != "" || rng.length != "" {
					return badUse("--chip erases everything and goes without --address and --length")
				}
				return a.runChipErase()
			}
			r, err := rng.parse()
			if err != nil {
				return err
			}
			return a.runErase(r)
		},
	}
	rng.register(c)
	c.Flags().BoolVar(&chip, "chip", false, "erase "+wholeFlash)
	return c
}

func (a *app) runChipErase() error {
	if a.opt.dryRun {
		return a.planned("would erase %s", wholeFlash)
	}
	a.say("this erases %s", wholeFlash)
	_, err := a.single(func(b *flash.Board, r *boardResult) error {
		if err := b.EraseChip(); err != nil {
			return err
		}
		r.Erased = []flash.Range{{Addr: 0, Length: b.Flash().Size()}}
		return nil
	})
	if err == nil {
		a.print("the whole flash is blank\n")
	}
	return err
}

func (a *app) runErase(r flash.Range) error {
	if r.Addr%flash.SectorSize != 0 || r.Length%flash.SectorSize != 0 {
		lo := r.Addr &^ (flash.SectorSize - 1)
		hi := (r.Addr + r.Length + flash.SectorSize - 1) &^ (flash.SectorSize - 1)
		return badUse("only whole sectors of 4096 bytes can be erased: --address 0x%x --length 0x%x covers this range", lo, hi-lo)
	}
	if a.opt.dryRun {
		return a.planned("would erase %s (%d sectors at most)", r, r.Length/flash.SectorSize)
	}
	res, err := a.single(func(b *flash.Board, res *boardResult) (err error) {
		if t, ok, err := b.Partitions(); err != nil {
			return err
		} else if ok && !a.opt.force {
			if err := flash.Guard("the range", r, t); err != nil {
				return forceable(err)
			}
		}
		res.Erased, err = b.Erase(r)
		return err
	})
	if err == nil {
		a.print("%s is blank: %d of %d sectors were erased\n", r, res.sectors(), r.Length/flash.SectorSize)
	}
	return err
}
