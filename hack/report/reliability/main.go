// Command report runs the fault suite and the scenarios of test/overload that belong to it, and writes
// docs/reliability.md: for each fault the guarantee, the measured figures, and whether the guarantee held. If a
// guarantee did not hold, or if a scenario or its figures are missing, it ends with an error and the page says so.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	only := flag.String("run", "",
		"the suites to run, separated by commas, or none; of the others, what came of them last is reported. All if empty")
	docs := flag.String("out", "docs", "where the record of the soak is, and the report goes")
	dir := flag.String("results", "bin/reliability", "where to keep what the suites print and measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *only, *docs, *dir)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only, docs, dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	outcomes := map[string]outcome{}
	for _, s := range suites {
		if only == "" || slices.Contains(strings.Split(only, ","), s.name) {
			if err := s.run(ctx, dir, os.Stdout); err != nil {
				return err
			}
		}
		o, err := s.read(dir)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		outcomes[s.name] = o
	}
	r, err := readSoak(filepath.Join(docs, "reliability-soak.jsonl"))
	p := newReport(outcomes, r, err)
	if err := p.write(docs); err != nil {
		return err
	}
	return p.problems()
}
