package main

import (
	"bytes"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFlagsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"--nonsense", "-nonsense"},
		{"start", `unexpected argument "start"`},
		{"--workers=many", "-workers"},
		{"--workers=0", "--workers must be at least 1"},
		{"--call-timeout=0s", "--call-timeout must be above zero"},
		{"--call-timeout=20s", "--visibility-timeout (30s) must be at least twice --call-timeout (20s)"},
		{"--visibility-timeout=6m", "--visibility-timeout must be at most 5m0s, not 6m0s"},
		{"--visibility-timeout=10s", "--visibility-timeout (10s) must be at least twice --call-timeout (10s)"},
		{"--namespace=", "--namespace must not be empty"},
		{"--log-level=loud", "-log-level"},
		{"--leader-election-retry-period=0s", "--leader-election-retry-period must be above zero"},
		{"--leader-election-lease-duration=59500ms", "--leader-election-lease-duration must be in whole seconds"},
		{"--leader-election-lease-duration=40s",
			"--leader-election-lease-duration (40s) must be above --leader-election-renew-deadline (40s)"},
		{"--leader-election-renew-deadline=6s",
			"--leader-election-renew-deadline (6s) must be above 1.2 times --leader-election-retry-period (5s)"},
	} {
		var out bytes.Buffer
		code := exitCode(run(t.Context(), strings.Fields(tt.args), &out), &out)
		if line := out.String(); code != 2 || !strings.Contains(line, tt.want) || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: status %d, %q, want status 2 and one line with %q", tt.args, code, line, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if code := exitCode(run(t.Context(), []string{"--help"}, &out), &out); code != 0 {
		t.Errorf("status %d", code)
	}
	if !strings.Contains(out.String(), "-visibility-timeout") {
		t.Errorf("help says %q", out.String())
	}
}

func TestDefaultsDoNotContradictEachOther(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.Workers != 50 || o.CallTimeout != 10*time.Second || o.VisibilityTimeout != 30*time.Second {
		t.Errorf("defaults %+v", o)
	}
	// A defragmentation of etcd takes up to half a minute, and the last renewal may be one period before it.
	if outage := o.Lease.RenewDeadline - o.Lease.RetryPeriod; outage < 30*time.Second {
		t.Errorf("an outage of more than %s ends the leader", outage)
	}
}

func TestNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	var out bytes.Buffer
	if code := exitCode(run(t.Context(), nil, &out), &out); code != 1 ||
		!strings.Contains(out.String(), "cannot load the cluster configuration") {
		t.Errorf("status %d, %q", code, out.String())
	}
}

// TestLibrariesQuoteNothing checks that the logs of libraries do not quote what a service sent.
func TestLibrariesQuoteNothing(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	defer func(before *slog.Logger, flags int) {
		slog.SetDefault(before)
		log.SetFlags(flags)
		log.SetOutput(os.Stderr)
	}(slog.Default(), log.Flags())
	var out bytes.Buffer
	_ = run(t.Context(), nil, &out) // it ends at once, without a cluster
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v",
		"Authorization: Bearer abc", nil)
	if text := out.String(); !strings.Contains(text, "Unsolicited response") || strings.Contains(text, "abc") {
		t.Errorf("logged %s", text)
	}
}

// TestProxies: the operator does not start with a proxy that net/http would ignore, and does not quote it.
func TestProxies(t *testing.T) {
	for value, ok := range map[string]bool{
		"": true, "http://proxy.example:3128": true, "proxy.example:3128": true, "http://jane:hunter2@proxy.example": true,
		"http://proxy.example:3128\n": false, "http://pro%xy.example": false, "http://jane:hun%ter2@proxy.example": false,
	} {
		for _, name := range []string{"HTTPS_PROXY", "http_proxy"} {
			t.Run(name, func(t *testing.T) {
				t.Setenv(name, value)
				err := run(t.Context(), []string{"--kubeconfig=/does/not/exist"}, io.Discard)
				if err == nil || strings.HasPrefix(err.Error(), name+" is not a URL") == ok || strings.Contains(err.Error(), "ter2") {
					t.Errorf("%q: %v", value, err)
				}
			})
		}
	}
}
