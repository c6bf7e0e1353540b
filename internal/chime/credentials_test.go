package chime

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
)

const roleARN = "arn:aws:iam::123456789012:role/private-name"

// bare leaves the process without an AWS identity, except for the variables in
// set.
func bare(t *testing.T, set map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_MAX_ATTEMPTS", "1") // for STS
	for name, value := range set {
		t.Setenv(name, value)
	}
}

// newRoleClient returns a client that signs with keys or, if they are nil, with
// the process's identity. If externalID is given, it assumes roleARN first.
func newRoleClient(t *testing.T, endpoint string, keys *awsauth.Keys, externalID string) *Client {
	t.Helper()
	config := Config{Endpoint: httpcall.MustParseEndpoint(endpoint),
		Auth: awsauth.Config{Region: "us-east-1", Keys: keys}}
	if externalID != "" {
		config.Auth.AssumeRole = &awsauth.AssumeRole{RoleARN: roleARN, ExternalID: externalID}
	}
	c, err := New(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fakeSTS answers the n-th AssumeRole request with key number n.
type fakeSTS struct {
	*httptest.Server
	asked []url.Values
	auth  []string
}

func newFakeSTS(t *testing.T) *fakeSTS {
	t.Helper()
	s := &fakeSTS{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		s.asked, s.auth = append(s.asked, r.PostForm), append(s.auth, r.Header.Get("Authorization"))
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASIAROLE%d</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token-%[1]d</SessionToken>
			<Expiration>%[2]s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			len(s.asked), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestAssumeRole(t *testing.T) {
	sts := newFakeSTS(t)
	bare(t, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL})
	var status int
	var code string
	var signed http.Header
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		signed = r.Header
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(status)
	})
	c := newRoleClient(t, server.URL, &keys, "tenant-7")
	for _, step := range []struct {
		name   string
		status int
		code   string
		key    string // expected to sign
	}{
		{"first", 204, "", "1"},
		{"cached", 204, "", "1"},
		{"failing for another reason", 500, "", "1"},
		{"unauthorized without a code", 401, "", "1"},
		{"without a permission", 403, "AccessDeniedException", "1"},
		{"rejected", 403, "ExpiredTokenException", "1"},
		{"retrieved anew after that", 204, "", "2"},
		{"rejected again", 400, "UnrecognizedClientException", "2"},
		{"and retrieved anew", 204, "", "3"},
	} {
		status, code = step.status, step.code
		if _, e := attempt(t, c); (e == nil) != (status == 204) {
			t.Errorf("%s: %+v", step.name, e)
		}
		if auth := signed.Get("Authorization"); !strings.Contains(auth, "Credential=ASIAROLE"+step.key+"/") {
			t.Errorf("%s: signed %s", step.name, auth)
		}
		if token := signed.Get("X-Amz-Security-Token"); token != "role-token-"+step.key {
			t.Errorf("%s: session token %q", step.name, token)
		}
	}
	for _, form := range sts.asked {
		if form.Get("RoleArn") != roleARN || form.Get("ExternalId") != "tenant-7" ||
			form.Get("RoleSessionName") != "logout-operator" {
			t.Errorf("STS was asked %v", form)
		}
	}
	if !strings.Contains(sts.auth[0], "Credential="+keys.AccessKeyID+"/") ||
		!strings.Contains(sts.auth[0], "/us-east-1/sts/") {
		t.Errorf("STS was asked by %s", sts.auth[0])
	}
}

// A permission may be missing for one account: that does not affect the others.
func TestDeniedCallsKeepTheCredentials(t *testing.T) {
	sts := newFakeSTS(t)
	bare(t, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL})
	server, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
		w.WriteHeader(http.StatusForbidden)
	})
	c := newRoleClient(t, server.URL, &keys, "x")
	for range 20 {
		if _, e := attempt(t, c); e == nil || e.Reason != logout.Unauthorized || e.ProviderWide {
			t.Errorf("%+v", e)
		}
	}
	if len(sts.asked) != 1 {
		t.Errorf("STS was asked %d times", len(sts.asked))
	}
}

