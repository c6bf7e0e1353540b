package awsauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// atSTS makes the SDK call an AWS STS at the server, whatever the machine's
// files and environment variables say.
func atSTS(t *testing.T, sts http.HandlerFunc) {
	t.Helper()
	server := httptest.NewServer(sts)
	t.Cleanup(server.Close)
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": server.URL, "AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere,
		"AWS_MAX_ATTEMPTS": "5",
	} {
		t.Setenv(name, value)
	}
}

// newRoleSource returns a source of a role's credentials from an AWS STS.
func newRoleSource(t *testing.T, sts http.HandlerFunc) *Source {
	t.Helper()
	atSTS(t, sts)
	s, err := New(t.Context(),
		Config{Region: "us-east-1", Keys: &keys,
			AssumeRole: &AssumeRole{RoleARN: "arn:aws:iam::123456789012:role/logout"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An STS that denies the role or is down gets one request until its pause is
// over, however many callers there are.
func TestLeftAlone(t *testing.T) {
	for retryAfter, want := range map[string]time.Duration{"300": 5 * time.Minute, "86400": logout.MaxRetryAfter} {
		for _, status := range []int{http.StatusForbidden, http.StatusServiceUnavailable} {
			var asked atomic.Int64
			s := newRoleSource(t, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Retry-After", retryAfter)
				w.WriteHeader(status)
			})
			first := s.Check(t.Context())
			for i := 0; first != nil && i < 20; i++ {
				if err := s.Check(t.Context()); err == nil || err.Error() != first.Error() {
					t.Errorf("%v, and then %v", first, err)
				}
				_, err := s.Retrieve(t.Context())
				if e := Unavailable(err); e == nil || e.RetryAfter <= 0 || e.RetryAfter > want ||
					e.RetryAfter < want/2 {
					t.Errorf("%+v", e)
				}
			}
			if first == nil || asked.Load() != 1 {
				t.Errorf("%d, Retry-After %q: %v, asked %d times", status, retryAfter, first, asked.Load())
			}
		}
	}
}

// An STS answer without keys gives no credentials: nothing is signed with empty
// keys, and STS gets the same pause as after a denial.
func TestAnswerWithoutKeys(t *testing.T) {
	const expiration = `<Expiration>2099-01-01T00:00:00Z</Expiration>`
	for _, given := range []string{
		`<Credentials/>`,
		`<Credentials>` + expiration + `</Credentials>`,
		`<Credentials><AccessKeyId>ASIA</AccessKeyId>` + expiration + `</Credentials>`,
		`<Credentials><SecretAccessKey>s</SecretAccessKey>` + expiration + `</Credentials>`,
	} {
		var asked atomic.Int64
		s := newRoleSource(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			const start, end = `<AssumeRoleResponse><AssumeRoleResult>`, `</AssumeRoleResult></AssumeRoleResponse>`
			_, _ = w.Write([]byte(start + given + end))
		})
		for range 5 {
			err := s.Check(t.Context())
			if err == nil || err.Error() != "no credentials: STS AssumeRole: the answer contains no keys" {
				t.Errorf("%s: %v", given, err)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("%s: asked %d times", given, asked.Load())
		}
	}
}

// The SDK, which caches the credentials of the operator's own identity,
// requests them again.
func TestOwnIdentityWithoutKeys(t *testing.T) {
	given := `<Expiration>2099-01-01T00:00:00Z</Expiration>`
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/operator")
	atSTS(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>` +
			`<Credentials>` + given + `</Credentials>` +
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`))
	})
	s, err := New(t.Context(), Config{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.fetch(t.Context())
	if err == nil || err.Error() != "no credentials: the operator's AWS identity: the answer contains no keys" {
		t.Errorf("%v", err)
	}
	given += `<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>`
	if got, err := s.fetch(t.Context()); err != nil || got.Value.AccessKeyID != "ASIA" {
		t.Errorf("later: %v", err)
	}
}

// A caller with little time left does not make the request fail for the others.
func TestShortOfTime(t *testing.T) {
	var asked atomic.Int64
	arrived, release := make(chan struct{}), make(chan struct{})
	s := newRoleSource(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
		}
		<-release
		_, _ = w.Write([]byte(`<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
			<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`))
	})
	short, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if s.Check(short) == nil {
			t.Error("credentials without time")
		}
	})
	<-arrived
	cancel()
	for range 10 {
		all.Go(func() {
			if err := s.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}
