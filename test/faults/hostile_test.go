package faults

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// hostile is an answer, or another event, that a service gives to one call, and the status that must follow.
type hostile struct {
	name   string
	answer chimetest.Answer
	reason string
	code   int32
	// wait is the earliest delay after the outcome until the next attempt may be made; with jitter it is at most a
	// second longer.
	wait time.Duration
}

const (
	loggedOut  = v1alpha1.ReasonLoggedOut
	unexpected = v1alpha1.ReasonUnexpectedResponse
	noAnswer   = v1alpha1.ReasonEndpointUnreachable
	failing    = v1alpha1.ReasonServiceFailure
	throttled  = v1alpha1.ReasonThrottled

	slowly      = 30 * time.Second // if somebody has to fix something
	unconfirmed = time.Minute      // if the call may have logged the user out
	longest     = 5 * time.Minute  // even if the service asks for more

	gibibyte = 1 << 30
	page     = "<!DOCTYPE html><html><body>Sign in</body></html>"
)

func redirect(status int) chimetest.Answer {
	return chimetest.Answer{Status: status,
		Header: map[string]string{"Location": "/accounts/account/users/elsewhere?operation=logout"}}
}

func raw(text string) chimetest.Answer { return chimetest.Answer{Raw: text} }

func garbage(status int, body string) chimetest.Answer {
	return chimetest.Answer{Status: status, Body: body, Header: map[string]string{"Content-Type": "application/json"}}
}

func retryAfter(value string, more ...string) chimetest.Answer {
	a := chimetest.Answer{Code: "ThrottledClientException", Header: map[string]string{"Retry-After": value}}
	for i := 0; i < len(more); i += 2 {
		a.Header[more[i]] = more[i+1]
	}
	return a
}

