package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// answer of Keycloak to one request.
type answer struct {
	status   int
	location string
	body     []byte
}

func (a answer) String() string { return fmt.Sprintf("HTTP %d %s", a.status, a.body) }

func (a answer) decode(into any) error { return json.Unmarshal(a.body, into) }

// send sends a form if body is one, and otherwise JSON; nil is no body.
func send(ctx context.Context, method, to, token string, body any) (answer, error) {
	var text []byte
	kind := "application/json"
	if form, ok := body.(url.Values); ok {
		text, kind = []byte(form.Encode()), "application/x-www-form-urlencoded"
	} else if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("Location"), got}, err
}

// admin sends a request of the administrator to a realm's part of the Admin REST API, and fails the test unless the
// answer has the status. It returns the last part of the answer's Location, which is the ID of what it created.
func (r *realm) admin(method, path string, body any, status int, into any) (id string) {
	r.t.Helper()
	return r.adminOf(r.name, method, path, body, status, into)
}

func (r *realm) adminOf(realm, method, path string, body any, status int, into any) (id string) {
	r.t.Helper()
	a, err := send(r.t.Context(), method, keycloak.url+"/admin/realms/"+url.PathEscape(realm)+path, keycloak.token, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if a.status != status {
		r.t.Fatalf("%s %s of realm %s: %s, want HTTP %d", method, path, realm, a, status)
	}
	if into != nil {
		if err := a.decode(into); err != nil {
			r.t.Fatalf("%s %s of realm %s: %v: %s", method, path, realm, err, a)
		}
	}
	return a.location[strings.LastIndex(a.location, "/")+1:]
}
