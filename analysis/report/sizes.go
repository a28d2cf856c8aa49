package report

import (
	"math"
	"strconv"
	"strings"

	"pqiot/wire"
)

// sizeFigure is the histogram of CoAP payload sizes.
type sizeFigure struct {
	Series []series
	XTicks []tick
	YTicks []tick
	Notes  []note
}

type note struct {
	X, TextX, Anchor string
	Y                int
	Text             string
}

const (
	sizeTop    = 64
	sizeHeight = 170
	sizeBottom = sizeTop + sizeHeight
)

var classClass = [NumClasses]string{"key", "handshake", "record", "other"}

func newSizeFigure(p *Plots) *sizeFigure {
	var total [NumClasses]int64
	most, bins := int64(0), 1024/SizeBin
	for i, b := range p.Sizes {
		most = max(most, sum(b[:]))
		for c, n := range b {
			total[c] += n
			if n > 0 && i >= bins {
				bins = SizeBins
			}
		}
	}
	if most == 0 {
		return nil
	}
	f, top := &sizeFigure{}, math.Log10(1+niceCeil(float64(most)))
	step := float64(plotWidth) / float64(bins)
	var paths [NumClasses]strings.Builder
	for i := range bins {
		b := p.Sizes[i]
		n, y := sum(b[:]), float64(sizeBottom)
		for c, v := range b {
			if v > 0 {
				h := math.Log10(1+float64(n)) / top * sizeHeight * float64(v) / float64(n)
				y -= h
				bar(&paths[c], plotLeft+float64(i)*step, y, step-0.6, h)
			}
		}
	}
	for c := range NumClasses {
		if n := total[c]; n > 0 {
			f.Series = append(f.Series, series{c.String(), classClass[c], paths[c].String(), n})
		}
	}
	for v := 1.0; math.Log10(1+v) <= top; v *= 10 {
		f.YTicks = append(f.YTicks, tick{f1(sizeBottom - math.Log10(1+v)/top*sizeHeight), grouped(int64(v))})
	}
	f.annotate(bins)
	return f
}

// annotate marks the sizes of ML-KEM (FIPS 203 table 3).
func (f *sizeFigure) annotate(bins int) {
	scale := float64(plotWidth) / float64(bins*SizeBin)
	for v := 0; v <= bins*SizeBin; v += 128 {
		f.XTicks = append(f.XTicks, tick{f1(plotLeft + float64(v)*scale), strconv.Itoa(v)})
	}
	for i, n := range []struct {
		at, row int
		text    string
	}{
		{wire.CiphertextSize512, 0, "ML-KEM-512 ciphertext, 768 B"},
		{wire.EncapsulationKeySize512, 1, "ML-KEM-512 key, 800 B"},
		{wire.CiphertextSize768, 0, "ML-KEM-768 ciphertext, 1088 B"},
		{wire.EncapsulationKeySize768, 1, "ML-KEM-768 key, 1184 B"},
		{wire.EncapsulationKeySize1024, 2, "ML-KEM-1024 key and ciphertext, 1568 B"},
	} {
		if n.at > bins*SizeBin {
			continue
		}
		x := plotLeft + float64(n.at)*scale
		m := note{X: f1(x), TextX: f1(x - 5), Anchor: "end", Y: 14 + 18*n.row, Text: n.text}
		if i == 1 && bins < SizeBins { // room on the right
			m.TextX, m.Anchor = f1(x+5), "start"
		}
		f.Notes = append(f.Notes, m)
	}
}
