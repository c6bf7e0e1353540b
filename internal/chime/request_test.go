package chime

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/logout-operator/logout-operator/internal/logout"
)

// The request of the reference example, byte for byte on the wire, at the
// documented host.
func TestReferenceExample(t *testing.T) {
	certified := httptest.NewTLSServer(nil) // for its certificate
	certified.Close()
	var wire strings.Builder
	address := serveConn(t, func(raw net.Conn) {
		conn := tls.Server(raw, certified.TLS)
		in := bufio.NewReader(io.TeeReader(conn, &wire))
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(conn,
				"HTTP/1.1 204 No Content\r\nx-amzn-RequestId: 3f1c\r\nConnection: close\r\n\r\n")
		}
	})
	c := newClient(t, "https://service.chime.aws.amazon.com/console")
	var dialled string
	redirect(c, address, &dialled)
	transport(c).TLSClientConfig.RootCAs = certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	transport(c).TLSClientConfig.ServerName = "example.com" // the host of the certificate

	if receipt, err := attempt(t, c); err != nil ||
		receipt != (logout.Receipt{HTTPStatusCode: 204, RequestID: "3f1c"}) {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if dialled != "service.chime.aws.amazon.com:443" {
		t.Errorf("dialled %s", dialled)
	}
	lines := strings.Split(wire.String(), "\r\n")
	const want = "POST /console/accounts/12a3456b-7c89-012d-3456-78901e23fg45/users/1ab2345c-67de-8901-f23g-45h678901j2k?operation=logout HTTP/1.1"
	if lines[0] != want {
		t.Errorf("got  %s\nwant %s", lines[0], want)
	}
	header := map[string]string{}
	for _, line := range lines[1 : len(lines)-2] {
		name, value, _ := strings.Cut(line, ": ")
		header[strings.ToLower(name)] = value
	}
	for name, want := range map[string]string{
		"host":                 "service.chime.aws.amazon.com",
		"content-length":       "0",
		"x-amz-security-token": keys.SessionToken,
	} {
		if header[name] != want {
			t.Errorf("%s: %q, want %q", name, header[name], want)
		}
	}
	if !strings.Contains(header["user-agent"], "logout-operator") {
		t.Errorf("user-agent: %s", header["user-agent"])
	}
	if got, want := header["authorization"], authorization(t, header, strings.Fields(want)[1]); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if end := strings.Join(lines[len(lines)-2:], ""); end != "" {
		t.Errorf("body: %q", end)
	}
}

// redirect makes the client dial address, whatever its endpoint is.
func redirect(c *Client, address string, dialled *string) {
	transport(c).Proxy = nil
	transport(c).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		*dialled = addr
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(address, "http://"))
	}
}

// authorization is the header that Signature Version 4 requires for a request
// without a body, in us-east-1 for chime, over the headers that the request
// says it signed. See "Create a signed AWS API request" in the IAM User Guide.
func authorization(t *testing.T, header map[string]string, target string) string {
	t.Helper()
	_, rest, _ := strings.Cut(header["authorization"], "SignedHeaders=")
	signed, _, _ := strings.Cut(rest, ",")
	for _, name := range []string{"host", "x-amz-date", "x-amz-security-token"} {
		if !strings.Contains(";"+signed+";", ";"+name+";") {
			t.Errorf("%s is not signed", name)
		}
	}
	path, query, _ := strings.Cut(target, "?")
	canonical := "POST\n" + strings.ReplaceAll(url.PathEscape(path), "%2F", "/") + "\n" + query + "\n"
	for _, name := range strings.Split(signed, ";") {
		canonical += name + ":" + header[name] + "\n"
	}
	canonical += "\n" + signed + "\n" + hash("")
	at := header["x-amz-date"]
	scope := at[:8] + "/us-east-1/chime/aws4_request"
	key := []byte("AWS4" + keys.SecretAccessKey)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	signature := mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hash(canonical))
	return "AWS4-HMAC-SHA256 Credential=" + keys.AccessKeyID + "/" + scope + ", SignedHeaders=" + signed +
		", Signature=" + hex.EncodeToString(signature)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

