package chimetest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// codes makes n calls and returns the error code of each.
func codes(t *testing.T, c *chime.Client, n int) []string {
	t.Helper()
	var all []string
	for range n {
		all = append(all, code(t, logout(t.Context(), c)))
	}
	return all
}

func TestScript(t *testing.T) {
	busy := chimetest.Answer{Code: "ServiceUnavailableException"}
	throttled := chimetest.Answer{Code: "ThrottledClientException", Times: 2}
	const b, th = "ServiceUnavailableException", "ThrottledClientException"
	for _, tc := range []struct {
		name   string
		script func(*chimetest.Server)
		want   []string
	}{
		{"none", func(*chimetest.Server) {}, []string{"", ""}},
		{"in order, then as usual", func(s *chimetest.Server) {
			s.Script(account, user, throttled, chimetest.Answer{}, busy)
		}, []string{th, th, "", b, "", ""}},
		{"for ever", func(s *chimetest.Server) {
			s.Script(account, user, chimetest.Answer{Code: b, Times: chimetest.Forever}, throttled)
		}, []string{b, b, b, b}},
		{"of another user", func(s *chimetest.Server) { s.Script(account, "another", busy) }, []string{""}},
		{"of every user", func(s *chimetest.Server) { s.Script("", "", busy) }, []string{b, ""}},
		{"the user's before every user's", func(s *chimetest.Server) {
			s.Script("", "", busy)
			s.Script(account, user, throttled)
		}, []string{th, th, b, ""}},
		{"replaced", func(s *chimetest.Server) {
			s.Script(account, user, throttled, busy)
			s.Script(account, user, busy)
		}, []string{b, ""}},
		{"removed", func(s *chimetest.Server) { s.Script(account, user, busy); s.Script(account, user) }, []string{""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := newServer(t, chimetest.Options{})
			tc.script(srv)
			if got := codes(t, client(t, srv.URL), len(tc.want)); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestScriptIsForGenuineCalls(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{Code: "ServiceFailureException"})
	stranger := client(t, srv.URL, as(aws.Credentials{AccessKeyID: "AKIDOTHER", SecretAccessKey: "x"}))
	if got := code(t, logout(t.Context(), stranger)); got != "UnrecognizedClientException" {
		t.Errorf("stranger: %q", got)
	}
	if got := code(t, logout(t.Context(), client(t, srv.URL))); got != "ServiceFailureException" {
		t.Errorf("client: %q", got)
	}
}

func TestScriptRefusesWhatCannotBe(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	for _, a := range []chimetest.Answer{
		{Status: 100}, {Status: 1000}, {Delay: -1}, {BodySize: -1}, {Cut: "Slowly"},
		{Cut: chimetest.Reset, Status: 500},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", a)
				}
			}()
			srv.Script(account, user, a)
		}()
	}
}

func TestIntercept(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{Code: "ThrottledClientException"})
	seen := make(chan chimetest.Call, 3)
	srv.Intercept(func(c chimetest.Call) *chimetest.Answer {
		seen <- c
		if len(seen) == 2 {
			return nil
		}
		return &chimetest.Answer{Code: "ServiceFailureException"}
	})
	unsigned := client(t, srv.URL, func(o *chime.Options) { o.Credentials = aws.AnonymousCredentials{} })
	if got := code(t, logout(t.Context(), unsigned)); got != "ServiceFailureException" {
		t.Errorf("unsigned: %q", got)
	}
	if got := codes(t, client(t, srv.URL), 2); !slices.Equal(got,
		[]string{"ThrottledClientException", "ServiceFailureException"}) {
		t.Errorf("signed: %q", got)
	}
	if c := <-seen; c.Signature != "MissingAuthenticationTokenException" || c.UserID != user {
		t.Errorf("first call: %+v", c)
	}
	srv.Intercept(nil)
	if err := logout(t.Context(), client(t, srv.URL)); err != nil {
		t.Error(err)
	}
}

// TestInterceptCannotAuthenticate: if f leaves the outcome to the service, the service still rejects invalid calls.
func TestInterceptCannotAuthenticate(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	unsigned := client(t, srv.URL, func(o *chime.Options) { o.Credentials = aws.AnonymousCredentials{} })
	for _, a := range []chimetest.Answer{{Header: map[string]string{"Via": "1.1 proxy"}},
		{Code: "ServiceFailureException", Logout: true}} {
		srv.Intercept(func(chimetest.Call) *chimetest.Answer { return &a })
		if err := logout(t.Context(), unsigned); err == nil || len(srv.Sessions(account, user)) != 1 {
			t.Errorf("%+v: error %v, sessions %v", a, err, srv.Sessions(account, user))
		}
	}
}

func TestHold(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	first, second := srv.Hold(account, user), srv.Hold("", "")
	ctx, die := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- logout(ctx, c) }()

	if call := <-first.Arrived(); call.UserID != user || call.Signature != chimetest.SignatureValid {
		t.Errorf("call %+v", call)
	}
	if len(srv.Sessions(account, user)) != 1 || srv.Calls(account, user) != 0 {
		t.Error("something came of the call while it was held")
	}
	die()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	first.Release()
	first.Release()
	if err := srv.WaitForCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if e := srv.Journal()[0]; e.SessionsEnded != 1 {
		t.Errorf("entry %+v", e)
	}

	second.Release() // before the call arrives: it does not wait
	if err := logout(t.Context(), c); err != nil {
		t.Error(err)
	}
	if call := <-second.Arrived(); call.UserID != user {
		t.Errorf("second call %+v", call)
	}
}

func TestHeldWhenTheServerCloses(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	hold := srv.Hold(account, user)
	srv.Script(account, user, chimetest.Answer{Code: "ServiceFailureException", Logout: true})
	done := make(chan error)
	go func() { done <- logout(t.Context(), client(t, srv.URL)) }()
	<-hold.Arrived()
	srv.Close()
	if err := <-done; err == nil {
		t.Error("the call succeeded")
	}
	if e := srv.Journal(); len(e) != 1 || e[0].Status != 0 || len(srv.Sessions(account, user)) != 1 {
		t.Errorf("journal %+v", e)
	}
}
