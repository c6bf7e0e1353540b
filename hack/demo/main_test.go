package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args   []string
		status int
		says   string // one line on stderr
	}{
		"help":           {[]string{"-h"}, 0, ""},
		"unknown flag":   {[]string{"--forever"}, 2, "-forever"},
		"no such value":  {[]string{"--keep=perhaps"}, 2, `"perhaps"`},
		"argument":       {[]string{"--keep", "now"}, 2, `"now"`},
		"empty argument": {[]string{""}, 2, `""`},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			err := run(t.Context(), tc.args, io.Discard)
			if got := exitStatus(t.Context(), err, &stderr); got != tc.status {
				t.Errorf("exit status %d, want %d", got, tc.status)
			}
			if !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("%q does not say %s", stderr.String(), tc.says)
			}
			if lines := strings.Count(stderr.String(), "\n"); (tc.says == "") != (lines == 0) || lines > 1 {
				t.Errorf("%d lines on stderr: %s", lines, stderr.String())
			}
		})
	}
}

func TestKeep(t *testing.T) {
	for _, want := range []bool{false, true} {
		args := map[bool][]string{true: {"--keep"}}[want]
		if got, err := parse(args, io.Discard); got != want || err != nil {
			t.Errorf("parse(%q) = %v, %v", args, got, err)
		}
	}
}

func TestExitStatusAfterAnInterrupt(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if got := exitStatus(interrupted, context.Canceled, io.Discard); got != 130 {
		t.Errorf("interrupted: exit status %d, want 130", got)
	}
	if got := exitStatus(interrupted, nil, io.Discard); got != 0 {
		t.Errorf("interrupted after all was done: exit status %d, want 0", got)
	}
	if got := exitStatus(t.Context(), errors.New("no"), io.Discard); got != 1 {
		t.Errorf("failed: exit status %d, want 1", got)
	}
}
