package chimetest

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	service   = "chime"
	algorithm = "AWS4-HMAC-SHA256"
	// maxSkew is how far the date of a signature may be from the clock.
	maxSkew = 15 * time.Minute

	dateHeader  = "x-amz-date"
	tokenHeader = "x-amz-security-token"
)

// SetCredentials replaces the credentials that may sign calls, as in a rotation: several may be valid at a time. If
// credentials have a session token, calls must send it; if they expire, later calls are answered with
// ExpiredTokenException.
func (s *Server) SetCredentials(credentials ...aws.Credentials) {
	keys := make(map[string]key, len(credentials))
	for _, c := range credentials {
		keys[c.AccessKeyID] = key{c, v4.NewSigner()}
	}
	s.verifier.keys.Store(&keys)
}

// verifier verifies Signature Version 4 in the Authorization header.
type verifier struct {
	region string
	now    func() time.Time
	keys   atomic.Pointer[map[string]key]
}

// key has a signer of its own, because a signer caches the key that it derived from a secret by access key ID alone: a
// shared signer would continue to use the old secret after a rotation.
type key struct {
	aws.Credentials
	signer *v4.Signer
}

// authorization is the content of the Authorization header.
type authorization struct {
	accessKeyID   string
	scope         string
	signedHeaders []string
	signature     string
}

// verify returns the access key ID in the request, and why the request is rejected; nil if its signature is valid.
// payloadHash is the SHA-256 of the body in hexadecimal digits.
func (v *verifier) verify(r *http.Request, payloadHash string) (string, *Answer) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return "", refuse("MissingAuthenticationTokenException", "the request is not signed")
	}
	auth, err := parseAuthorization(strings.Join(headers, ","))
	if err != nil {
		return auth.accessKeyID, refuse("IncompleteSignature", "Authorization header: %v", err)
	}
	const format = "20060102T150405Z"
	signedAt, err := time.Parse(format, r.Header.Get(dateHeader))
	if err != nil {
		return auth.accessKeyID, refuse("IncompleteSignature",
			"header X-Amz-Date must be a date of the form %s", format)
	}
	return auth.accessKeyID, v.check(r, auth, signedAt, payloadHash)
}

func (v *verifier) check(r *http.Request, auth authorization, signedAt time.Time, payloadHash string) *Answer {
	key, known := (*v.keys.Load())[auth.accessKeyID]
	now := v.now()
	scope := signedAt.Format("20060102") + "/" + v.region + "/" + service + "/aws4_request"
	switch {
	case auth.scope != scope:
		return refuse("SignatureDoesNotMatch", "the credential scope must be %s, not %s", scope, auth.scope)
	case !known:
		return refuse("UnrecognizedClientException", "the access key ID is not known")
	case key.CanExpire && !now.Before(key.Expires):
		return refuse("ExpiredTokenException", "the credentials have expired")
	case !equal(r.Header.Get(tokenHeader), key.SessionToken):
		return refuse("UnrecognizedClientException", "the session token is not that of the access key ID")
	case now.Sub(signedAt).Abs() > maxSkew:
		return refuse("RequestExpired", "the request was signed more than %v from now", maxSkew)
	}
	if name := unsigned(r.Header, auth.signedHeaders); name != "" {
		return refuse("SignatureDoesNotMatch", "header %s must be signed", name)
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		return refuse("SignatureDoesNotMatch", "the query is malformed") // the signer would ignore the malformed part
	}
	signature, err := v.sign(r, key, auth.signedHeaders, signedAt, payloadHash)
	if err != nil {
		return refuse("InternalFailure", "recomputing the signature: %v", err)
	}
	if !equal(signature, auth.signature) {
		return refuse("SignatureDoesNotMatch", "the signature is not that of this request with the secret access key")
	}
	return nil
}

// sign computes the signature that the request must have. It passes the signer only the signed parts of the request:
// the path as on the wire, which the signer escapes once more, and the signed headers, under the names as signed
// because the signer ignores some under their canonical names. (A client that signs "content-length: 0" fails, because
// the signer leaves that header out.)
func (v *verifier) sign(
	r *http.Request, key key, signedHeaders []string, signedAt time.Time, payloadHash string,
) (string, error) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	bare := &http.Request{
		Method: r.Method,
		URL:    &url.URL{Opaque: "//" + r.Host + path, RawQuery: query},
		Host:   r.Host,
		Header: http.Header{},
	}
	for _, name := range signedHeaders {
		switch name {
		case "host", dateHeader, tokenHeader: // the signer adds these
		case "content-length":
			bare.ContentLength = r.ContentLength
		default:
			bare.Header[name] = r.Header.Values(name)
		}
	}
	if err := key.signer.SignHTTP(r.Context(), key.Credentials, bare, payloadHash, service, v.region,
		signedAt); err != nil {
		return "", err
	}
	_, signature, _ := strings.Cut(bare.Header.Get("Authorization"), "Signature=")
	return signature, nil
}

// parseAuthorization reads an Authorization header of the form
// "AWS4-HMAC-SHA256 Credential=<access key ID>/<scope>, SignedHeaders=<a;b;c>, Signature=<digits>".
func parseAuthorization(header string) (authorization, error) {
	var auth authorization
	list, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return auth, errors.New("must begin with " + algorithm)
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		if fields[name] != "" {
			return auth, errors.New("has " + name + " twice")
		}
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return auth, errors.New("has no " + name)
		}
	}
	auth.accessKeyID, auth.scope, _ = strings.Cut(fields["Credential"], "/")
	auth.signedHeaders = strings.Split(fields["SignedHeaders"], ";")
	auth.signature = fields["Signature"]
	return auth, nil
}

// unsigned returns the name of a header that must be signed but is not.
func unsigned(h http.Header, signed []string) string {
	required := []string{"host"}
	for name := range h {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			required = append(required, name)
		}
	}
	for _, name := range required {
		if !slices.Contains(signed, name) {
			return name
		}
	}
	return ""
}

// equal compares in constant time, so that not even a fake leaks a secret.
func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
