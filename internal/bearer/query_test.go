package bearer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// TestQueryOfTheTokenURL: a query, as servers with several policies or tenants at one path have it, is sent as it is, and
// the request keeps its body.
func TestQueryOfTheTokenURL(t *testing.T) {
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.RawQuery + " " + r.FormValue("grant_type")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"bearer"}`)
	}))
	defer server.Close()
	url, err := httpcall.ParseTokenURL(server.URL+"/token?p=B2C_1_sign_in&a=%20b", false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Client: &Client{TokenURL: url, ID: clientID, Secret: secret}}, httpcall.NewWire(httpcall.TLS{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CheckCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := <-asked, "p=B2C_1_sign_in&a=%20b client_credentials"; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}
