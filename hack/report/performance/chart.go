package main

import (
	"fmt"

	"github.com/logout-operator/logout-operator/hack/report/axis"
)

// The plot's measures, in pixels.
const (
	chartHeight = 220.0 // of the bars' area
	barWidth    = 34.0
	groupWidth  = 110.0
	leftMargin  = 60.0
	topMargin   = 60.0
)

// chart is the plot of the throughput: a group of two bars for each setting.
type chart struct {
	Width, Height, Left, Right, Bottom float64
	Ticks                              []axis.Tick
	Groups                             []group
}

type group struct {
	Centre   float64
	Workers  int
	Service  string
	Operator bar
	BareLoop bar
	Ratio    string
}

type bar struct{ X, Y, Width, Height, Centre, Above float64 }

// newChart lays out the plot.
func newChart(comparisons []comparison) chart {
	highest := 1.0
	for _, c := range comparisons {
		highest = max(highest, c.Operator, c.BareLoop)
	}
	c := chart{Left: leftMargin, Bottom: topMargin + chartHeight}
	c.Right = c.Left + groupWidth*float64(len(comparisons))
	c.Width, c.Height = c.Right+20, c.Bottom+60
	scale := axis.New(highest, c.Bottom, chartHeight)
	c.Ticks = scale.Ticks
	newBar := func(x, value float64) bar {
		y := scale.Y(value)
		return bar{x, y, barWidth, c.Bottom - y, x + barWidth/2, y - 4}
	}
	for i, m := range comparisons {
		g := group{Centre: c.Left + groupWidth*(float64(i)+0.5), Workers: m.Workers,
			Service: fmt.Sprintf("%d ms", m.ServiceLatency.Milliseconds())}
		g.Operator, g.BareLoop = newBar(g.Centre-barWidth-1, m.Operator), newBar(g.Centre+1, m.BareLoop)
		g.Ratio = fmt.Sprintf("%.2f", m.Ratio)
		c.Groups = append(c.Groups, g)
	}
	return c
}
