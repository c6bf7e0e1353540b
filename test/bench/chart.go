package main

import (
	"fmt"
	"math"
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
	Ticks                              []tick
	Groups                             []group
}

type tick struct {
	Y     float64
	Label string
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

// newChart lays the plot out.
func newChart(comparisons []comparison) chart {
	highest := 1.0
	for _, c := range comparisons {
		highest = max(highest, c.Operator, c.BareLoop)
	}
	step := roundStep(highest / 4)
	top := math.Ceil(highest/step) * step
	c := chart{Left: leftMargin, Bottom: topMargin + chartHeight}
	c.Right = c.Left + groupWidth*float64(len(comparisons))
	c.Width, c.Height = c.Right+20, c.Bottom+60
	y := func(value float64) float64 { return math.Round(c.Bottom - chartHeight*value/top) }
	for value := 0.0; value <= top; value += step {
		c.Ticks = append(c.Ticks, tick{y(value), fmt.Sprintf("%.0f", value)})
	}
	newBar := func(x, value float64) bar {
		return bar{x, y(value), barWidth, c.Bottom - y(value), x + barWidth/2, y(value) - 4}
	}
	for i, m := range comparisons {
		g := group{Centre: c.Left + groupWidth*(float64(i)+0.5), Workers: m.Workers, Service: fmt.Sprintf("%d ms", m.ServiceLatency.Milliseconds())}
		g.Operator, g.BareLoop = newBar(g.Centre-barWidth-1, m.Operator), newBar(g.Centre+1, m.BareLoop)
		g.Ratio = fmt.Sprintf("%.2f", m.Ratio)
		c.Groups = append(c.Groups, g)
	}
	return c
}

// roundStep returns the next of 1, 2, 5, 10, 20, … that is not below what is asked for.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}
