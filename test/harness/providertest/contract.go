package providertest

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const page = `<!DOCTYPE html><html><head><title>Welcome</title></head></html>`

// Run tests all types of providers against the contract, in parallel because they wait most of the time.
func Run(t *testing.T) {
	holdLogs(t)
	all := maps.Clone(Variants)
	for _, p := range All {
		all[p.Name()] = p
	}
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, p)
		})
	}
}

func run(t *testing.T, p Fixture) {
	for _, b := range []struct {
		name string
		run  func(*kit)
	}{
		{"logged out", (*kit).loggedOut},
		{"logged out again", (*kit).loggedOutAgain},
		{"refused for good", (*kit).refusedForGood},
		{"not authorised, then repaired", (*kit).notAuthorized},
		{"throttled", (*kit).throttled},
		{"in trouble", (*kit).inTrouble},
		{"no answer", (*kit).noAnswer},
		{"nothing is sent too late", (*kit).tooLate},
		{"refused connection", (*kit).refused},
		{"redirects", (*kit).redirects},
		{"not the service", (*kit).notTheService},
		{"somebody on the way refuses", (*kit).refusedOnTheWay},
		{"oversized answers", (*kit).oversized},
		{"IDs that need escaping", (*kit).escaping},
		{"IDs that are refused", (*kit).refusedIDs},
		{"rotated credentials", (*kit).rotated},
		{"nothing secret in errors", (*kit).nothingSecret},
		{"many at a time", (*kit).many},
		{"hostile", (*kit).hostile},
		{"hostile beside the logout", (*kit).hostileBeside},
		{"misconfigured", (*kit).misconfigured},
		{"private CA", (*kit).privateCA},
		{"client certificate", (*kit).clientCertificate},
		{"misconfigured TLS", (*kit).misconfiguredTLS},
	} {
		t.Run(b.name, func(t *testing.T) { b.run(newKit(t, p)) })
	}
}

func (k *kit) loggedOut() {
	if err := k.client().CheckCredentials(k.Context()); err != nil || len(k.server.Calls()) != 0 {
		k.Errorf("credentials: %v, after %d logouts", err, len(k.server.Calls()))
	}
	k.succeeds("first")
	want := k.p.Want(k.p.AccountID, k.p.UserID)
	if calls := k.server.Calls(); len(calls) != 1 || calls[0] != want {
		k.Errorf("called with %+v", calls)
	}
}

func (k *kit) loggedOutAgain() {
	k.succeeds("first")
	if k.p.LoggedOutAgain.Status != 0 {
		k.server.Answer(k.p.LoggedOutAgain)
	}
	if _, failure := k.attempt(); failure != nil {
		k.Errorf("second: %+v", failure)
	}
}

func (k *kit) refusedForGood() {
	k.answered("unknown user", k.p.UnknownUser, logout.NotFound)
	if !k.p.AccountNotSent {
		k.answered("unknown account", k.p.UnknownAccount, logout.NotFound)
	}
	invalid := *k
	invalid.p.UserID = cmp.Or(k.p.InvalidUserID, k.p.UserID)
	invalid.answered("invalid request", k.p.Invalid, logout.BadRequest)
	k.answered("with Retry-After", k.p.UnknownUser.with("Retry-After", "60"), logout.NotFound)
}

func (k *kit) notAuthorized() {
	for i, a := range k.p.NotAuthorized {
		k.answered(fmt.Sprint("refusal ", i), a, logout.Unauthorized)
		k.server.Answer(k.p.LoggedOut)
		k.succeeds("repaired")
	}
}