// The base path stands before that of the operation, however it is written.
func TestBasePath(t *testing.T) {
	for base, want := range map[string]string{
		"":           "/accounts/a/users/b",
		"/":          "/accounts/a/users/b",
		"/console":   "/console/accounts/a/users/b",
		"/console/":  "/console/accounts/a/users/b",
		"/a%20b/c":   "/a%20b/c/accounts/a/users/b",
		"/a%2Fb/":    "/a%2Fb/accounts/a/users/b",
		"/{UserId}/": "/%7BUserId%7D/accounts/a/users/b",
	} {
		c := newClient(t, "https://chime.example"+base)
		sent := capture(c)
		if _, err := c.Logout(context.Background(), "a", "b"); err != nil {
			t.Fatal(err)
		}
		if got := sent.URL.RequestURI(); got != want+"?operation=logout" {
			t.Errorf("%q: got %s", base, got)
		}
	}
}

// No request is sent for a rejected ID.
func TestRefusedIDs(t *testing.T) {
	server, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c := newClient(t, server.URL)
	for _, tc := range []struct{ account, user, want string }{
		{"", "b", "accountID must not be empty"},
		{"{UserId}", "b", "accountID must not contain any of { }: the service has it in the path of a URL"},
		{"a", "..", "userID must not consist of dots only"},
		{"a", "b/c", `userID must not contain any of / \ % ? # ;: the service has it in the path of a URL`},
	} {
		_, err := c.Logout(context.Background(), tc.account, tc.user)
		e, ok := errors.AsType[*logout.Error](err)
		if !ok || *e != (logout.Error{Reason: logout.BadRequest, Message: tc.want}) {
			t.Errorf("%q, %q: %+v", tc.account, tc.user, err)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests on the wire", n)
	}
}

// Every accepted ID stays in its own segment of the path and changes nothing
// else of the request.
func FuzzIDs(f *testing.F) {
	c := newClient(f, "https://service.chime.aws.amazon.com/console")
	sent := capture(c)
	f.Add(account, user)
	f.Add("{UserId}", "..")
	f.Add("a:b@c+d&e=f;g,h", "用户~!$'()*")
	f.Add("a/b?c#d", "%2e%2E")
	f.Add("a\xff", "\u202e")
	f.Fuzz(func(t *testing.T, accountID, userID string) {
		*sent = http.Request{}
		_, err := c.Logout(t.Context(), accountID, userID)
		if c.CheckIDs(accountID, userID) != nil {
			if err == nil || sent.URL != nil {
				t.Fatalf("%q, %q sent", accountID, userID)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(sent.URL.EscapedPath(), "/")
		want := []string{"", "console", "accounts", accountID, "users", userID}
		if len(segments) != len(want) {
			t.Fatalf("path %s", sent.URL.EscapedPath())
		}
		for i, s := range segments {
			if got, err := url.PathUnescape(s); err != nil || got != want[i] {
				t.Errorf("segment %q is %q, want %q", s, got, want[i])
			}
			if s == "." || s == ".." {
				t.Errorf("segment %q", s)
			}
		}
		if sent.Method != "POST" || sent.URL.Scheme != "https" || sent.URL.Host != "service.chime.aws.amazon.com" ||
			sent.URL.RawQuery != "operation=logout" || sent.URL.Fragment != "" || sent.URL.User != nil {
			t.Errorf("%s %s", sent.Method, sent.URL)
		}
	})
}

// capture makes the client send into the request that capture returns, and
// answers 204.
func capture(c *Client) *http.Request {
	sent := new(http.Request)
	c.Wire.Transport = captured{sent}
	return sent
}

type captured struct{ sent *http.Request }

func (c captured) RoundTrip(r *http.Request) (*http.Response, error) {
	*c.sent = *r
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
}

func (captured) CloseIdleConnections() {}
