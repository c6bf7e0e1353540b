package chimetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

func TestErrors(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	for want, status := range map[string]int{
		"BadRequestException":         400,
		"UnauthorizedClientException": 401,
		"ForbiddenException":          403,
		"NotFoundException":           404,
		"ThrottledClientException":    429,
		"ServiceFailureException":     500,
		"ServiceUnavailableException": 503,
		"ThrottlingException":         400,
		"NobodyKnowsThisOne":          500,
	} {
		srv.Script(account, user, chimetest.Answer{Code: want, Message: "scripted",
			Header: map[string]string{"Retry-After": "7"}})
		err := logout(t.Context(), c)
		var answer *smithyhttp.ResponseError
		if !errors.As(err, &answer) {
			t.Fatalf("%s: %v", want, err)
		}
		if code(t, err) != want || answer.HTTPStatusCode() != status || !strings.Contains(err.Error(), "scripted") ||
			answer.Response.Header.Get("Retry-After") != "7" ||
			!uuid.MatchString(answer.Response.Header.Get("X-Amzn-RequestId")) {
			t.Errorf("%s: %v, header %v", want, err, answer.Response.Header)
		}
	}
	if got := len(srv.Sessions(account, user)); got != 1 {
		t.Errorf("%d sessions left, want 1", got)
	}
}

// TestRawAnswers looks at answers below the official client, which hides some details.
func TestRawAnswers(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	for _, tc := range []struct {
		name   string
		answer chimetest.Answer
		status int
		header map[string]string
		body   string
	}{
		{"status alone", chimetest.Answer{Status: 202}, 202,
			map[string]string{"X-Amzn-ErrorType": "", "Content-Length": "0"}, ""},
		{"a success that is none", chimetest.Answer{Status: 204}, 204, map[string]string{"Content-Length": ""}, ""},
		{"a page", chimetest.Answer{Status: 502, Body: "<html>oh", Header: map[string]string{"X-Amzn-RequestId": ""}},
			502, map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Amzn-Requestid": ""}, "<html>oh"},
		{"garbage that claims to be JSON",
			chimetest.Answer{Body: `{"Code":`, Header: map[string]string{"content-type": "application/json"}},
			200, map[string]string{"Content-Type": "application/json"}, `{"Code":`},
		{"a redirect", chimetest.Answer{Status: 307,
			Header: map[string]string{"Location": "http://elsewhere.invalid/"}},
			307, map[string]string{"Location": "http://elsewhere.invalid/"}, ""},
		{"a code in the header only", chimetest.Answer{Status: 404, Code: "NotFoundException", Body: "gone",
			Header: map[string]string{"X-Amzn-ErrorType": "NotFoundException:http://internal.example/"}},
			404, map[string]string{"X-Amzn-ErrorType": "NotFoundException:http://internal.example/"}, "gone"},
		{"a body repeated", chimetest.Answer{Body: "ab", BodySize: 5}, 200, map[string]string{"Content-Length": "5"},
			"ababa"},
		{"a header more", chimetest.Answer{Header: map[string]string{"X-Cache": "miss"}}, 204,
			map[string]string{"X-Cache": "miss"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv.Script(account, user, tc.answer)
			resp := send(t, signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout", ""))
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tc.status || string(body) != tc.body {
				t.Errorf("status %d, body %q (%v), want %d, %q", resp.StatusCode, body, err, tc.status, tc.body)
			}
			for name, value := range tc.header {
				if got := resp.Header.Get(name); got != value {
					t.Errorf("%s: %q, want %q", name, got, value)
				}
			}
		})
	}
}

func TestHugeBody(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	const size = 64 << 20
	srv.Script(account, user, chimetest.Answer{Status: 500, BodySize: size})
	resp := send(t, signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout", ""))
	if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestCloseFreesAClientThatDoesNotRead closes the server while it is stuck in a body that the client does not read.
func TestCloseFreesAClientThatDoesNotRead(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{BodySize: 1 << 40})
	resp := send(t, signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout", ""))
	srv.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("a tebibyte was read")
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		name     string
		answer   chimetest.Answer
		is       error
		sessions int
	}{
		{"reset before the logout", chimetest.Answer{Cut: chimetest.Reset}, syscall.ECONNRESET, 1},
		{"reset after the logout", chimetest.Answer{Cut: chimetest.Reset, Logout: true}, syscall.ECONNRESET, 0},
		{"half a header", chimetest.Answer{Cut: chimetest.HalfHeader}, io.ErrUnexpectedEOF, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := newServer(t, chimetest.Options{})
			srv.Script(account, user, tc.answer)
			c := client(t, srv.URL)
			if err := logout(t.Context(), c); !errors.Is(err, tc.is) {
				t.Errorf("error %v, want %v", err, tc.is)
			}
			if got := len(srv.Sessions(account, user)); got != tc.sessions {
				t.Errorf("%d sessions left, want %d", got, tc.sessions)
			}
			if e := srv.Journal()[0]; e.Status != 0 || e.Cut != tc.answer.Cut || e.SessionsEnded != 1-tc.sessions {
				t.Errorf("entry %+v", e)
			}
			if err := logout(t.Context(), c); err != nil {
				t.Errorf("the call after it: %v", err)
			}
		})
	}
}

// TestDate: answers carry the service's time, with which the SDK corrects its own.
func TestDate(t *testing.T) {
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	srv := newServer(t, chimetest.Options{Now: func() time.Time { return then }})
	resp := send(t, signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout", ""))
	if got, want := resp.Header.Get("Date"), "Fri, 02 Jan 2026 03:04:05 GMT"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestRaw: the service sends exactly the given bytes, even a body where HTTP has none.
func TestRaw(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	answer := "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi"
	for _, drip := range []time.Duration{0, time.Microsecond} {
		srv.SignIn(account, user, "phone")
		srv.Script(account, user, chimetest.Answer{Raw: answer, Logout: true, Drip: drip})
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout",
			"").Write(conn); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); string(got) != answer || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n := len(srv.Sessions(account, user)); n > 0 {
			t.Errorf("%d sessions left", n)
		}
	}
}

// TestCloseConnections: clients have to reconnect, and can.
func TestCloseConnections(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	hold := srv.Hold(account, user)
	c, ended := client(t, srv.URL), make(chan error)
	go func() { ended <- logout(t.Context(), c) }()
	<-hold.Arrived()
	srv.CloseConnections()
	hold.Release()
	if err := <-ended; err == nil {
		t.Error("the connection was not closed")
	}
	if err := logout(t.Context(), c); err != nil {
		t.Error(err)
	}
}

func TestAnErrorAfterTheLogout(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{Code: "ServiceFailureException", Logout: true})
	if got := code(t, logout(t.Context(), client(t, srv.URL))); got != "ServiceFailureException" {
		t.Errorf("code %q", got)
	}
	if e := srv.Journal()[0]; e.SessionsEnded != 1 || e.Status != 500 || len(srv.Sessions(account, user)) != 0 {
		t.Errorf("entry %+v", e)
	}
}

func TestHangUntilTheClientGoes(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{Cut: chimetest.Hang})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- logout(ctx, client(t, srv.URL)) }()
	if err := srv.WaitForCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	for name, answer := range map[string]chimetest.Answer{
		"hang": {Cut: chimetest.Hang},
		"drip": {Body: "ab", Drip: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, chimetest.Options{})
			srv.Script(account, user, answer)
			done := make(chan error)
			go func() { done <- logout(t.Context(), client(t, srv.URL)) }()
			if err := srv.WaitForCalls(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			srv.Close()
			if err := <-done; err == nil && name == "hang" {
				t.Error("the call succeeded")
			}
		})
	}
}

