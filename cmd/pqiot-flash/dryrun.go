package main

import (
	"pqiot/firmware/flash"
)

// dryBoard is what would be done to one board. The plan is nil if a
// partition's address is only known to the board.
type dryBoard struct {
	boardResult
	targets []target
	plan    *flash.Plan
}

// dryRun shows each range, erase and write. What the board holds already is
// not known, so it is the most that can happen.
func (a *app) dryRun(boards []dryBoard) error {
	a.report.DryRun = true
	for _, b := range boards {
		b.OK = true
		a.print("dry run: %s\n", b.name())
		if b.plan == nil {
			for _, t := range b.targets {
				a.print("  %s: %d bytes, at an address that the board's partition table tells\n", t.Name, len(t.Data))
			}
			a.report.Boards = append(a.report.Boards, b.boardResult)
			continue
		}
		b.Files, b.Erased = fileResults(b.plan, false), b.plan.Erases()
		for f := range b.plan.Files() {
			r := flash.Range{Addr: f.Addr, Length: uint32(len(f.Data))}
			a.print("  range %s  %s, %d bytes, SHA-256 %x\n", r, f.Name, r.Length, f.Sum())
		}
		for _, e := range b.Erased {
			a.print("  erase %s  at most %d sectors: those that are neither equal nor blank\n", e, e.Length/flash.SectorSize)
		}
		for f := range b.plan.Files() {
			r := flash.Range{Addr: f.Addr, Length: uint32(len(f.Data))}
			a.print("  write %s  at most %d bytes, then SHA-256\n", r, r.Length)
			b.Written += len(f.Data)
		}
		a.report.Boards = append(a.report.Boards, b.boardResult)
	}
	a.print("dry run: no board was touched\n")
	return nil
}
