package main

import (
	"fmt"
	"strings"

	"github.com/logout-operator/logout-operator/hack/report/axis"
	"github.com/logout-operator/logout-operator/test/soak"
)

// The plot's measures, in pixels.
const (
	plotWidth   = 840.0
	panelHeight = 110.0
	panelGap    = 44.0
	leftMargin  = 50.0
	topMargin   = 56.0
)

// soakPlot shows the resources of a process that lived for most of the soak: a panel for each.
type soakPlot struct {
	Width, Height, Left, Right float64
	Panels                     []panel
	Faults                     []band
	Minutes                    []mark
}

type panel struct {
	axis.Axis
	Title string
	Above float64 // position of the title
	End   float64 // of the axis
	Lines []curve
}

type curve struct{ Colour, Points string }

// band is a time in which a fault is active.
type band struct{ X, Width float64 }

type mark struct {
	X     float64
	Label string
}

// newSoakPlot lays out the plot, without the processes that are killed at the end.
func newSoakPlot(r soak.Record) soakPlot {
	p := soakPlot{Left: leftMargin, Right: leftMargin + plotWidth, Width: leftMargin + plotWidth + 20}
	var samples []soak.Sample
	for _, s := range r.Samples {
		if s.Phase != soak.Killed {
			samples = append(samples, s)
		}
	}
	if len(samples) == 0 {
		return p
	}
	end := samples[len(samples)-1].Second
	x := func(second float64) float64 { return p.Left + plotWidth*second/end }
	for _, f := range r.Faults {
		if f.To <= end {
			p.Faults = append(p.Faults, band{x(f.From), x(f.To) - x(f.From)})
		}
	}
	step := max(1, float64(int(end/60/10))) * 60
	for second := 0.0; second <= end; second += step {
		p.Minutes = append(p.Minutes, mark{x(second), fmt.Sprintf("%.0f min", second/60)})
	}
	for i, of := range []struct {
		title string
		lines []func(soak.Sample) float64
	}{
		{"Memory (RSS) in MiB", []func(soak.Sample) float64{func(s soak.Sample) float64 {
			return float64(s.RSS) / (1 << 20)
		}}},
		{"Goroutines", []func(soak.Sample) float64{func(s soak.Sample) float64 { return float64(s.Goroutines) }}},
		{"Open files; below, threads", []func(soak.Sample) float64{
			func(s soak.Sample) float64 { return float64(s.OpenFiles) },
			func(s soak.Sample) float64 { return float64(s.Threads) }}},
		{"Logouts that have not finished", []func(soak.Sample) float64{func(s soak.Sample) float64 {
			return float64(s.Waiting)
		}}},
	} {
		zero := topMargin + panelHeight + float64(i)*(panelHeight+panelGap)
		highest := 1.0
		for _, s := range samples {
			for _, value := range of.lines {
				highest = max(highest, value(s))
			}
		}
		panel := panel{Axis: axis.New(highest, zero, panelHeight), Title: of.title, Above: zero - panelHeight - 12,
			End: zero - panelHeight}
		for n, value := range of.lines {
			panel.Lines = append(panel.Lines, curve{[]string{"#326ce5", "#888"}[n], points(samples, x, panel.Y, value)})
		}
		p.Panels = append(p.Panels, panel)
		p.Height = zero + 36
	}
	return p
}

// points returns the points of a polyline. A sample without goroutines is incomplete: a value of 0 in it repeats the
// value before.
func points(samples []soak.Sample, x, y func(float64) float64, value func(soak.Sample) float64) string {
	var b strings.Builder
	last := 0.0
	for _, s := range samples {
		v := value(s)
		if v == 0 && s.Goroutines == 0 {
			v = last
		}
		last = v
		fmt.Fprintf(&b, "%.1f,%.0f ", x(s.Second), y(v))
	}
	return strings.TrimSpace(b.String())
}
