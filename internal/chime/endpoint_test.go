package chime

import (
	"context"
	"testing"

	"github.com/logout-operator/logout-operator/internal/awsauth"
)

func TestNewChecksTheConfiguration(t *testing.T) {
	for _, tc := range []struct{ endpoint, region, want string }{
		{"http://chime.example", "us-east-1", "endpoint must begin with https://: plain http to another host must be allowed by a flag of the operator"},
		{"https://user:password@chime.example", "us-east-1", "endpoint must not contain a user name or password; credentials belong in a Secret"},
		{"https://chime.example", "us-east-1/x", "region must consist of letters, digits and -"},
	} {
		_, err := New(context.Background(), Config{Endpoint: tc.endpoint, Auth: awsauth.Config{Region: tc.region, Keys: &keys}})
		if err == nil || err.Error() != tc.want {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}
