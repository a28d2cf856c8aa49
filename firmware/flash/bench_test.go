package flash_test

import (
	"testing"
	"time"

	"pqiot/firmware/flash"
	"pqiot/firmware/flash/sim"
)

// benchSize is about that of a gateway's image.
const benchSize = 480 << 10

// BenchmarkWrite flashes an image over other contents at 2 MBd, in the
// simulation's time, not in that of this computer:
//
//	×line         time of Write over the time that the bytes sent took on the line; the goal is 1.10 at most
//	×line-whole   the same for the whole session, the upload of the loader and its pauses included
//	s-board       seconds for the whole session
//
// "line" is a flash that takes no time, so that the protocol alone is
// measured; "flash" has the typical times of a W25Q16: 45 ms to erase a
// sector, 0.4 ms to program a page, and 5 MB/s for the hash.
func BenchmarkWrite(b *testing.B) {
	chip := sim.Options{EraseTime: 45 * time.Millisecond, PageTime: 400 * time.Microsecond, HashRate: 5e6, Latency: 100 * time.Microsecond}
	b.Run("line", func(b *testing.B) { benchWrite(b, sim.Options{}, 1.10) })
	b.Run("flash", func(b *testing.B) { benchWrite(b, chip, 0) })
}

func benchWrite(b *testing.B, o sim.Options, goal float64) {
	data := random(1, benchSize)
	var ratio, whole, total float64
	for b.Loop() {
		o.Flash = random(2, 2<<20)
		board := sim.New(o)
		line := sim.NewLine(board)
		opened := open(b, line, true)
		start, sent := line.Elapsed(), line.LineTime
		if _, err := opened.Write(plan(b, flash.File{Name: "image", Addr: 0x10000, Data: data})); err != nil {
			b.Fatal(err)
		}
		ratio = float64(line.Elapsed()-start) / float64(line.LineTime-sent)
		whole, total = float64(line.Elapsed())/float64(line.LineTime), line.Elapsed().Seconds()
	}
	b.SetBytes(benchSize)
	b.ReportMetric(ratio, "×line")
	b.ReportMetric(whole, "×line-whole")
	b.ReportMetric(total, "s-board")
	if goal > 0 && ratio > goal {
		b.Errorf("%.3f times the line's time, the goal is %.2f", ratio, goal)
	}
}

// BenchmarkSecondRun is the same image once more: nothing is written.
func BenchmarkSecondRun(b *testing.B) {
	data := random(1, benchSize)
	board := sim.New(sim.Options{HashRate: 5e6, Latency: 100 * time.Microsecond})
	line := sim.NewLine(board)
	opened := open(b, line, true)
	p := plan(b, flash.File{Name: "image", Addr: 0x10000, Data: data})
	if _, err := opened.Write(p); err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	for b.Loop() {
		start := line.Elapsed()
		if _, err := opened.Write(p); err != nil {
			b.Fatal(err)
		}
		took = line.Elapsed() - start
	}
	b.ReportMetric(took.Seconds(), "s-board")
}
