package chimetest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestLogoutEndsEverySession(t *testing.T) {
	srv := newServer(t, chimetest.Options{BasePath: "/console"})
	srv.SignIn(account, user, "phone", "tablet")
	srv.SignIn(account, "somebody-else", "phone")
	if got := srv.Sessions(account, user); len(got) != 3 || got[2].Device != "tablet" || got[2].SignedInAt.IsZero() {
		t.Fatalf("sessions before: %+v", got)
	}

	before := time.Now()
	out, err := client(t, srv.URL).LogoutUser(t.Context(),
		&chime.LogoutUserInput{AccountId: aws.String(account), UserId: aws.String(user)})
	if err != nil {
		t.Fatal(err)
	}
	if got := srv.Sessions(account, user); len(got) != 0 {
		t.Errorf("sessions after: %+v", got)
	}
	if got := srv.Sessions(account, "somebody-else"); len(got) != 1 {
		t.Errorf("sessions of another user: %+v", got)
	}

	requestID, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	if !uuid.MatchString(requestID) {
		t.Errorf("request ID %q is not a UUID", requestID)
	}
	entries := srv.Journal()
	if len(entries) != 1 {
		t.Fatalf("journal: %+v", entries)
	}
	got := entries[0]
	if got.Time.Before(before) || got.Duration <= 0 || got.Duration > time.Since(before) {
		t.Errorf("time %v, duration %v", got.Time, got.Duration)
	}
	got.Time, got.Duration = time.Time{}, 0
	want := chimetest.Entry{
		Call: chimetest.Call{
			RequestID:   requestID,
			Method:      "POST",
			URI:         "/console/accounts/" + account + "/users/" + user + "?operation=logout",
			Host:        strings.TrimSuffix(strings.TrimPrefix(srv.URL, "http://"), "/console"),
			AccountID:   account,
			UserID:      user,
			AccessKeyID: credentials.AccessKeyID,
			Signature:   chimetest.SignatureValid,
		},
		Number:        1,
		Status:        204,
		SessionsEnded: 3,
	}
	if got != want {
		t.Errorf("entry:\n%+v, want\n%+v", got, want)
	}
}

func TestLogoutOfAUserWithoutSessions(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	for i, ended := range []int{1, 0} {
		if err := logout(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if e := srv.Journal()[i]; e.Status != 204 || e.SessionsEnded != ended {
			t.Errorf("call %d: %+v, want %d sessions ended", i+1, e, ended)
		}
	}
}

func TestUnknownAccountOrUser(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	c := client(t, srv.URL)
	for _, ids := range [][2]string{{"nobody's", user}, {account, "nobody"}} {
		_, err := c.LogoutUser(t.Context(), &chime.LogoutUserInput{AccountId: &ids[0], UserId: &ids[1]})
		if got := code(t, err); got != "NotFoundException" {
			t.Errorf("%v: %v", ids, err)
		}
	}
	if e := srv.Journal()[1]; e.Status != 404 || e.Code != "NotFoundException" ||
		e.Signature != chimetest.SignatureValid {
		t.Errorf("entry %+v", e)
	}
	if got := len(srv.Sessions(account, user)); got != 1 {
		t.Errorf("%d sessions of the user that is known, want 1", got)
	}
}

func TestAnyIDTravels(t *testing.T) {
	srv := newServer(t, chimetest.Options{BasePath: "/console"})
	c := client(t, srv.URL)
	check := func(fail func(string, ...any), id string) {
		srv.SignIn(id, id, "phone")
		calls := srv.Calls(id, id)
		if _, err := c.LogoutUser(t.Context(), &chime.LogoutUserInput{AccountId: &id, UserId: &id}); err != nil {
			fail("%q: %v", id, err)
		}
		if len(srv.Sessions(id, id)) != 0 || srv.Calls(id, id) != calls+1 {
			fail("%q: not logged out", id)
		}
	}
	for _, id := range []string{"a+b@c:d,é", "~_-.!$&'()*;=", "...", "日本", "a%2Fb", "a/b"} {
		check(t.Errorf, id)
	}
	ids := rapid.StringMatching(`[^\pC\pZ/\\?#%{}]{1,20}`).Filter(func(id string) bool {
		return id != "." && id != ".."
	})
	rapid.Check(t, func(t *rapid.T) { check(t.Fatalf, ids.Draw(t, "id")) })
}

func TestOtherOperations(t *testing.T) {
	srv := newServer(t, chimetest.Options{BasePath: "/console"})
	host := strings.TrimSuffix(srv.URL, "/console")
	path := "/accounts/" + account + "/users/" + user
	for _, tc := range []struct{ name, method, url, body, code string }{
		{"as documented", "POST", srv.URL + path + "?operation=logout", "", ""},
		{"another method", "GET", srv.URL + path + "?operation=logout", "", "UnknownOperationException"},
		{"another operation", "POST", srv.URL + path + "?operation=update", "", "UnknownOperationException"},
		{"no operation", "POST", srv.URL + path, "", "UnknownOperationException"},
		{"no base path", "POST", host + path + "?operation=logout", "", "UnknownOperationException"},
		{"no user", "POST", srv.URL + "/accounts/" + account + "/users/?operation=logout", "",
			"UnknownOperationException"},
		{"a path beyond the user", "POST", srv.URL + path + "/sessions?operation=logout", "",
			"UnknownOperationException"},
		{"a body", "POST", srv.URL + path + "?operation=logout", "{}", "BadRequestException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp := send(t, signed(t, tc.method, tc.url, tc.body))
			if got := resp.Header.Get("X-Amzn-ErrorType"); got != tc.code {
				t.Errorf("error %q, want %q", got, tc.code)
			}
			if !uuid.MatchString(resp.Header.Get("X-Amzn-RequestId")) {
				t.Errorf("header %v has no request ID", resp.Header)
			}
		})
	}
}

func TestErrorBody(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	resp := send(t, signed(t, "POST", srv.URL+"/accounts/x/users/y?operation=logout", ""))
	var body struct{ Code, Message string }
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/json" || body.Code != "NotFound" ||
		body.Message == "" {
		t.Errorf("status %d, header %v, body %+v", resp.StatusCode, resp.Header, body)
	}
}

// signed is a request as a client other than the official one would sign it.
func signed(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(hash[:]), "chime", "us-east-1",
		time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := httpClient(transport).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}