// Calls that were signed before the credentials expired are rejected late, one
// by one. The credentials that have replaced those are kept.
func TestLateRejectionsKeepNewCredentials(t *testing.T) {
	const calls = 50
	sts := newFakeSTS(t)
	bare(t, map[string]string{"AWS_ENDPOINT_URL_STS": sts.URL})
	arrived, reject := make(chan struct{}), make(chan struct{})
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "Credential=ASIAROLE1/") {
			arrived <- struct{}{}
			<-reject
			w.Header().Set("X-Amzn-ErrorType", "ExpiredTokenException")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := newRoleClient(t, server.URL, &keys, "x")
	ended := make(chan error)
	for range calls {
		go func() {
			_, err := c.Logout(t.Context(), account, user)
			ended <- err
		}()
	}
	for range calls {
		<-arrived
	}
	for range calls {
		reject <- struct{}{}
		if <-ended == nil {
			t.Error("a rejected call succeeded")
		}
		if _, e := attempt(t, c); e != nil {
			t.Errorf("with new credentials: %+v", e)
		}
	}
	if len(sts.asked) != 2 {
		t.Errorf("STS was asked %d times", len(sts.asked))
	}
}

// The process's own identity, its region for STS, and none of the variables
// that would send a logout to another place or more than once.
func TestEnvironment(t *testing.T) {
	sts := newFakeSTS(t)
	elsewhere, requests := serve(t, func(http.ResponseWriter, *http.Request) {})
	for _, externalID := range []string{"", "tenant-7"} {
		bare(t, map[string]string{
			"AWS_ACCESS_KEY_ID":          "AKIDENVIRONMENT",
			"AWS_SECRET_ACCESS_KEY":      "environment-secret",
			"AWS_REGION":                 "eu-west-1",
			"AWS_ENDPOINT_URL":           elsewhere.URL,
			"AWS_ENDPOINT_URL_CHIME":     elsewhere.URL,
			"AWS_ENDPOINT_URL_STS":       sts.URL,
			"AWS_USE_FIPS_ENDPOINT":      "false",
			"AWS_USE_DUALSTACK_ENDPOINT": "false",
			"AWS_MAX_ATTEMPTS":           "5",
			"AWS_RETRY_MODE":             "adaptive",
		})
		var auth string
		server, calls := serve(t, func(w http.ResponseWriter, r *http.Request) {
			auth = r.Header.Get("Authorization")
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		c := newRoleClient(t, server.URL, nil, externalID)
		if err := c.CheckCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, e := attempt(t, c); e == nil || e.Reason != logout.ServiceUnavailable {
			t.Errorf("got %+v", e)
		}
		want := "Credential=AKIDENVIRONMENT/"
		if externalID != "" {
			want = "Credential=ASIAROLE1/"
		}
		if !strings.Contains(auth, want) || !strings.Contains(auth, "/us-east-1/chime/") {
			t.Errorf("signed %s", auth)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d requests on the wire", n)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests went where AWS_ENDPOINT_URL points", n)
	}
	if !strings.Contains(sts.auth[0], "Credential=AKIDENVIRONMENT/") ||
		!strings.Contains(sts.auth[0], "/eu-west-1/sts/") {
		t.Errorf("STS was asked by %s", sts.auth[0])
	}
}

func TestStaticKeysAreTrimmed(t *testing.T) {
	// Static keys do not use these.
	bare(t, map[string]string{"AWS_PROFILE": "absent", "AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT"})
	var signed http.Header
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		signed = r.Header
		w.WriteHeader(http.StatusNoContent)
	})
	c := newRoleClient(t, server.URL,
		&awsauth.Keys{AccessKeyID: "AKID1\n", SecretAccessKey: " s3cret\n", SessionToken: "token\r\n"}, "")
	if err := c.CheckCredentials(t.Context()); err != nil {
		t.Error(err)
	}
	if _, e := attempt(t, c); e != nil {
		t.Fatal(e)
	}
	if signed.Get("X-Amz-Security-Token") != "token" ||
		!strings.Contains(signed.Get("Authorization"), "Credential=AKID1/") {
		t.Errorf("signed %v", signed)
	}
}

