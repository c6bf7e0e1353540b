package chimetest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chime"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// as makes the client sign with other credentials.
func as(c aws.Credentials) func(*chime.Options) {
	return func(o *chime.Options) { o.Credentials = provider(c) }
}

// rewriting replaces part of the signed Authorization header.
func rewriting(old, replacement string) func(*chime.Options) {
	return tampering(func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
	})
}

func TestSignature(t *testing.T) {
	wrongSecret := credentials
	wrongSecret.SecretAccessKey = "another"
	withToken := credentials
	withToken.SessionToken = "token"

	for _, tc := range []struct {
		name   string
		change func(*chime.Options)
		code   string
		status int
		keyID  string
	}{
		{"genuine", func(*chime.Options) {}, "", 204, "AKIDEXAMPLE"},
		{"unsigned", func(o *chime.Options) { o.Credentials = aws.AnonymousCredentials{} },
			"MissingAuthenticationTokenException", 403, ""},
		{"unknown access key", as(aws.Credentials{AccessKeyID: "AKIDOTHER", SecretAccessKey: "x"}),
			"UnrecognizedClientException", 403, "AKIDOTHER"},
		{"wrong secret", as(wrongSecret), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a session token that is none", as(withToken), "UnrecognizedClientException", 403, "AKIDEXAMPLE"},
		{"wrong region", func(o *chime.Options) { o.Region = "eu-central-1" }, "SignatureDoesNotMatch", 403,
			"AKIDEXAMPLE"},
		{"wrong service", rewriting("/chime/", "/sts/"), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"another user in the path", tampering(func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, user, "victim", 1)
			r.URL.RawPath = ""
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"the same path escaped otherwise", tampering(func(r *http.Request) {
			r.URL.RawPath = strings.Replace(r.URL.EscapedPath(), "users", "user%73", 1)
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a query parameter more", tampering(func(r *http.Request) {
			r.URL.RawQuery += "&force=true"
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a malformed query parameter more", tampering(func(r *http.Request) {
			r.URL.RawQuery += "&%zz"
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"another query", tampering(func(r *http.Request) {
			r.URL.RawQuery = "operation=update"
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"another method", tampering(func(r *http.Request) {
			r.Method = "PUT"
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"another host", tampering(func(r *http.Request) {
			r.Host = "elsewhere"
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a signed header changed", tampering(func(r *http.Request) {
			r.Header.Set("Amz-Sdk-Invocation-Id", "x")
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a header that has to be signed added", tampering(func(r *http.Request) {
			r.Header.Set("X-Amz-Target", "x")
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"a header that may be unsigned added", tampering(func(r *http.Request) {
			r.Header.Set("Via", "1.1 proxy")
		}), "", 204, "AKIDEXAMPLE"},
		{"host not signed", rewriting("host;", ""), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"body added", tampering(func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
		{"no signature", rewriting("Signature=", "Sign="), "IncompleteSignature", 403, ""},
		{"two credentials", rewriting("Credential=", "Credential=x, Credential="), "IncompleteSignature", 403, ""},
		{"another algorithm", rewriting("AWS4-HMAC-SHA256", "Bearer"), "IncompleteSignature", 403, ""},
		{"no date", tampering(func(r *http.Request) {
			r.Header.Del("X-Amz-Date")
		}), "IncompleteSignature", 403, "AKIDEXAMPLE"},
		{"another date", tampering(func(r *http.Request) {
			const format = "20060102T150405Z"
			date, _ := time.Parse(format, r.Header.Get("X-Amz-Date"))
			r.Header.Set("X-Amz-Date", date.Add(time.Second).Format(format))
		}), "SignatureDoesNotMatch", 403, "AKIDEXAMPLE"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := newServer(t, chimetest.Options{})
			err := logout(t.Context(), client(t, srv.URL, tc.change))
			e := srv.Journal()[0]
			if got := code(t, err); got != tc.code || e.Code != tc.code || e.Status != tc.status ||
				e.AccessKeyID != tc.keyID {
				t.Errorf("code %q, entry %+v, want %d %s", got, e, tc.status, tc.code)
			}
			verdict, sessions := tc.code, 1
			if tc.code == "" {
				verdict, sessions = chimetest.SignatureValid, 0
			}
			if e.Signature != verdict {
				t.Errorf("verdict %q, want %q", e.Signature, verdict)
			}
			if got := len(srv.Sessions(account, user)); got != sessions {
				t.Errorf("%d sessions left, want %d", got, sessions)
			}
		})
	}
}

func TestScopeIsNamed(t *testing.T) {
	srv := newServer(t, chimetest.Options{Region: "eu-west-1"})
	err := logout(t.Context(), client(t, srv.URL))
	if err == nil || !strings.Contains(err.Error(), "/eu-west-1/chime/aws4_request") {
		t.Errorf("error %v does not name the scope", err)
	}
}

func TestAgeOfASignature(t *testing.T) {
	for skew, want := range map[time.Duration]string{
		14 * time.Minute:  "",
		-14 * time.Minute: "",
		16 * time.Minute:  "RequestExpired",
		-16 * time.Minute: "RequestExpired",
	} {
		srv := newServer(t, chimetest.Options{Now: func() time.Time { return time.Now().Add(skew) }})
		if got := code(t, logout(t.Context(), client(t, srv.URL))); got != want {
			t.Errorf("signed %v before: %q, want %q", skew, got, want)
		}
	}
}

func TestSessionToken(t *testing.T) {
	now := newClock()
	temporary := credentials
	temporary.SessionToken, temporary.CanExpire, temporary.Expires = "token", true, now.Now().Add(time.Minute)
	wrong := temporary
	wrong.SessionToken = "another"
	srv := newServer(t, chimetest.Options{Credentials: []aws.Credentials{temporary}, Now: now.Now})

	if err := logout(t.Context(), client(t, srv.URL, as(temporary))); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]aws.Credentials{"wrong": wrong, "missing": credentials} {
		if got := code(t, logout(t.Context(), client(t, srv.URL, as(c)))); got != "UnrecognizedClientException" {
			t.Errorf("%s token: %q", name, got)
		}
	}
	now.advance(time.Minute)
	if got := code(t, logout(t.Context(), client(t, srv.URL, as(temporary)))); got != "ExpiredTokenException" {
		t.Errorf("expired: %q", got)
	}
}

func TestRotation(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	next := credentials
	next.SecretAccessKey = "the next secret under the same access key ID"
	other := aws.Credentials{AccessKeyID: "AKIDNEXT", SecretAccessKey: "x"}

	check := func(when string, c aws.Credentials, want string) {
		t.Helper()
		if got := code(t, logout(t.Context(), client(t, srv.URL, as(c)))); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("old secret before", credentials, "")
	srv.SetCredentials(next, other)
	check("old secret after", credentials, "SignatureDoesNotMatch")
	check("new secret after", next, "")
	check("second key after", other, "")
	srv.SetCredentials()
	check("no key at all", next, "UnrecognizedClientException")
}