var hostiles = []hostile{
	{"200 and a page", chimetest.Answer{Status: 200, Body: page}, unexpected, 200, slowly},
	{"201", chimetest.Answer{Status: 201}, unexpected, 201, unconfirmed},
	{"202", chimetest.Answer{Status: 202}, unexpected, 202, unconfirmed},
	{"301", redirect(301), unexpected, 301, slowly},
	{"302", redirect(302), unexpected, 302, slowly},
	{"307", redirect(307), unexpected, 307, slowly},
	{"308", redirect(308), unexpected, 308, slowly},
	{"404 and a page", chimetest.Answer{Status: 404, Body: page}, unexpected, 404, slowly},
	{"999", raw("HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), unexpected, 999, slowly},
	{"000", raw("HTTP/1.1 000 What\r\nContent-Length: 0\r\n\r\n"), unexpected, 0, slowly},
	{"a gibibyte of success", chimetest.Answer{Status: 200, BodySize: gibibyte}, unexpected, 200, unconfirmed},
	{"204 and a body", chimetest.Answer{Raw: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", Logout: true},
		loggedOut, 204, 0},
	{"204 and Retry-After", chimetest.Answer{Header: map[string]string{"Retry-After": "300"}}, loggedOut, 204, 0},

	{"half a header", chimetest.Answer{Cut: chimetest.HalfHeader}, noAnswer, 0, 0},
	{"header of a byte a second", chimetest.Answer{Raw: "HTTP/1.1 204 No Content\r\n\r\n", Drip: time.Second},
		noAnswer, 0, 0},
	{"header of a mebibyte",
		raw("HTTP/1.1 500 Oops\r\n" + strings.Repeat("X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 1000) + "\r\n"),
		noAnswer, 0, 0},
	{"not HTTP", raw("SSH-2.0-OpenSSH_9.9\r\n"), noAnswer, 0, 0},
	{"an empty line", raw("\n"), noAnswer, 0, 0},
	{"reset before the logout", chimetest.Answer{Cut: chimetest.Reset}, noAnswer, 0, 0},
	{"reset after the logout", chimetest.Answer{Cut: chimetest.Reset, Logout: true}, noAnswer, 0, 0},
	{"never", chimetest.Answer{Cut: chimetest.Hang}, noAnswer, 0, 0},

	{"body of a byte a second", chimetest.Answer{Status: 500, Body: page, Drip: time.Second}, failing, 500, 0},
	{"a gibibyte of failure", chimetest.Answer{Status: 500, BodySize: gibibyte}, failing, 500, 0},
	{"500 and garbage", garbage(500, `{"Code":`), failing, 500, 0},
	{"500 and a deep nest", garbage(500, strings.Repeat("[", 60_000)), failing, 500, 0},
	{"500, code of another type", garbage(500, `{"Code": 7, "Message": ["a"]}`), failing, 500, 0},
	{"500, code beyond all bounds", chimetest.Answer{Status: 500,
		Header: map[string]string{"X-Amzn-Errortype": strings.Repeat("A", 50_000)}}, failing, 500, 0},
	{"502 and a page", chimetest.Answer{Status: 502, Body: page}, failing, 502, 0},
	{"a gibibyte of refusal", chimetest.Answer{Status: 400, BodySize: gibibyte}, unexpected, 400, slowly},
	{"400 and garbage", garbage(400, "\x00\xff{"), unexpected, 400, slowly},
	{"403 and a page", chimetest.Answer{Status: 403, Body: page}, unexpected, 403, slowly},

	{"Retry-After: 2", retryAfter("2"), throttled, 429, 2 * time.Second},
	{"Retry-After: 0", retryAfter("0"), throttled, 429, 0},
	{"Retry-After: -1", retryAfter("-1"), throttled, 429, 0},
	{"Retry-After: 1.5", retryAfter("1.5"), throttled, 429, 0},
	{"Retry-After: 1e3", retryAfter("1e3"), throttled, 429, 0},
	{"Retry-After: soon", retryAfter("soon"), throttled, 429, 0},
	{"Retry-After: 120, 240", retryAfter("120, 240"), throttled, 429, 0},
	{"Retry-After: a date gone by", retryAfter("Sun, 06 Nov 1994 08:49:37 GMT"), throttled, 429, 0},
	{"Retry-After: two seconds of another era",
		retryAfter("Sun, 06 Nov 1994 08:49:39 GMT", "Date", "Sun, 06 Nov 1994 08:49:37 GMT"), throttled, 429,
		2 * time.Second},
	{"Retry-After: a day", retryAfter("86400"), throttled, 429, longest},
	{"Retry-After: beyond 64 bits", retryAfter("99999999999999999999999"), throttled, 429, longest},
	{"Retry-After: a date of another era", retryAfter("Fri, 31 Dec 9999 23:59:59 GMT"), throttled, 429, longest},
	{"Retry-After: no date", retryAfter("Fri, 99 Dec 2026 99:99:99 GMT"), throttled, 429, 0},
}

// lairs are addresses to which a provider may point instead of a service.
var lairs = []struct {
	name string
	open func(t *testing.T) (url string)
}{
	{"certificate of nobody", func(t *testing.T) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("a request was sent")
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}},
	{"no TLS", func(t *testing.T) string {
		s := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(s.Close)
		return strings.Replace(s.URL, "http:", "https:", 1)
	}},
	{"refused", func(t *testing.T) string { return "http://" + listen(t, func(net.Conn) {}, true) }},
	{"accepts and never answers", func(t *testing.T) string { return "http://" + listen(t, func(net.Conn) {}, false) }},
	{"closes at once", func(t *testing.T) string {
		return "http://" + listen(t, func(c net.Conn) { _ = c.Close() }, false)
	}},
}

// TestHostileAnswers: whatever an endpoint answers, the status describes it, the next attempt is not delayed for longer
// than the longest backoff, and the operator's memory does not grow. All cases run at the same time. The test fixes the
// cases that somebody has to fix, and then each object logs its user out.
func TestHostileAnswers(t *testing.T) {
	o := start(t, common(), binary)
	base := startedBase(t, o)
	var misclassified, late atomic.Int64
	t.Run("all", func(t *testing.T) {
		for _, tc := range hostiles {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				tc.run(t, &misclassified, &late)
			})
		}
		for _, tc := range lairs {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				e := newEndpoint(t, common())
				e.sign(t, validKeys[0])
				e.at(t, tc.open(t))
				obj := e.create(t, 1)[0]
				met := e.awaitStatus(t, obj, "an outcome", hasOutcome)
				if got := readyOf(met).Reason; got != noAnswer {
					misclassified.Add(1)
					t.Errorf("%s: %s", got, readyOf(met).Message)
				}
				e.at(t, e.URL)
				figures.AtMost(t, "repeats", e.verify(t, obj), 0, true)
			})
		}
		t.Run("connections closed while idle", func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, common())
			e.sign(t, validKeys[0])
			repeats := 0
			for range 20 {
				repeats += e.verify(t, e.create(t, 5)...)
				e.CloseConnections()
			}
			figures.AtMost(t, "repeats", repeats, 0, true)
		})
	})
	figures.AtMost(t, fmt.Sprintf("misclassified, of %d", len(hostiles)+len(lairs)), int(misclassified.Load()), 0, true)
	figures.AtMost(t, "waits longer than the backoff allows", int(late.Load()), 0, true)
	figures.AtMost(t, "peak of memory in MiB more than at first", int((o.UsageIn(t).PeakRSS-base.took.PeakRSS)>>20),
		128, true)
	base.verify(t)
}

