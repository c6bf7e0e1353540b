package chime

import (
	"context"
	"testing"

	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/httpcall"
)

func TestNewChecksTheConfiguration(t *testing.T) {
	_, err := New(context.Background(), Config{Endpoint: httpcall.MustParseEndpoint("https://chime.example"),
		Auth: awsauth.Config{Region: "us-east-1/x", Keys: &keys}})
	if want := "region must consist of letters, digits and -"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