// inBubble runs f against a server in a synctest bubble. Server and client use the clock of the bubble.
func inBubble(t *testing.T, f func(*testing.T, *chimetest.Server, *chime.Client)) {
	synctest.Test(t, func(t *testing.T) {
		srv := chimetest.New(chimetest.Options{Credentials: []aws.Credentials{credentials}})
		srv.SignIn(account, user, "laptop")
		network := newPipes()
		server := &http.Server{Handler: srv}
		go func() { _ = server.Serve(network) }()
		transport := &http.Transport{DialContext: network.dial}
		f(t, srv, client(t, "http://service.example", func(o *chime.Options) { o.HTTPClient = httpClient(transport) }))
		srv.Close()
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *chimetest.Server, c *chime.Client) {
		srv.Script(account, user, chimetest.Answer{Delay: 9 * time.Second})
		start := time.Now()
		if err := logout(t.Context(), c); err != nil || time.Since(start) != 9*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if e := srv.Journal()[0]; e.Duration != 9*time.Second || e.Status != 204 || e.SessionsEnded != 1 {
			t.Errorf("entry %+v", e)
		}
	})
}

func TestAClientThatDoesNotAwaitADelay(t *testing.T) {
	for logsOut, sessions := range map[bool]int{false: 1, true: 0} {
		inBubble(t, func(t *testing.T, srv *chimetest.Server, c *chime.Client) {
			srv.Script(account, user, chimetest.Answer{Delay: time.Minute, Logout: logsOut})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := logout(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if err := srv.WaitForCalls(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if e := srv.Journal()[0]; e.Duration != 10*time.Second || e.Status != 0 ||
				len(srv.Sessions(account, user)) != sessions {
				t.Errorf("entry %+v, want %d sessions left", e, sessions)
			}
		})
	}
}

func TestDrip(t *testing.T) {
	inBubble(t, func(t *testing.T, srv *chimetest.Server, c *chime.Client) {
		srv.Script(account, user, chimetest.Answer{Code: "ServiceFailureException", Body: `{"Message":"drop by drop"}`,
			Drip: time.Second})
		start := time.Now()
		err := logout(t.Context(), c)
		if took := time.Since(start); code(t, err) != "ServiceFailureException" || took != 26*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestDripOverTCP: net/http writes to TCP differently than to a pipe.
func TestDripOverTCP(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	srv.Script(account, user, chimetest.Answer{Body: "abc", Drip: time.Millisecond})
	resp := send(t, signed(t, "POST", srv.URL+"/accounts/"+account+"/users/"+user+"?operation=logout", ""))
	if body, err := io.ReadAll(resp.Body); string(body) != "abc" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

func TestAnswerInJSON(t *testing.T) {
	want := chimetest.Answer{
		Times: 2, Logout: true, Delay: 1500 * time.Millisecond, Status: 503, Code: "ServiceUnavailableException",
		Message: "m",
		Header:  map[string]string{"Retry-After": "3"}, Body: "b", BodySize: 9, Drip: time.Second, Cut: chimetest.Hang,
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"delay":"1.5s"`) {
		t.Errorf("%s", text)
	}
	var got chimetest.Answer
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
	for _, wrong := range []string{`{"delay":"soon"}`, `{"stauts":500}`, `{"delay":5}`} {
		if err := json.Unmarshal([]byte(wrong), &got); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
}
