package cognito

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

const (
	region = "eu-central-1"
	// amazon is the AWS account that moto is.
	amazon = "123456789012"
)

// server is a running moto that checks signatures and policies.
type server struct {
	t     *testing.T
	url   string
	admin aws.Credentials // may do everything
}

// start starts a moto, which ends with the test.
func start(t *testing.T) *server {
	t.Helper()
	moto := exec.CommandContext(t.Context(), python, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	// The context of a test ends before its cleanups run.
	moto.Cancel = func() error { return moto.Process.Signal(syscall.SIGTERM) }
	moto.WaitDelay = 30 * time.Second
	output, err := moto.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := moto.Start(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ready, exited := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(exited)
		follow(io.TeeReader(output, &log), ready)
		_ = moto.Wait()
	}()
	t.Cleanup(func() {
		<-exited
		if t.Failed() {
			t.Logf("moto wrote:\n%s", &log)
		}
	})
	s := &server{t: t, url: await.Receive(t, ready, "moto to listen"), admin: aws.Credentials{
		AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "moto checks nothing before the first reset-auth"}}
	if s.url == "" {
		t.Fatal("moto ended before it listened")
	}
	s.admin = s.newIdentity("admin", `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`)
	if status, body := s.send(s.request("/moto-api/reset-auth", "text/plain", "0")); status != http.StatusOK {
		t.Fatalf("reset-auth: %d %s", status, body)
	}
	return s
}

// follow reads what moto writes, to the end, and sends the URL that it listens at. If there is none, it closes the
// channel.
func follow(output io.Reader, ready chan<- string) {
	defer close(ready)
	listening := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	lines, found := bufio.NewScanner(output), false
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil && !found {
			found = true
			ready <- m[1]
		}
	}
	_, _ = io.Copy(io.Discard, output) // after a line that is too long
}

func (s *server) request(path, contentType, body string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	return req
}

func (s *server) send(req *http.Request) (int, []byte) {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, body
}

// sign signs a request for a service with the administrator's keys.
func (s *server) sign(req *http.Request, service, body string) {
	s.t.Helper()
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), s.admin, req, hex.EncodeToString(hash[:]), service, region,
		time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

// iam calls an operation of IAM as the administrator. The parameters are name, value, name, value.
func (s *server) iam(action string, parameters ...string) []byte {
	s.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	body := form.Encode()
	req := s.request("/", "application/x-www-form-urlencoded; charset=utf-8", body)
	s.sign(req, "iam", body)
	status, answer := s.send(req)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", action, status, answer)
	}
	return answer
}

// newIdentity makes an IAM user with a policy, and returns the keys.
func (s *server) newIdentity(name, policy string) aws.Credentials {
	s.t.Helper()
	s.iam("CreateUser", "UserName", name)
	s.permit(name, policy)
	var answer struct {
		AccessKeyID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		SecretAccessKey string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := xml.Unmarshal(s.iam("CreateAccessKey", "UserName", name), &answer); err != nil {
		s.t.Fatal(err)
	}
	if answer.AccessKeyID == "" || answer.SecretAccessKey == "" {
		s.t.Fatalf("%s has no keys", name)
	}
	return aws.Credentials{AccessKeyID: answer.AccessKeyID, SecretAccessKey: answer.SecretAccessKey}
}

// permit replaces the policy of an IAM user.
func (s *server) permit(name, policy string) {
	s.t.Helper()
	s.iam("PutUserPolicy", "UserName", name, "PolicyName", "only", "PolicyDocument", policy)
}

// cognito calls an operation of Cognito: as the administrator, or unsigned, as apps do that sign users in.
func (s *server) cognito(signed bool, action string, in map[string]any) (int, map[string]any) {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	req := s.request("/", "application/x-amz-json-1.1", string(body))
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+action)
	if signed {
		s.sign(req, "cognito-idp", string(body))
	}
	status, answer := s.send(req)
	var out map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			s.t.Fatalf("%s: %d %s", action, status, answer)
		}
	}
	return status, out
}

// manage calls an operation of Cognito as the administrator, which has to succeed.
func (s *server) manage(action string, in map[string]any) map[string]any {
	s.t.Helper()
	status, out := s.cognito(true, action, in)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %v", action, status, out)
	}
	return out
}

// at returns a text in an answer.
func at(t *testing.T, in map[string]any, path ...string) string {
	t.Helper()
	var value any = in
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	if text == "" {
		t.Fatalf("no %s in %v", strings.Join(path, "."), in)
	}
	return text
}

// pool is a user pool with an app that users sign in to by password.
type pool struct {
	*server
	id, app string
}

const password = "Correct-horse-battery-staple-1"

func (s *server) newPool() pool {
	s.t.Helper()
	id := at(s.t, s.manage("CreateUserPool", map[string]any{"PoolName": "staff"}), "UserPool", "Id")
	if !strings.HasPrefix(id, region+"_") {
		s.t.Fatalf("the pool's ID is %s", id)
	}
	app := s.manage("CreateUserPoolClient", map[string]any{"UserPoolId": id, "ClientName": "app",
		"ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}})
	return pool{s, id, at(s.t, app, "UserPoolClient", "ClientId")}
}

func (p pool) newUser(name string) {
	p.t.Helper()
	p.manage("AdminCreateUser", map[string]any{"UserPoolId": p.id, "Username": name, "MessageAction": "SUPPRESS"})
	p.manage("AdminSetUserPassword", map[string]any{"UserPoolId": p.id, "Username": name, "Password": password,
		"Permanent": true})
}

// session is what an app has of a user.
type session struct{ access, refresh string }

func (p pool) signIn(name string) session {
	p.t.Helper()
	status, out := p.cognito(false, "InitiateAuth", map[string]any{"ClientId": p.app, "AuthFlow": "USER_PASSWORD_AUTH",
		"AuthParameters": map[string]string{"USERNAME": name, "PASSWORD": password}})
	if status != http.StatusOK {
		p.t.Fatalf("signing in %s: %d %v", name, status, out)
	}
	return session{at(p.t, out, "AuthenticationResult", "AccessToken"),
		at(p.t, out, "AuthenticationResult", "RefreshToken")}
}

// works returns which tokens Cognito accepts: none, access, refresh, or both.
func (p pool) works(s session) string {
	p.t.Helper()
	var accepted []string
	for _, call := range []struct {
		token, action string
		in            map[string]any
	}{
		{"access", "GetUser", map[string]any{"AccessToken": s.access}},
		{"refresh", "InitiateAuth", map[string]any{"ClientId": p.app, "AuthFlow": "REFRESH_TOKEN_AUTH",
			"AuthParameters": map[string]string{"REFRESH_TOKEN": s.refresh}}},
	} {
		status, out := p.cognito(false, call.action, call.in)
		switch {
		case status == http.StatusOK:
			accepted = append(accepted, call.token)
		case status != http.StatusBadRequest || out["__type"] != "NotAuthorizedException":
			p.t.Fatalf("%s: %d %v", call.action, status, out)
		}
	}
	switch len(accepted) {
	case 0:
		return "none"
	case 2:
		return "both"
	}
	return accepted[0]
}

// mustWork fails the test unless Cognito accepts these tokens of a session.
func (p pool) mustWork(who string, s session, want string) {
	p.t.Helper()
	if got := p.works(s); got != want {
		p.t.Errorf("of %s's tokens Cognito accepts: %s; want %s", who, got, want)
	}
}

// allow is a policy that allows an action and nothing else. moto sees * as the resource of every call.
func allow(action string) string {
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %q, "Resource": "*"}]}`,
		action)
}