func (k *kit) throttled() {
	wait := func(what string, a Answer, want time.Duration) {
		k.Helper()
		if e := k.answered(what, a, logout.Throttled); !e.ProviderWide || e.RetryAfter != want {
			k.Errorf("%s: %+v, want %s", what, e, want)
		}
	}
	wait("with no hint", k.p.Throttled, 0)
	wait("for seconds", k.p.Throttled.with("Retry-After", "17"), 17*time.Second)
	wait("until a date", k.p.Throttled.with("Retry-After", "Fri, 20 Feb 2026 10:00:30 GMT").with("Date",
		"Fri, 20 Feb 2026 10:00:00 GMT"), 30*time.Second)
	wait("for a year", k.p.Throttled.with("Retry-After", "31536000"), logout.MaxRetryAfter)
	wait("garbage", k.p.Throttled.with("Retry-After", "soon"), 0)
	wait("until a limit ends", k.p.Throttled.with("X-RateLimit-Remaining", "0").with("X-RateLimit-Reset", "17"),
		17*time.Second)
	for _, hint := range k.p.ThrottledFor {
		a := k.p.Throttled
		for name, value := range hint.Header {
			a = a.with(name, value)
		}
		wait(fmt.Sprint(hint.Header), a, hint.Want)
	}
	wait("by status alone", Answer{Status: http.StatusTooManyRequests}, 0)
}

func (k *kit) inTrouble() {
	k.answered("failed", k.p.Failed, logout.ServiceFailure)
	if e := k.answered("unavailable", k.p.Unavailable.with("Retry-After", "3"),
		logout.ServiceUnavailable); e.RetryAfter != 3*time.Second {
		k.Errorf("Retry-After of 3: %+v", e)
	}
	html := map[string]string{"Content-Type": "text/html"}
	k.answered("gateway's page", Answer{Status: http.StatusBadGateway, Header: html, Body: page}, logout.ServiceFailure)
	k.answered("balancer's page", Answer{Status: http.StatusServiceUnavailable, Header: html, Body: page},
		logout.ServiceUnavailable)
	k.answered("garbage", Answer{Status: 500, Header: map[string]string{"Content-Type": "application/json"},
		Body: `{"message":`}, logout.ServiceFailure)
	k.server.Answer(k.p.LoggedOut)
	k.succeeds("over")
}

func (k *kit) noAnswer() {
	ctx, timeUp := k.untilTold()
	k.server.Handle(func(_ http.ResponseWriter, r *http.Request) {
		defer timeUp().Stop()
		<-r.Context().Done()
	}, nil)
	_, e := k.attemptWith(ctx, k.p.AccountID, k.p.UserID)
	if e == nil || e.Reason != logout.EndpointUnreachable || e.ProviderWide || !strings.Contains(e.Message, "timeout") {
		k.Errorf("silent: %+v", e)
	}
	if n := len(k.server.Calls()); n != 1 {
		k.Errorf("%d calls", n)
	}
	k.server.Handle(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil)
	if e := k.fails("connection closed", logout.EndpointUnreachable); e.ProviderWide || e.HTTPStatusCode != 0 {
		k.Errorf("connection closed: %+v", e)
	}
}

// suspended is a context as a process sees it after its machine was suspended: past its deadline by the wall clock,
// while its timer is still running.
type suspended struct{ context.Context }

func (suspended) Deadline() (time.Time, bool) { return time.Now().Round(0).Add(-time.Second), true }

func (k *kit) tooLate() {
	k.succeeds("in time") // so that there is a token, if the protocol needs one
	_, e := k.attemptWith(suspended{k.Context()}, k.p.AccountID, k.p.UserID)
	if e == nil || e.Reason != logout.EndpointUnreachable || e.ProviderWide {
		k.Errorf("too late: %+v", e)
	}
	if n := len(k.server.Calls()); n != 1 {
		k.Errorf("%d calls", n)
	}
}

func (k *kit) refused() {
	k.succeeds("before") // so that there are credentials, if the client has to fetch them
	k.server.Close()
	_, _ = k.attempt() // on a kept connection
	if e := k.fails("nobody there", logout.EndpointUnreachable); !e.ProviderWide {
		k.Errorf("nobody there: %+v", e)
	}
}

