package awscall

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// answer is what came instead of success. It is an error only in order to pass
// through the SDK, which would take any 2xx for success, and which finds no
// error code where the body is not JSON.
type answer struct {
	*httpcall.Answer
	keyID   string   // that signed the request
	secrets []string // what signed the request, which no message may repeat
}

func (a *answer) Error() string { return fmt.Sprintf("HTTP %d", a.Status) }

// onlySuccess ends a call with an *answer unless the service answered as the
// operation documents for success. It sits next to the wire, before the SDK's
// own reading of answers.
func (c *Caller) onlySuccess(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OnlySuccess", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		out, metadata, err = next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, metadata, err
		}
		a := &answer{httpcall.Read(resp.Response), keyID(in.Request), c.secrets(in.Request)}
		resp.Body = io.NopCloser(bytes.NewReader(a.Body)) // for the SDK
		if s := c.Service; a.Status != s.Status || s.IsSuccess != nil && !s.IsSuccess(a.Answer) {
			return out, metadata, a
		}
		metadata.Set(receiptKey{}, a.Receipt(requestID(a.Header), a.secrets))
		return out, metadata, nil
	}), middleware.After)
}

// receiptKey is where the receipt of a call is in its metadata.
type receiptKey struct{}

// secrets are what a request was signed with, as far as anybody knows: the keys may
// have changed since.
func (c *Caller) secrets(request any) []string {
	all := c.Credentials.Secrets()
	if req, ok := request.(*smithyhttp.Request); ok {
		_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
		all = append(all, req.Header.Get("X-Amz-Security-Token"), signature)
	}
	return all
}

// keyID returns the access key ID that a request was signed with, as in
// AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260220/us-east-1/chime/aws4_request, …
func keyID(request any) string {
	req, ok := request.(*smithyhttp.Request)
	if !ok {
		return ""
	}
	_, scope, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(scope, "/")
	return id
}

// problem returns the service's error code, from the header X-Amzn-ErrorType or
// the body's Code, code or __type, and the message in the body. Each is empty
// if the service gave none; a body that is not a JSON object gives neither.
func (a *answer) problem() (code, message string) {
	var fields map[string]any
	_ = a.JSON(&fields)
	text := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	for _, s := range []string{a.Header.Get("X-Amzn-ErrorType"), text("Code"), text("code"), text("__type")} {
		// As in com.amazonaws.chime#NotFoundException:http://internal.amazon.com/…
		s, _, _ = strings.Cut(s, ":")
		if _, name, ok := strings.Cut(s, "#"); ok {
			s = name
		}
		if code = httpcall.Token(strings.TrimSpace(s)); code != "" {
			break
		}
	}
	if message = text("Message"); message == "" {
		message = text("message")
	}
	return code, message
}

// requestID returns the ID by which the service's operator finds the request.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
		if id := httpcall.Token(h.Get(name)); id != "" {
			return id
		}
	}
	return ""
}
