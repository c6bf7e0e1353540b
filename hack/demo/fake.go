package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
)

// basePath is the base path of the reference example.
const basePath = "/console"

// devices are the devices on which the user is signed in.
var devices = []string{"laptop", "phone", "tablet"}

// fakeService is a fake LogoutUser service on loopback, with its admin surface.
type fakeService struct {
	*chimetest.Server
	credentials aws.Credentials // the only ones that the service accepts
	endpoint    string          // the provider's endpoint
	admin       string          // the base URL of the admin surface
	listening   *httptest.Server
}

// startFake starts the service and signs in the user of a logout.
func startFake(user v1alpha1.UserLogoutSpec) *fakeService {
	credentials := aws.Credentials{AccessKeyID: rand.Text(), SecretAccessKey: rand.Text()}
	service := chimetest.New(chimetest.Options{BasePath: basePath, Credentials: []aws.Credentials{credentials}})
	service.SignIn(user.AccountID, user.UserID, devices...)
	admin := service.Admin()
	// A ServeMux would clean up the paths before the service sees them.
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, chimetest.AdminPrefix) {
			admin.ServeHTTP(w, r)
			return
		}
		service.ServeHTTP(w, r)
	}))
	return &fakeService{
		Server:      service,
		credentials: credentials,
		endpoint:    listening.URL + basePath,
		admin:       listening.URL + strings.TrimSuffix(chimetest.AdminPrefix, "/"),
		listening:   listening,
	}
}

func (f *fakeService) close() error {
	f.Close() // ends calls that hang
	err := f.listening.Config.Close()
	f.listening.Close() // waits for the handlers
	return err
}

// line formats an entry of the journal.
func line(e chimetest.Entry) string {
	result := fmt.Sprintf("status %d", e.Status)
	switch {
	case e.Cut != "":
		result = fmt.Sprintf("cut: %s", e.Cut)
	case e.Code != "":
		result += " " + e.Code
	}
	return fmt.Sprintf("%s %s: signature %s, %s, request %s", e.Method, e.URI, e.Signature, result, e.RequestID)
}