func (k *kit) redirects() {
	var strangers atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		strangers.Add(1)
		k.p.LoggedOut.write(w)
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		k.setSecret(k.p.Secrets[0]) // a new client: one that got no token waits before it asks again
		k.answered(strconv.Itoa(status), Answer{Status: status, Header: map[string]string{"Location": elsewhere.URL}},
			logout.UnexpectedResponse)
		if k.p.Other == nil {
			continue
		}
		k.server.Handle(k.p.LoggedOut.serve, func(w http.ResponseWriter, _ *http.Request) {
			Answer{Status: status, Header: map[string]string{"Location": elsewhere.URL}}.write(w)
		})
		k.setSecret(k.p.Secrets[0]) // another client, which has to ask again
		if _, e := k.attempt(); e == nil && len(k.server.Calls()) == 0 {
			k.Errorf("%d beside the logout: no error and no call", status)
		}
	}
	if n := strangers.Load(); n != 0 {
		k.Errorf("%d requests followed a redirect", n)
	}
}

func (a Answer) serve(w http.ResponseWriter, _ *http.Request) { a.write(w) }

func (k *kit) notTheService() {
	for _, status := range []int{200, 201, 202, 204, 206, 404} {
		for what, a := range map[string]Answer{
			"page":  {Status: status, Header: map[string]string{"Content-Type": "text/html"}, Body: page},
			"empty": {Status: status},
		} {
			switch {
			case status == k.p.LoggedOut.Status && status != 200: // a 204 has no body that could show a difference
			case status == 404 && a.Body == "" && k.p.BareNotFound:
			default:
				e := k.answered(fmt.Sprint(status, " ", what), a, logout.UnexpectedResponse)
				if e.Unconfirmed != (status < 300 && a.Body == "") {
					k.Errorf("%d %s: unconfirmed %t", status, what, e.Unconfirmed)
				}
			}
		}
	}
}

// refusedOnTheWay: the answer of a proxy or a firewall is never final, whatever its status. Only the service's own code
// is.
func (k *kit) refusedOnTheWay() {
	for status := 400; status < 500; status++ {
		for _, body := range []string{"", page, `{"message":"blocked"}`, `["blocked"]`, "blocked"} {
			if status == http.StatusNotFound && body == "" && k.p.BareNotFound {
				continue
			}
			media := "text/html"
			if strings.ContainsAny(body[:min(1, len(body))], "{[") {
				media = jsonType
			}
			k.server.Answer(Answer{Status: status, Header: map[string]string{"Content-Type": media}, Body: body})
			if _, e := k.attempt(); e == nil || e.Reason.Class() == logout.Permanent {
				k.Errorf("%d %s: %+v", status, body, e)
			}
			if status == http.StatusUnauthorized {
				k.setSecret(k.p.Secrets[0]) // a new client, whose credentials nobody has rejected
			}
		}
	}
}