// hasOutcome reports whether a first attempt has ended.
func hasOutcome(s v1alpha1.UserLogoutStatus) bool {
	return s.LastAttempt != nil && readyOf(s).Status != metav1.ConditionUnknown
}

func (tc hostile) run(t *testing.T, misclassified, late *atomic.Int64) {
	e := newEndpoint(t, common())
	e.sign(t, validKeys[0])
	obj := e.next()
	e.Script(account, obj.Spec.UserID, tc.answer)
	e.created(t, obj)
	met := e.awaitStatus(t, obj, "an outcome", hasOutcome)
	ready := readyOf(met)
	if ready.Reason != tc.reason || met.LastAttempt.HTTPStatusCode != tc.code || met.Attempts != 1 {
		misclassified.Add(1)
		t.Errorf("attempt %d: %s, status %d, want %s, status %d: %s", met.Attempts, ready.Reason,
			met.LastAttempt.HTTPStatusCode, tc.reason, tc.code, ready.Message)
	}
	if counted := met.UnconfirmedAttempts == 1; counted != (tc.wait == unconfirmed) {
		t.Errorf("%d unconfirmed attempts", met.UnconfirmedAttempts)
	}
	calls := 2
	switch {
	case ready.Reason == loggedOut:
		calls = 1
		e.verify(t, obj)
	case met.NextAttemptTime == nil:
		calls = 1
	case tc.wait == longest:
		calls = 1
		tc.expectWait(t, met, late)
		if err := admin.Delete(t.Context(), obj); err != nil { // instead of waiting
			t.Error(err)
		}
	default:
		tc.expectWait(t, met, late)
		// The SDK corrects its clock with an answer's Date, and would need another answer to correct it back.
		if tc.wait == slowly || tc.wait == unconfirmed || tc.answer.Header["Date"] != "" {
			e.sign(t, validKeys[1])
		}
		e.verify(t, obj)
	}
	if got := e.Calls("", ""); got != calls {
		t.Errorf("%d calls, want %d", got, calls)
	}
}

// expectWait checks the delay between the outcome and the next attempt. The outcome's time is rounded down to whole
// seconds, the next attempt's up.
func (tc hostile) expectWait(t *testing.T, met v1alpha1.UserLogoutStatus, late *atomic.Int64) {
	t.Helper()
	waits := met.NextAttemptTime.Sub(readyOf(met).LastTransitionTime.Time)
	if waits < tc.wait || waits >= max(tc.wait, time.Second)+2*time.Second {
		late.Add(1)
		t.Errorf("waits %s, want %s", waits, tc.wait)
	}
}

// startedBase logs somebody out, and uses the operator's resource usage after that as its base.
func startedBase(t *testing.T, o *operator) base {
	t.Helper()
	e := newEndpoint(t, common())
	e.sign(t, validKeys[0])
	e.verify(t, e.create(t, 1)...)
	return newBase(t, o)
}

// listen accepts connections, which it keeps until the test is over, or refuses them.
func listen(t *testing.T, accepted func(net.Conn), refuse bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if refuse {
		_ = l.Close() // nobody else gets the port soon
		return l.Addr().String()
	}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				accepted(c)
				<-t.Context().Done()
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		connections.Wait()
	})
	return l.Addr().String()
}
