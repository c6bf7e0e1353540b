package awsauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// newRoleSource returns a source of a role's credentials, at an AWS STS.
func newRoleSource(t *testing.T, sts http.HandlerFunc) *Source {
	t.Helper()
	server := httptest.NewServer(sts)
	t.Cleanup(server.Close)
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_STS": server.URL, "AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_MAX_ATTEMPTS": "5",
	} {
		t.Setenv(name, value)
	}
	s, err := New(t.Context(), Config{Region: "us-east-1", Keys: &keys, AssumeRole: &AssumeRole{RoleARN: "arn:aws:iam::123456789012:role/logout"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An STS that refuses or is down is asked once, until it may be asked again,
// whoever asks.
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
				if e := Unavailable(err); e == nil || e.RetryAfter <= 0 || e.RetryAfter > want || e.RetryAfter < want/2 {
					t.Errorf("%+v", e)
				}
			}
			if first == nil || asked.Load() != 1 {
				t.Errorf("%d, Retry-After %q: %v, asked %d times", status, retryAfter, first, asked.Load())
			}
		}
	}
}

// A caller that has little time left does not make the request fail for the others.
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