// Without credentials nothing is sent, and the error is a clean message that
// says why.
func TestNoCredentials(t *testing.T) {
	denied, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: %s is not authorized to perform: sts:AssumeRole, token %s</Message></Error></ErrorResponse>`, roleARN, keys.SessionToken)
	})
	agent, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"code":"AccessDeniedException","message":"no association for %s"}`, roleARN)
	})
	garbage, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusBadGateway) })
	refused := httptest.NewServer(nil)
	refused.Close()
	silent, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only after that does a server notice that the client closes the connection
		<-r.Context().Done()
	})
	t.Cleanup(silent.CloseClientConnections)

	for name, tc := range map[string]struct {
		environment map[string]string
		keys        *awsauth.Keys
		externalID  string
		want        string
	}{
		"no identity": {want: "the provider names no Secret, and the operator has no AWS identity"},
		"STS denies": {map[string]string{"AWS_ENDPOINT_URL_STS": denied.URL}, &keys, "x",
			"STS AssumeRole: failed (AccessDenied)"},
		"STS unreachable": {map[string]string{"AWS_ENDPOINT_URL_STS": refused.URL}, &keys, "x",
			"STS AssumeRole: connection refused"},
		"STS is a page": {map[string]string{"AWS_ENDPOINT_URL_STS": garbage.URL}, &keys, "x",
			"STS AssumeRole: failed (UnknownError)"},
		"STS is silent": {map[string]string{"AWS_ENDPOINT_URL_STS": silent.URL}, &keys, "x",
			"timeout: no answer within the attempt's deadline"},
		"no role for none": {map[string]string{"AWS_ENDPOINT_URL_STS": denied.URL}, nil, "x",
			"the provider names no Secret, and the operator has no AWS identity"},
		"no token file": {map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": filepath.Join(t.TempDir(), "token"),
			"AWS_ROLE_ARN": roleARN}, nil, "",
			"the operator's AWS identity: could not be loaded"},
		"pod identity denies": {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.URL}, nil, "",
			"the operator's AWS identity: failed (AccessDeniedException)"},
	} {
		t.Run(name, func(t *testing.T) {
			bare(t, tc.environment)
			server, requests := serve(t,
				func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			c := newRoleClient(t, server.URL, tc.keys, tc.externalID)
			patience := time.Minute
			if strings.HasPrefix(tc.want, "timeout") {
				patience = time.Second // this deadline ends the check
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			err := c.CheckCredentials(ctx)
			if err == nil || !strings.HasPrefix(err.Error(), "no credentials: ") ||
				!strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			ctx, cancel = context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, e := attemptWith(ctx, t, c)
			want := logout.Error{Reason: logout.Unauthorized, ProviderWide: true, Message: err.Error()}
			if e != nil && e.RetryAfter <= time.Second { // what is left of the pause after the first failure
				want.RetryAfter = e.RetryAfter
			}
			if e == nil || *e != want {
				t.Errorf("\n got %+v\nwant %+v", e, want)
			}
			if n := requests.Load(); n != 0 {
				t.Errorf("%d requests on the wire", n)
			}
		})
	}
}

func TestUnusableConfiguration(t *testing.T) {
	bare(t, map[string]string{"AWS_PROFILE": "absent"})
	_, err := New(context.Background(),
		Config{Endpoint: httpcall.MustParseEndpoint("https://chime.example"),
			Auth: awsauth.Config{Region: "us-east-1"}})
	if err == nil ||
		err.Error() != "invalid AWS configuration of the operator: failed to get shared config profile, absent" {
		t.Errorf("got %v", err)
	}
}
