package cognito

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
)

// TestContract in test/harness/providertest tests what every client has to do.

const (
	pool = "eu-central-1_EXAMPLE"
	user = "jane"
)

var keys = awsauth.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t *testing.T, endpoint string) *Client {
	t.Helper()
	c, err := New(t.Context(),
		Config{Endpoint: httpcall.MustParseEndpoint(endpoint),
			Auth: awsauth.Config{Region: "eu-central-1", Keys: &keys}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func attempt(t *testing.T, c *Client) (logout.Receipt, *logout.Error) {
	t.Helper()
	receipt, err := c.Logout(t.Context(), pool, user)
	return receipt, logouttest.Failure(t, err)
}

// Every exception that AdminUserGlobalSignOut documents, and the common ones,
// in each way that AWS writes a code.
func TestExceptions(t *testing.T) {
	for code, want := range map[string]logout.Error{
		"InternalErrorException":       {Reason: logout.ServiceFailure},
		"InternalServerError":          {Reason: logout.ServiceFailure},
		"InternalFailure":              {Reason: logout.ServiceFailure},
		"InvalidParameterException":    {Reason: logout.BadRequest},
		"NotAuthorizedException":       {Reason: logout.Unauthorized},
		"ForbiddenException":           {Reason: logout.Unauthorized},
		"AccessDeniedException":        {Reason: logout.Unauthorized},
		"UnrecognizedClientException":  {Reason: logout.Unauthorized, ProviderWide: true},
		"InvalidSignatureException":    {Reason: logout.Unauthorized, ProviderWide: true},
		"ExpiredTokenException":        {Reason: logout.Unauthorized, ProviderWide: true},
		"ResourceNotFoundException":    {Reason: logout.NotFound},
		"UserNotFoundException":        {Reason: logout.NotFound},
		"TooManyRequestsException":     {Reason: logout.Throttled, ProviderWide: true},
		"LimitExceededException":       {Reason: logout.Throttled, ProviderWide: true},
		"ThrottlingException":          {Reason: logout.Throttled, ProviderWide: true},
		"ServiceUnavailableException":  {Reason: logout.ServiceUnavailable, ProviderWide: true},
		"UnknownOperationException":    {Reason: logout.UnexpectedResponse},
		"OperationNotEnabledException": {Reason: logout.UnexpectedResponse},
		"SomethingNewException":        {Reason: logout.UnexpectedResponse},
	} {
		for _, answer := range []struct{ header, body string }{
			{code + ":", `{"message":"said"}`},
			{"", `{"__type":"` + code + `","message":"said"}`},
			{"", `{"__type":"com.amazonaws.cognitoidentityprovider#` + code + `","Message":"said"}`},
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-ErrorType", answer.header)
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, answer.body)
			}))
			_, got := attempt(t, newClient(t, server.URL))
			server.Close()
			if got == nil || got.Reason != want.Reason || got.ProviderWide != want.ProviderWide || got.Code != code ||
				got.HTTPStatusCode != 400 {
				t.Errorf("%+v: got %+v", answer, got)
			} else if class := got.Reason.Class(); class == logout.Permanent && got.Message != "said" {
				t.Errorf("%+v: message %q", answer, got.Message)
			}
		}
	}
}

// Only an empty JSON object, which is the service's own answer, confirms a
// logout.
func TestConfirmation(t *testing.T) {
	for _, answer := range []struct {
		media, body string
		confirms    bool
	}{
		{"application/x-amz-json-1.1", "{}", true},
		{"application/x-amz-json-1.1; charset=utf-8", " { }\n", true},
		{"application/json", "{}", true},
		{"application/x-amz-json-1.1", "", false},
		{"application/x-amz-json-1.1", "null", false},
		{"application/x-amz-json-1.1", "[]", false},
		{"application/x-amz-json-1.1", `{"broken`, false},
		{"application/json", `{"message":"maintenance"}`, false},
		{"application/x-amz-json-1.1", `{"__type":"NotAuthorizedException"}`, false},
		{"application/x-amz-json-1.1", `{"a":null}`, false},
		{"text/html", "{}", false},
		{"", "{}", false},
		{"application/json", `{"a":"` + strings.Repeat("a", 64<<10) + `"}`, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", answer.media)
			w.Header().Set("x-amzn-RequestId", "3f1c-77")
			fmt.Fprint(w, answer.body)
		}))
		receipt, e := attempt(t, newClient(t, server.URL))
		server.Close()
		switch {
		case answer.confirms && (e != nil || receipt != logout.Receipt{HTTPStatusCode: 200, RequestID: "3f1c-77"}):
			t.Errorf("%.60v: %+v, %+v", answer, receipt, e)
		case !answer.confirms && (e == nil || e.Reason != logout.UnexpectedResponse || e.Unconfirmed == (answer.media == "text/html") ||
			!strings.HasPrefix(e.Message, "unexpected response to AdminUserGlobalSignOut (HTTP 200)")):
			t.Errorf("%.60v: %+v", answer, e)
		}
	}
}

// captured is a transport that passes on the request that it gets.
type captured struct{ sent *http.Request }

func (c captured) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.sent = *r
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func (captured) CloseIdleConnections() {}

// Without an endpoint, calls go to that of the region, whatever the environment
// variables or shared files say.
func TestEndpointOfTheRegion(t *testing.T) {
	var requests atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer elsewhere.Close()
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"} {
		t.Setenv(name, elsewhere.URL)
	}
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	t.Setenv("AWS_REGION", "us-east-1")
	for region, host := range map[string]string{
		"eu-central-1": "cognito-idp.eu-central-1.amazonaws.com",
		"cn-north-1":   "cognito-idp.cn-north-1.amazonaws.com.cn",
	} {
		c, err := New(context.Background(), Config{Auth: awsauth.Config{Region: region, Keys: &keys}})
		if err != nil {
			t.Fatal(err)
		}
		sent := new(http.Request)
		c.Wire.Transport = captured{sent}
		if _, e := attempt(t, c); e != nil {
			t.Fatal(e)
		}
		if sent.URL.Scheme != "https" || sent.URL.Host != host || sent.URL.Path != "/" {
			t.Errorf("%s: sent to %s", region, sent.URL)
		}
		if auth := sent.Header.Get("Authorization"); !strings.Contains(auth, "/"+region+"/cognito-idp/aws4_request") {
			t.Errorf("%s: signed %s", region, auth)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests went where the variables point", n)
	}
}

func TestNewChecksTheConfiguration(t *testing.T) {
	for _, region := range []string{"eu central", ""} {
		_, err := New(t.Context(), Config{Auth: awsauth.Config{Region: region, Keys: &keys}})
		if want := "region must consist of letters, digits and -"; err == nil || err.Error() != want {
			t.Errorf("region %q: %v, want %s", region, err, want)
		}
	}
}
