package bearer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	clientID = "client:1"
	secret   = "client+secret/EXAMPLE%"
	basic    = "Y2xpZW50JTNBMTpjbGllbnQlMkJzZWNyZXQlMkZFWEFNUExFJTI1"
)

// service is a transport with a token endpoint and a service, which accepts
// only the newest token.
type service struct {
	token http.HandlerFunc // nil: issues token-1, token-2 …, which are valid for expires

	expires      int
	answersAfter time.Duration
	mu           sync.Mutex
	issued       int
	hosts        []string // that received a request
	reject       bool     // the service rejects every token
	rights       int      // tokens before this one lack a right
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = append(s.hosts, r.URL.Host)
	w := httptest.NewRecorder()
	switch {
	case r.URL.Host == "service.example":
		if s.reject || r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", s.issued) {
			w.WriteHeader(http.StatusUnauthorized)
		} else if s.issued < s.rights {
			w.WriteHeader(http.StatusForbidden)
		}
	case r.URL.Host == "tokens.example" && s.token != nil:
		s.token(w, r)
	case r.URL.Host != "tokens.example" || r.Header.Get("Authorization") != "Basic "+basic:
		w.WriteHeader(http.StatusTeapot)
	default:
		select {
		case <-time.After(s.answersAfter):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		s.issued++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer"`, s.issued)
		if s.expires != 0 {
			fmt.Fprintf(w, `,"expires_in":%d`, s.expires)
		}
		fmt.Fprint(w, "}")
	}
	return w.Result(), nil
}

func (*service) CloseIdleConnections() {}

func newCaller(t *testing.T, transport *service) *Caller {
	t.Helper()
	wire := httpcall.NewWire(httpcall.TLS{})
	wire.Transport = transport
	c, err := New(Config{Client: &Client{TokenURL: httpcall.MustParseEndpoint("https://tokens.example/token"),
		ID: clientID, Secret: secret}}, wire)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func call(ctx context.Context, t *testing.T, c *Caller) (int, *logout.Error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://service.example/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Call(req)
	if err != nil {
		return 0, logouttest.Failure(t, err, clientID, secret, basic, "token-")
	}
	return a.Status, nil
}

// A token is fetched once, kept until shortly before its end, and then fetched
// again.
func TestTokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	for _, tc := range []struct {
		expires int
		good    time.Duration
	}{
		{300, 270 * time.Second},
		{60, 30 * time.Second},
		{10, 5 * time.Second},
		{0, unstated - margin},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{expires: tc.expires}
			c := newCaller(t, s)
			for _, after := range []struct {
				pause  time.Duration
				issued int
			}{{0, 1}, {0, 1}, {tc.good - time.Millisecond, 1}, {time.Millisecond, 2}, {0, 2}} {
				<-time.After(after.pause)
				if status, e := call(t.Context(), t, c); status != 200 || s.issued != after.issued {
					t.Errorf("expires_in %d: %d, %+v with %d tokens issued, want %d", tc.expires, status, e, s.issued,
						after.issued)
				}
			}
		})
	}
}

// TestTokensInOtherForms: a server that departs from RFC 6749, section 5.1, in a way that leaves no doubt, gives a
// token.
func TestTokensInOtherForms(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		good   time.Duration
	}{
		{200, `{"access_token":"token-0"}`, unstated - margin},
		{200, `{"access_token":"token-0","token_type":""}`, unstated - margin},
		{200, `{"access_token":"token-0","token_type":"BEARER","expires_in":null}`, unstated - margin},
		{200, `{"access_token":"token-0","expires_in":3600.0}`, time.Hour - margin},
		{200, `{"access_token":"token-0","expires_in" : "3600.9"}`, time.Hour - margin},
		{200, `{"access_token":"token-0","expires_in":"3600"}`, time.Hour - margin},
		{201, `{"access_token":"token-0","token_type":"Bearer","expires_in":3600}`, time.Hour - margin},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := newCaller(t, &service{token: func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}})
			for _, after := range []struct {
				pause time.Duration
				asked int
			}{{0, 1}, {tc.good - time.Millisecond, 1}, {time.Millisecond, 2}} {
				<-time.After(after.pause)
				if status, e := call(t.Context(), t, c); status != 200 || asked != after.asked {
					t.Errorf("%d %s: %d, %+v; asked %d times, want %d", tc.status, tc.body, status, e, asked, after.asked)
				}
			}
		})
	}
}

