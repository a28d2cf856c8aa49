package main

import (
	"github.com/spf13/cobra"

	"pqiot/firmware/flash"
)

func (a *app) infoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "info --port PORT", Short: "say what a board is: MAC address, security, flash, partitions",
		Args: usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if a.opt.dryRun {
				return a.planned("would ask the board what it is, and write nothing")
			}
			r, err := a.single(boardInfo)
			if err != nil {
				return err
			}
			a.printInfo(r)
			return nil
		},
	}
}

func boardInfo(b *flash.Board, r *boardResult) error {
	if r.MAC == "" { // a loader was running, so the boot ROM was not asked
		mac, err := b.EfuseMAC()
		if err != nil {
			return err
		}
		r.MAC = macString(mac)
	}
	t, ok, err := b.Partitions()
	if err != nil || !ok {
		return err
	}
	for _, e := range t.Entries {
		addr, size := e.Range()
		r.Partitions = append(r.Partitions, partition{e.Name, hexAddr(addr), size, e.String()})
	}
	return nil
}

func (a *app) printInfo(r boardResult) {
	a.print("port        %s\n", r.Port)
	a.print("MAC         %s\n", r.MAC)
	if r.ROMVersion != 0 {
		a.print("boot ROM    version %d, signature %s, encryption %s\n", r.ROMVersion, onOff(r.Sign), onOff(r.Encrypt))
	}
	a.print("flash       %s, %d KiB\n", r.FlashID, r.FlashBytes/1024)
	if len(r.Partitions) == 0 {
		a.print("partitions  no valid table\n")
	}
	for _, p := range r.Partitions {
		a.print("partition   %-8s %s\n", p.Name, p.text)
	}
}

func onOff(v uint8) string {
	if v == 0 {
		return "off"
	}
	return "required"
}
