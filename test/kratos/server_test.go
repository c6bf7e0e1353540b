package kratos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// configuration of a Kratos on loopback whose users have an email address and a password. It sends no mail.
const configuration = `
version: v1.3.1
dsn: sqlite://%[1]s/db.sqlite?_fk=true
serve:
  public: {host: 127.0.0.1, port: %[2]d, base_url: "http://127.0.0.1:%[2]d/"}
  admin: {host: 127.0.0.1, port: %[3]d, base_url: "http://127.0.0.1:%[3]d/"}
selfservice:
  default_browser_return_url: http://127.0.0.1:%[2]d/
  methods: {password: {enabled: true, config: {haveibeenpwned_enabled: false}}}
identity:
  default_schema_id: default
  schemas: [{id: default, url: "file://%[1]s/schema.json"}]
courier: {smtp: {connection_uri: "smtp://127.0.0.1:1/"}}
hashers: {algorithm: bcrypt, bcrypt: {cost: 4}}
`

const schema = `{
  "$id": "https://kratos.example/schema.json",
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "properties": {"traits": {"type": "object", "properties": {"email": {
    "type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}
  }}}}
}`

// password of all identities.
const password = "correct-horse-battery-staple"

// server is a running Kratos.
type server struct {
	t             *testing.T
	admin, public string // URLs
}

// start starts a Kratos without identities, which ends with the test.
func start(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	ports := freePorts(t)
	s := &server{t: t, public: fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		admin: fmt.Sprintf("http://127.0.0.1:%d", ports[1])}
	config := filepath.Join(dir, "kratos.yaml")
	for path, text := range map[string]string{
		config:                            fmt.Sprintf(configuration, dir, ports[0], ports[1]),
		filepath.Join(dir, "schema.json"): schema,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), kratos, "migrate", "sql", "-e", "--yes", "-c",
		config).CombinedOutput(); err != nil {
		t.Fatalf("making the database: %v\n%s", err, out)
	}
	var log bytes.Buffer
	ctx, end := context.WithCancelCause(t.Context())
	exited := make(chan struct{})
	serve := exec.CommandContext(t.Context(), kratos, "serve", "-c", config, "--sqa-opt-out") // send no telemetry
	serve.Stdout, serve.Stderr = &log, &log
	// The context of a test ends before its cleanups run.
	serve.Cancel = func() error { return serve.Process.Signal(syscall.SIGTERM) }
	serve.WaitDelay = 30 * time.Second
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		end(fmt.Errorf("it ended: %w", serve.Wait()))
		close(exited)
	}()
	t.Cleanup(func() {
		<-exited
		if t.Failed() {
			t.Logf("Kratos wrote:\n%s", &log)
		}
	})
	s.awaitReady(ctx)
	return s
}

// freePorts are two ports on which nobody listens.
func freePorts(t *testing.T) (ports [2]int) {
	t.Helper()
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

func (s *server) awaitReady(ctx context.Context) {
	s.t.Helper()
	const interval, patience = 50 * time.Millisecond, time.Minute
	if err := wait.PollUntilContextTimeout(ctx, interval, patience, true, func(ctx context.Context) (bool, error) {
		for _, url := range []string{s.admin + "/admin/health/ready", s.public + "/health/ready"} {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return false, err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return false, nil // it does not listen yet
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return false, nil
			}
		}
		return true, nil
	}); err != nil {
		s.t.Fatalf("Kratos is not ready: %v; %v", err, context.Cause(ctx))
	}
}

// call sends JSON and returns the status and the JSON of the answer.
func (s *server) call(method, url, sessionToken string, body any) (int, map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	if sessionToken != "" {
		req.Header.Set("X-Session-Token", sessionToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var object map[string]any
	if len(got) > 0 {
		if err := json.Unmarshal(got, &object); err != nil {
			s.t.Fatalf("%s %s: %d %q", method, url, resp.StatusCode, got)
		}
	}
	return resp.StatusCode, object
}

// newIdentity returns the ID of a new identity.
func (s *server) newIdentity(email string) string {
	s.t.Helper()
	status, identity := s.call(http.MethodPost, s.admin+"/admin/identities", "", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": email},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}},
	})
	id, _ := identity["id"].(string)
	if status != http.StatusCreated || id == "" {
		s.t.Fatalf("making %s: %d %v", email, status, identity)
	}
	return id
}

// signIn signs in with a password, as an app does, and returns the token of the session.
func (s *server) signIn(email string) string {
	s.t.Helper()
	_, flow := s.call(http.MethodGet, s.public+"/self-service/login/api", "", nil)
	ui, _ := flow["ui"].(map[string]any)
	action, _ := ui["action"].(string)
	if !strings.HasPrefix(action, s.public) {
		s.t.Fatalf("login flow: %v", flow)
	}
	status, session := s.call(http.MethodPost, action, "",
		map[string]any{"method": "password", "identifier": email, "password": password})
	token, _ := session["session_token"].(string)
	if status != http.StatusOK || token == "" {
		s.t.Fatalf("signing in %s: %d %v", email, status, session)
	}
	return token
}

// whoami returns the identity of a session token, according to Kratos; empty if Kratos rejects the token.
func (s *server) whoami(token string) string {
	s.t.Helper()
	status, session := s.call(http.MethodGet, s.public+"/sessions/whoami", token, nil)
	if status == http.StatusUnauthorized {
		return ""
	}
	identity, _ := session["identity"].(map[string]any)
	id, _ := identity["id"].(string)
	if status != http.StatusOK || id == "" {
		s.t.Fatalf("whoami: %d %v", status, session)
	}
	return id
}