// A token that has already expired when it arrives is used for the attempts of
// that moment, and not after that.
func TestTokenWithoutALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{expires: -5}
		c := newCaller(t, s)
		for _, want := range []int{1, 1, 2} {
			if status, e := call(t.Context(), t, c); status != 200 || s.issued != want {
				t.Errorf("%d, %+v with %d tokens issued, want %d", status, e, s.issued, want)
			}
			<-time.After(time.Second / 2)
		}
	})
}

// A token that the service rejects is not sent again. If it was accepted for a while, the same attempt sends the request
// once more with another token. Any other rejected token costs one request in each attempt.
func TestRejectedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{expires: 300}
		c := newCaller(t, s)
		for i, step := range []struct {
			after                  time.Duration
			do                     func()
			status, issued, logout int // the tokens so far, and the requests to the service in this step
		}{
			{0, nil, 200, 1, 1},
			{provenAfter, func() { s.issued++ }, 200, 3, 2}, // the server has killed the token
			{0, func() { s.issued++ }, 401, 4, 1},           // and at once the next one
			{0, nil, 200, 5, 1},
			{provenAfter, func() { s.reject = true }, 401, 6, 2},
			{provenAfter, nil, 401, 7, 1}, // the token is new
			{provenAfter, nil, 401, 8, 1},
			{0, func() { s.reject = false }, 200, 9, 1},
		} {
			<-time.After(step.after)
			if step.do != nil {
				step.do()
			}
			s.hosts = nil
			status, e := call(t.Context(), t, c)
			sent := len(slices.DeleteFunc(s.hosts, func(host string) bool { return host != "service.example" }))
			if status != step.status || s.issued != step.issued || sent != step.logout {
				t.Errorf("%d: %d, %+v with %d tokens issued and %d requests", i, status, e, s.issued, sent)
			}
		}
	})
}

// recorder is a transport that keeps the requests to the service, and rejects the second.
type recorder struct {
	*service
	came []string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != "service.example" {
		return r.service.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	r.came = append(r.came, fmt.Sprintf("%s %s %s %s", req.Method, req.Header["Authorization"], req.Header["X-Test"], body))
	w := httptest.NewRecorder()
	if len(r.came) == 2 {
		w.WriteHeader(http.StatusUnauthorized)
	}
	return w.Result(), err
}

// TestRepeatedRequest: the request that is sent again is the same, but for its token. If there is no other token, the
// answer is the first one.
func TestRepeatedRequest(t *testing.T) {
	for _, unavailable := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{service: &service{expires: 300}}
			c := newCaller(t, r.service)
			c.wire.Transport = r
			want := []string{"POST [Bearer token-1] [a] {}", "POST [Bearer token-1] [a] {}", "POST [Bearer token-2] [a] {}"}
			status := http.StatusOK
			if unavailable {
				want, status = want[:2], http.StatusUnauthorized
			}
			var last *Response
			for range 2 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://service.example/logout",
					strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Test", "a")
				if last, err = c.Call(req); err != nil {
					t.Fatal(err)
				}
				<-time.After(provenAfter)
				if unavailable {
					r.token = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
				}
			}
			if !slices.Equal(r.came, want) || last.Status != status {
				t.Errorf("token endpoint unavailable %t: %d, %q, want %q", unavailable, last.Status, r.came, want)
			}
		})
	}
}