func (k *kit) oversized() {
	for _, status := range []int{200, 307, 404, 500} {
		var written atomic.Int64
		done := make(chan struct{})
		k.server.Handle(func(w http.ResponseWriter, _ *http.Request) {
			defer close(done)
			w.Header().Set("Content-Type", k.p.Failed.Header["Content-Type"])
			w.WriteHeader(status)
			for filler := []byte(`{"a":"` + strings.Repeat("a", 1<<20)); written.Load() < 1<<30; {
				n, err := w.Write(filler)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}, nil)
		if _, e := k.attempt(); e == nil || e.HTTPStatusCode != status {
			k.Fatalf("%d: %+v", status, e) // the handler may never end, or never begin
		}
		<-done
		if n := written.Load(); n > 64<<20 { // more than the sockets' buffers hold
			k.Errorf("%d: %d bytes read", status, n)
		}
	}
}

func (k *kit) escaping() {
	for _, id := range escaped {
		for _, ids := range []Call{{AccountID: id, UserID: k.p.UserID}, {AccountID: k.p.AccountID, UserID: id}} {
			before := len(k.server.Calls())
			if _, e := k.attemptFor(ids.AccountID, ids.UserID); k.p.refuses(ids) {
				if e == nil || e.Reason != logout.BadRequest || len(k.server.Calls()) != before {
					k.Errorf("%+v: %+v after %d calls", ids, e, len(k.server.Calls())-before)
				}
			} else if e != nil {
				k.Errorf("%+v: %+v", ids, e)
			} else if calls := k.server.Calls(); calls[len(calls)-1] != k.p.Want(ids.AccountID, ids.UserID) {
				k.Errorf("%+v arrives as %+v", ids, calls[len(calls)-1])
			}
		}
	}
}

func (k *kit) refusedIDs() {
	for _, id := range []string{"", ".", "..", "...", " ", " a", "a ", "a  b", "a\tb", "a\u00a0b", "a\x00b", "a\u200bb", "\xff",
		"1.23456789e+09"} {
		for _, call := range []Call{{AccountID: id, UserID: k.p.UserID}, {AccountID: k.p.AccountID, UserID: id}} {
			_, e := k.attemptFor(call.AccountID, call.UserID)
			if e == nil || e.Reason != logout.BadRequest {
				k.Errorf("%+v: %+v", call, e)
			}
		}
	}
	if n := len(k.server.Calls()); n != 0 {
		k.Errorf("%d calls", n)
	}
}

func (k *kit) rotated() {
	k.succeeds("first")
	k.setSecret(k.p.Secrets[1])
	k.server.Require(1)
	k.succeeds("rotated")
	k.setSecret(k.p.Secrets[0])
	k.fails("back to credentials the service has forgotten", logout.Unauthorized)
}

// nothingSecret makes the service repeat everything that it was sent, and each credential, in every place of its
// answers and in the forms that real services use.
func (k *kit) nothingSecret() {
	secrets := append(slices.Collect(maps.Values(k.p.Secrets[0])), k.p.Derived...)
	for _, status := range []int{200, 400, 401, 403, 404, 408, 422, 429, 500, 503} {
		texts := []string{""} // the request's headers
		for _, secret := range secrets {
			texts = append(texts, secret, "your "+secret+" is wrong")
		}
		if status == http.StatusInternalServerError { // people can read its text
			for _, secret := range secrets {
				texts = append(texts, strings.ToUpper(secret), strings.ToLower(secret),
					strings.Join(strings.Split(secret, ""), "\u200b"),
					strings.Join(strings.Split(secret, ""), " "), secret[:5]+"\r\n\t"+secret[5:], secret[:10],
					url.QueryEscape(url.QueryEscape(secret)),
					base64.StdEncoding.EncodeToString([]byte("x:"+secret)))
			}
		}
		for _, text := range texts {
			k.server.Handle(func(w http.ResponseWriter, r *http.Request) {
				said := text
				if said == "" {
					var headers strings.Builder
					_ = r.Header.Write(&headers)
					said = headers.String()
				}
				k.p.Echo(status, said).write(w)
			}, nil)
			_, e := k.attempt() // it checks for secrets
			if e == nil {
				k.Errorf("%d: no error", status)
			} else if status == 500 && text != "" && e.Message != "the service answered HTTP 500" {
				k.Errorf("%q became %q, code %q", text, e.Message, e.Code)
			}
		}
	}
	for _, secret := range secrets {
		for _, text := range []string{secret, strings.ToUpper(secret), secret[:10]} {
			a := k.p.LoggedOut
			for name, value := range a.Header {
				if value == k.p.RequestID {
					a = a.with(name, text)
				}
			}
			k.server.Answer(a)
			if receipt, e := k.attempt(); e != nil || receipt.RequestID != "" {
				k.Errorf("receipt %+v, %+v", receipt, e)
			}
		}
	}
}

func (k *kit) many() {
	const n = 30
	k.client()
	var calls sync.WaitGroup
	for range n {
		calls.Go(func() {
			if _, e := k.attemptFor(k.p.AccountID, k.p.UserID); e != nil {
				k.Errorf("%+v", e)
			}
		})
	}
	calls.Wait()
	if got := len(k.server.Calls()); got != n {
		k.Errorf("%d calls for %d attempts", got, n)
	}
}
