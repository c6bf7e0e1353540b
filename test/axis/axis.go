// Package axis is what the plots in docs/ have in common: a vertical axis with round numbers. How a plot looks is said by
// the SVG template of whoever draws it.
package axis

import (
	"fmt"
	"math"
)

// ticks is how many steps an axis has at least, if its numbers allow.
const ticks = 4

// Axis is a vertical axis that begins at zero. Lengths are in pixels, from the top of the picture.
type Axis struct {
	// Zero and Height are where it begins and how long it is.
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

// New returns an axis that the highest value fits on.
func New(highest, zero, height float64) Axis {
	step := roundStep(highest / ticks)
	a := Axis{Zero: zero, Height: height, Top: math.Ceil(highest/step) * step}
	for value := 0.0; value <= a.Top; value += step {
		a.Ticks = append(a.Ticks, Tick{a.Y(value), fmt.Sprintf("%.0f", value)})
	}
	return a
}

// Y is where a value stands.
func (a Axis) Y(value float64) float64 { return math.Round(a.Zero - a.Height*value/a.Top) }

// roundStep returns the next of 1, 2, 5, 10, 20, … that is not below what is asked for.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(least, 1))))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}