// TestTokenRequest: the client's credentials stand in the header or in the body, never in both, and parameters beside
// them.
func TestTokenRequest(t *testing.T) {
	for _, inBody := range []bool{false, true} {
		s := &service{}
		s.token = func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			id, key, basic := r.BasicAuth()
			want := url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}, "audience": {"https://x/?y=z&w"}}
			if inBody {
				want.Set("client_id", clientID)
				want.Set("client_secret", secret)
			} else if id != url.QueryEscape(clientID) || key != url.QueryEscape(secret) {
				t.Errorf("authenticated as %q, %q", id, key)
			}
			if basic == inBody || !maps.EqualFunc(r.PostForm, want, slices.Equal) {
				t.Errorf("in the body %t: Basic %t, %v", inBody, basic, r.PostForm)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"token-0"}`)
		}
		wire := httpcall.NewWire(httpcall.TLS{})
		wire.Transport = s
		c, err := New(Config{Client: &Client{TokenURL: httpcall.MustParseEndpoint("https://tokens.example/token"),
			ID: clientID, Secret: secret, InBody: inBody, Scopes: []string{"a", "b"},
			Parameters: url.Values{"audience": {"https://x/?y=z&w"}}}}, wire)
		if err != nil {
			t.Fatal(err)
		}
		if status, e := call(t.Context(), t, c); status != 200 {
			t.Errorf("in the body %t: %d, %+v", inBody, status, e)
		}
	}
}

// TestGrantedRight: a right that was granted after the token was fetched counts with the next attempt, not when the
// token ends, and a missing right does not cause a token request for each call.
func TestGrantedRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{expires: 86400, rights: 100}
		c := newCaller(t, s)
		for range 10 * 60 {
			if status, e := call(t.Context(), t, c); status != 403 {
				t.Fatalf("%d, %+v", status, e)
			}
			<-time.After(time.Second)
		}
		if s.issued != 4 { // after 0, 1, 3 and 7 minutes
			t.Errorf("%d tokens in ten minutes, want 4", s.issued)
		}
		s.rights = s.issued + 1
		<-time.After(5 * time.Minute)
		if status, e := call(t.Context(), t, c); status != 200 {
			t.Errorf("after the right was granted: %d, %+v", status, e)
		}
	})
}

// onTheWay does something when a request to the service has left, before it arrives.
type onTheWay struct {
	*service
	do func()
}

func (o onTheWay) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "service.example" {
		o.do()
	}
	return o.service.RoundTrip(r)
}

// TestRejectedAfterReplacement: a server with one valid token for each client rejects the one that was replaced while
// its request was on the way. The request is sent again with the other. A token that nobody replaced, and that was never
// accepted, is everybody's trouble.
func TestRejectedAfterReplacement(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{expires: 86400}
			c := newCaller(t, s)
			c.wire.Transport = onTheWay{s, func() {
				if s.reject = !replaced; !replaced {
					return
				}
				<-time.After(20 * time.Second)
				c.fetched.Doubt("token-1")
				if value, err := c.token(t.Context()); value != "token-2" || err != nil {
					t.Errorf("%s, %v", value, err)
				}
			}}
			if _, err := c.token(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://service.example/logout", nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := c.Call(req)
			want := http.StatusUnauthorized
			if replaced {
				want = http.StatusOK
			}
			if err != nil || a.Status != want {
				t.Errorf("replaced %t: %+v, %v", replaced, a, err)
			}
		})
	}
}

// One token request serves all callers that wait for it, whether it succeeds or
// not. A caller without time left stops waiting.
func TestOneFetchForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		var asked int
		release := make(chan struct{})
		s.token = func(w http.ResponseWriter, _ *http.Request) {
			asked++
			<-release
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		c := newCaller(t, s)
		var failed atomic.Int64
		for range 20 {
			go func() {
				if err := c.CheckCredentials(context.Background()); err != nil {
					failed.Add(1)
				}
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, e := call(ctx, t, c); e == nil || e.Reason != logout.EndpointUnreachable ||
			e.Message != "token endpoint: timeout: no answer within the attempt's deadline" {
			t.Errorf("%+v", e)
		}
		close(release)
		synctest.Wait()
		if asked != 1 || failed.Load() != 20 {
			t.Errorf("%d requests for a token, %d failures", asked, failed.Load())
		}
	})
}

// A fetch has a deadline of its own: a caller with little time left does not
// make it fail for the others.
func TestShortOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answersAfter: time.Second}
		c := newCaller(t, s)
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var failed, fine atomic.Int64
		go func() {
			if c.CheckCredentials(short) != nil &&
				time.Since(begin(short, 100*time.Millisecond)) == 100*time.Millisecond {
				failed.Add(1)
			}
		}()
		synctest.Wait()
		for range 10 {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				if c.CheckCredentials(ctx) == nil {
					fine.Add(1)
				}
			}()
		}
		<-time.After(2 * time.Second)
		if failed.Load() != 1 || fine.Load() != 10 || s.issued != 1 {
			t.Errorf("%d without time failed, %d of 10 with time have the token, %d issued", failed.Load(), fine.Load(),
				s.issued)
		}
	})
}

// begin returns when a context with this timeout began.
func begin(ctx context.Context, length time.Duration) time.Time {
	deadline, _ := ctx.Deadline()
	return deadline.Add(-length)
}

// stuck is a transport whose first request does not end even with its context.
type stuck struct {
	*service
	asked   atomic.Int64
	release chan struct{}
}

func (s *stuck) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked.Add(1) == 1 {
		<-s.release
	}
	return s.service.RoundTrip(r)
}

// A transport that never returns blocks no caller beyond its own deadline, and
// does not block the next fetch.
func TestTransportThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{service: &service{}, release: make(chan struct{})}
		defer close(s.release)
		c := newCaller(t, s.service)
		c.wire.Transport = s
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, e := call(ctx, t, c); e == nil || e.Reason != logout.EndpointUnreachable ||
			time.Since(begin(ctx, 5*time.Second)) != 5*time.Second {
			t.Errorf("%+v", e)
		}
		<-time.After(time.Minute)
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if status, e := call(ctx, t, c); status != 200 {
			t.Errorf("later: %d, %+v", status, e)
		}
	})
}

// A token endpoint that issues no token gets no request for as long as it asked
// for, and at least for a growing pause, however many callers there are.
// Meanwhile the error stays the same, with the remaining time.
func TestTokenEndpointIsLeftAlone(t *testing.T) {
	for _, tc := range []struct {
		retryAfter string
		most       int // requests in an hour
	}{{"", 66}, {"300", 13}, {"86400", 13}} {
		synctest.Test(t, func(t *testing.T) {
			var asked int
			s := &service{}
			s.token = func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Retry-After", tc.retryAfter)
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			c := newCaller(t, s)
			for range 3600 {
				_, e := call(t.Context(), t, c)
				if err := c.CheckCredentials(t.Context()); e == nil || err == nil || err.Error() != e.Error() ||
					e.Reason != logout.ServiceUnavailable || e.RetryAfter > logout.MaxRetryAfter {
					t.Fatalf("%+v, %v", e, err)
				}
				<-time.After(time.Second)
			}
			if asked > tc.most || asked < tc.most/2 {
				t.Errorf("Retry-After %q: %d requests in an hour, want %d at most", tc.retryAfter, asked, tc.most)
			}
			_, e := call(t.Context(), t, c)
			<-time.After(e.RetryAfter)
			s.token = nil
			if status, e := call(t.Context(), t, c); status != 200 {
				t.Errorf("after the time that was left: %d, %+v", status, e)
			}
		})
	}
}

// Every answer of a token endpoint has a meaning. None is final, and the
// service is not called.
func TestAnswersOfTheTokenEndpoint(t *testing.T) {
	const refused = "token endpoint: the service does not accept the credentials (HTTP "
	garbage := func(what string) string {
		return "token endpoint: unexpected response to the token request (HTTP " + what + "); check the endpoint"
	}
	for _, tc := range []struct {
		status       int
		header, body string
		reason       logout.Reason
		message      string
	}{
		{401, "", `{"error":"invalid_client"}`, logout.Unauthorized, refused + "401, invalid_client)"},
		{400, "", `{"error":"invalid_client"}`, logout.Unauthorized, refused + "400, invalid_client)"},
		{400, "", `{"error":"unauthorized_client","error_description":"no service account"}`, logout.Unauthorized,
			refused + "400, unauthorized_client); the service says: no service account"},
		{400, "", `{"error":"invalid_scope"}`, logout.Unauthorized, refused + "400, invalid_scope)"},
		{403, "", `{"error":"access_denied"}`, logout.Unauthorized, refused + "403, access_denied)"},
		{401, "", "", logout.Unauthorized, refused + "401)"},
		{401, "", `{"error":"` + secret + `"}`, logout.Unauthorized, refused + "401)"},
		{429, "17", "", logout.Throttled, "token endpoint: the service answered HTTP 429"},
		{429, "17", `{"error":"invalid_client","error_description":"Basic ` + basic + `"}`, logout.Throttled,
			"token endpoint: the service answered HTTP 429, invalid_client"},
		{500, "", "oops", logout.ServiceUnavailable, "token endpoint: the service answered HTTP 500"},
		{503, "17", `{"error":"temporarily_unavailable","error_description":"back soon"}`, logout.ServiceUnavailable,
			"token endpoint: back soon"},
		{408, "", "", logout.ServiceUnavailable, "token endpoint: the service answered HTTP 408"},
		{400, "", `{"error":"unsupported_grant_type"}`, logout.UnexpectedResponse,
			garbage("400, unsupported_grant_type")},
		{404, "", "<html>", logout.UnexpectedResponse, garbage("404")},
		{404, "", `{"error":"Realm does not exist"}`, logout.UnexpectedResponse,
			garbage("404") + "; the service says: Realm does not exist"},
		{404, "", `{"error":"Not Found"}`, logout.UnexpectedResponse, garbage("404")},
		{503, "17", `{"error":"Service Unavailable"}`, logout.ServiceUnavailable,
			"token endpoint: the service answered HTTP 503"},
		{403, "", "<html>", logout.UnexpectedResponse, garbage("403")},
		{204, "", "", logout.UnexpectedResponse, garbage("204")},
		{202, "", `{"access_token":"a","token_type":"Bearer"}`, logout.UnexpectedResponse, garbage("202")},
		{200, "", "<html>", logout.UnexpectedResponse, garbage("200")},
		{200, "", "", logout.UnexpectedResponse, garbage("200")},
		{200, "", "null", logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"error":"invalid_client"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"token_type":"Bearer"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"a","token_type":"DPoP"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"a","token_type":"N_A"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"a","expires_in":0.9}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"a","expires_in":"soon"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"a\r\nHost: x","token_type":"Bearer"}`, logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"` + strings.Repeat("a", maxToken+1) + `","token_type":"Bearer"}`,
			logout.UnexpectedResponse, garbage("200")},
		{200, "", `{"access_token":"` + strings.Repeat("a", httpcall.MaxBody) + `","token_type":"Bearer"}`,
			logout.UnexpectedResponse, garbage("200")},
		{307, "", "", logout.UnexpectedResponse, garbage("307")},
	} {
		s := &service{token: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", tc.header)
			w.Header().Set("Location", "https://elsewhere.example/token")
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		}}
		c := newCaller(t, s)
		_, e := call(t.Context(), t, c)
		if e == nil || e.Reason != tc.reason || e.Text() != tc.message || !e.ProviderWide ||
			e.Reason.Class() == logout.Permanent || e.HTTPStatusCode != tc.status {
			t.Errorf("%d %.80s: %+v", tc.status, tc.body, e)
		} else if want := tc.header != ""; (e.RetryAfter == 17*time.Second) != want {
			t.Errorf("%d: Retry-After %s", tc.status, e.RetryAfter)
		}
		if !slices.Equal(s.hosts, []string{"tokens.example"}) {
			t.Errorf("%d: sent to %q", tc.status, s.hosts)
		}
		if checked, ok := errors.AsType[*logout.Error](c.CheckCredentials(t.Context())); !ok ||
			checked.Text() != tc.message {
			t.Errorf("%d: credentials: %+v", tc.status, checked)
		}
	}
}

// TestEarlierToken checks that no message quotes a token that was replaced: it may still be valid.
func TestEarlierToken(t *testing.T) {
	const earlier = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcGVyYXRvciJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
	quotes := []string{`{"error":"slow_down","error_description":"the token ` + earlier + ` is still valid"}`,
		`{"error":"` + earlier + `"}`}
	for _, quote := range quotes {
		for _, status := range []int{400, 401, 403, 429, 500, 503} {
			synctest.Test(t, func(t *testing.T) {
				issued := false
				c := newCaller(t, &service{reject: true, token: func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					if !issued {
						issued = true
						fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, earlier)
						return
					}
					w.WriteHeader(status)
					fmt.Fprint(w, quote)
				}})
				if got, e := call(t.Context(), t, c); got != http.StatusUnauthorized {
					t.Fatalf("%d, %+v", got, e)
				}
				_, e := call(t.Context(), t, c)
				logouttest.CheckSecrets(t, e, earlier)
			})
		}
	}
}

// A redirect that cannot be parsed is an answer, too.
func TestMalformedRedirect(t *testing.T) {
	_, e := call(t.Context(), t, newCaller(t, &service{token: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://%zz")
		w.WriteHeader(http.StatusFound)
	}}))
	if e == nil || e.Reason != logout.UnexpectedResponse || e.HTTPStatusCode != 302 {
		t.Errorf("%+v", e)
	}
}

// The error for an unreachable token endpoint names the token endpoint.
func TestUnreachableTokenEndpoint(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	c, err := New(Config{Client: &Client{TokenURL: httpcall.MustParseEndpoint(server.URL), ID: clientID,
		Secret: secret}}, httpcall.NewWire(httpcall.TLS{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, e := call(t.Context(), t, c)
	if e == nil || *e != (logout.Error{Reason: logout.EndpointUnreachable, ProviderWide: true,
		NoCredentials: true, Message: "token endpoint: connection refused"}) {
		t.Errorf("%+v", e)
	}
}

// No token is fetched for an attempt whose deadline has passed.
func TestNoTokenForALateAttempt(t *testing.T) {
	s := &service{}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, e := call(ctx, t, newCaller(t, s)); e == nil || e.Reason != logout.EndpointUnreachable || len(s.hosts) != 0 {
		t.Errorf("%+v, sent to %q", e, s.hosts)
	}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	for _, tc := range []struct {
		config Config
		want   string
	}{
		{Config{}, "token must consist of visible ASCII characters"},
		{Config{Token: "two lines\n"}, "token must consist of visible ASCII characters"},
		{Config{Client: &Client{TokenURL: httpcall.MustParseEndpoint("https://tokens.example"), ID: "a"}},
			"client ID and secret must not be empty"},
	} {
		if _, err := New(tc.config, httpcall.NewWire(httpcall.TLS{})); err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %v", tc.config, err)
		}
	}
}

func TestSecret(t *testing.T) {
	got, err := TokenFrom(map[string][]byte{"token": []byte(" a.b-c\n")})
	if got != "a.b-c" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := TokenFrom(map[string][]byte{"token": []byte("a ü")}); err == nil ||
		err.Error() != "token contains characters other than visible ASCII" {
		t.Error(err)
	}
	if _, err := TokenFrom(map[string][]byte{"token": []byte(`"a"`)}); err == nil ||
		err.Error() != "token is in quotes: remove them" {
		t.Error(err)
	}
	id, key, err := ClientFrom(map[string][]byte{"clientID": []byte("a\n"),
		"clientSecret": []byte("'with a spaceü'\r\n")})
	if id != "a" || key != "'with a spaceü'" || err != nil {
		t.Errorf("%q, %q, %v", id, key, err)
	}
	for want, data := range map[string]map[string][]byte{
		"key clientID is missing or empty": {"clientSecret": []byte("b")},
		"key clientSecret is missing or empty": {"clientID": []byte("a"),
			"clientSecret": []byte("\n")},
		"clientID is in quotes: remove them": {"clientID": []byte("'a'"), "clientSecret": []byte("b")},
		"clientSecret contains line breaks or non-printable characters": {"clientID": []byte("a"),
			"clientSecret": []byte("b\nc")},
	} {
		if _, _, err := ClientFrom(data); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
