package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// steps prints each step with the time. An error while printing must not stop the program.
type steps struct {
	out   io.Writer
	start time.Time
	n     int
}

func newSteps(out io.Writer) *steps { return &steps{out: out, start: time.Now()} }

// begin announces the next step.
func (s *steps) begin(format string, args ...any) {
	s.n++
	s.print(fmt.Sprintf("%d. ", s.n) + fmt.Sprintf(format, args...))
}

// event prints an event within a step.
func (s *steps) event(line string) { s.print("   " + line) }

func (s *steps) print(line string) {
	_, _ = fmt.Fprintf(s.out, "%6.1fs  %s\n", time.Since(s.start).Seconds(), line)
}

// show prints a result of one or more lines under its title.
func (s *steps) show(title, text string) {
	_, _ = fmt.Fprintf(s.out, "\n%s\n  %s\n", title, strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  "))
}
