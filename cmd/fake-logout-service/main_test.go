package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environment returns an environment with usable credentials.
func environment(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests"}[name]
}

func TestRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"--listen=127.0.0.1:0", "--base-path=/console", "--user=acme/jane=phone,laptop"},
			environment, in)
		ended <- errors.Join(err, in.Close())
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("no URL was printed")
	}
	url := lines.Text()

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := chime.New(chime.Options{
		BaseEndpoint: &url,
		Region:       "us-east-1",
		Retryer:      aws.NopRetryer{},
		HTTPClient:   &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: environment("AWS_ACCESS_KEY_ID"),
				SecretAccessKey: environment("AWS_SECRET_ACCESS_KEY")}, nil
		}),
	})
	logout := func() error {
		_, err := client.LogoutUser(ctx, &chime.LogoutUserInput{AccountId: aws.String("acme"),
			UserId: aws.String("jane")})
		return err
	}
	next := func() (e chimetest.Entry) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("no entry was printed")
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}

	if err := logout(); err != nil {
		t.Error(err)
	}
	if e := next(); e.Status != 204 || e.SessionsEnded != 2 || !strings.HasPrefix(e.URI, "/console/accounts/acme/") {
		t.Errorf("entry %+v", e)
	}

	script, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/console")+"/_fake/script",
		strings.NewReader(`{"answers": [{"cut": "Hang"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(script)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusNoContent {
		t.Errorf("script: status %d, %v", resp.StatusCode, err)
	}
	hung := make(chan error, 1)
	go func() { hung <- logout() }()
	if e := next(); e.Cut != chimetest.Hang {
		t.Errorf("entry %+v", e)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if err := <-hung; err == nil {
		t.Error("the call that hung succeeded")
	}
	if lines.Scan() {
		t.Errorf("one line too many: %s", lines.Text())
	}
}

func TestRunEndsWhenNobodyReads(t *testing.T) {
	for name, linesRead := range map[string]int{"the URL": 0, "the journal": 1} {
		t.Run(name, func(t *testing.T) {
			out, in := io.Pipe()
			ended := make(chan error, 1)
			go func() { ended <- run(t.Context(), []string{"--listen=127.0.0.1:0"}, environment, in) }()
			lines := bufio.NewScanner(out)
			for range linesRead {
				lines.Scan()
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			if linesRead > 0 {
				resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(httptest.NewRequest(http.MethodPost,
					lines.Text(), http.NoBody))
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
			}
			if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	nothing := func(string) string { return "" }
	for _, tc := range []struct {
		name   string
		args   []string
		getenv func(string) string
		status int
		says   string
	}{
		{"help", []string{"-h"}, nothing, 0, ""},
		{"unknown flag", []string{"--colour"}, environment, 2, "-colour"},
		{"argument", []string{"serve"}, environment, 2, `"serve"`},
		{"no credentials", nil, nothing, 2, "AWS_ACCESS_KEY_ID"},
		{"base path without slash", []string{"--base-path=console"}, environment, 2, "--base-path"},
		{"base path with a slash too many", []string{"--base-path=/console/"}, environment, 2, "--base-path"},
		{"base path of the admin surface", []string{"--base-path=/_fake"}, environment, 2, "admin"},
		{"no region", []string{"--region="}, environment, 2, "--region"},
		{"negative rate limit", []string{"--rate-limit=-1"}, environment, 2, "--rate-limit"},
		{"rate limit that is none", []string{"--rate-limit=NaN"}, environment, 2, "--rate-limit"},
		{"user without account", []string{"--user=jane=phone"}, environment, 2, "ACCOUNT/USER"},
		{"address that cannot be", []string{"--listen=127.0.0.1:none"}, environment, 1, "listening"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			err := run(t.Context(), tc.args, tc.getenv, &stdout)
			if got := exitStatus(err, &stderr); got != tc.status {
				t.Errorf("status %d, want %d (%v)", got, tc.status, err)
			}
			if text := stderr.String(); !strings.Contains(text, tc.says) ||
				strings.Count(text, "\n") != min(tc.status, 1) {
				t.Errorf("stderr %q", text)
			}
			if errors.Is(err, flag.ErrHelp) != strings.Contains(stdout.String(), "-base-path") {
				t.Errorf("stdout %q", stdout.String())
			}
		})
	}
}
