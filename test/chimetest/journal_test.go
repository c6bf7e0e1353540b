package chimetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

func TestWaitForCalls(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	done := make(chan error)
	go func() { done <- srv.WaitForCalls(t.Context(), 2) }()
	codes(t, c, 2)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if srv.Calls(account, user) != 2 || srv.Calls("", "") != 2 || srv.Calls(account, "another") != 0 {
		t.Error("counts differ")
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- srv.WaitForCalls(ctx, 3) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestFollow(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	codes(t, c, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := 1
	for e := range srv.Follow(ctx, 0) {
		if e.Number != next {
			t.Errorf("entry %d, want %d", e.Number, next)
		}
		switch next++; e.Number {
		case 2:
			codes(t, c, 2)
		case 3:
			cancel() // the fourth is still yielded
		}
	}
	if next != 5 {
		t.Errorf("%d entries, want 4", next-1)
	}
}

func TestJournalHasNoSecret(t *testing.T) {
	secret := aws.Credentials{AccessKeyID: "AKIDTOKEN", SecretAccessKey: "the-secret", SessionToken: "the-token"}
	srv := newServer(t, chimetest.Options{Credentials: []aws.Credentials{secret}})
	var signature string
	for _, change := range []func(*chime.Options){as(secret), as(credentials), rewriting("Signature=", "Sign=")} {
		_ = logout(t.Context(), client(t, srv.URL, change, tampering(func(r *http.Request) {
			_, signature, _ = strings.Cut(r.Header.Get("Authorization"), "Signature=")
		})))
		text, err := json.Marshal(srv.Journal())
		if err != nil {
			t.Fatal(err)
		}
		for _, leak := range []string{"the-secret", "the-token", credentials.SecretAccessKey, signature} {
			if leak != "" && strings.Contains(string(text), leak) {
				t.Errorf("journal has %q: %s", leak, text)
			}
		}
	}
}

func TestRateLimit(t *testing.T) {
	clock := newClock()
	srv := newServer(t, chimetest.Options{RateLimit: 2, RetryAfter: 1500 * time.Millisecond, Now: clock.Now})
	c := client(t, srv.URL)
	for _, want := range []string{"", "", "ThrottledClientException", "ThrottledClientException"} {
		err := logout(t.Context(), c)
		if got := code(t, err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		var answer *smithyhttp.ResponseError
		if errors.As(err, &answer) && (answer.HTTPStatusCode() != 429 ||
			answer.Response.Header.Get("Retry-After") != "2") {
			t.Errorf("status %d, header %v", answer.HTTPStatusCode(), answer.Response.Header)
		}
	}
	clock.advance(500 * time.Millisecond)
	if got := codes(t, c, 2); got[0] != "" || got[1] != "ThrottledClientException" {
		t.Errorf("half a second later: %q", got)
	}
}

func TestManyAtATime(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	const users, calls = 20, 10
	var wg sync.WaitGroup
	for i := range users {
		id := "user-" + strconv.Itoa(i)
		srv.SignIn(account, id, "phone", "laptop")
		srv.Script(account, id, chimetest.Answer{Code: "ServiceFailureException", Times: calls - 1})
		wg.Go(func() {
			for n := range calls {
				_, err := c.LogoutUser(t.Context(), &chime.LogoutUserInput{AccountId: aws.String(account), UserId: &id})
				if (err == nil) != (n == calls-1) {
					t.Errorf("%s, call %d: %v", id, n+1, err)
				}
			}
		})
		wg.Go(func() { srv.SetCredentials(credentials); srv.Journal(); srv.Sessions(account, id) })
	}
	wg.Wait()
	if got := srv.Calls("", ""); got != users*calls {
		t.Errorf("%d calls, want %d", got, users*calls)
	}
	ended := 0
	for _, e := range srv.Journal() {
		ended += e.SessionsEnded
	}
	if ended != 2*users {
		t.Errorf("%d sessions ended, want %d", ended, 2*users)
	}
}

// BenchmarkCall is one valid call without the network.
func BenchmarkCall(b *testing.B) {
	srv := chimetest.New(chimetest.Options{Credentials: []aws.Credentials{credentials}})
	defer srv.Close()
	srv.SignIn(account, user)
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		r.RequestURI = r.URL.RequestURI()
		r.Host, r.Body = r.URL.Host, http.NoBody
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Result(), nil
	})
	c := client(b, "http://service.example", func(o *chime.Options) { o.HTTPClient = httpClient(transport) })
	b.ReportAllocs()
	for b.Loop() {
		if err := logout(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
