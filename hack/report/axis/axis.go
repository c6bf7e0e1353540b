// Package axis is the shared part of the plots in docs/: a vertical axis with round numbers. The SVG template of each
// plot defines how it looks.
package axis

import (
	"fmt"
	"math"
)

// ticks is the least number of steps of an axis, if its numbers allow.
const ticks = 4

// Axis is a vertical axis that begins at zero. Lengths are in pixels, from the top of the picture.
type Axis struct {
	// Zero and Height are its position and its length.
	Zero, Height float64
	// Top is the value at its end, a multiple of the step between two ticks.
	Top   float64
	Ticks []Tick
}

// Tick is a line of the grid.
type Tick struct {
	Y     float64
	Label string
}

// New returns an axis that fits the highest value.
func New(highest, zero, height float64) Axis {
	step := roundStep(highest / ticks)
	a := Axis{Zero: zero, Height: height, Top: math.Ceil(highest/step) * step}
	for value := 0.0; value <= a.Top; value += step {
		a.Ticks = append(a.Ticks, Tick{a.Y(value), fmt.Sprintf("%.0f", value)})
	}
	return a
}

// Y is the position of a value.
func (a Axis) Y(value float64) float64 { return math.Round(a.Zero - a.Height*value/a.Top) }

// roundStep returns the smallest of 1, 2, 5, 10, 20, … that is at least the given value.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(least, 1))))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}
