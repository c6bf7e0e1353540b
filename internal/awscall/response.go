package awscall

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// responseError is any answer that is not a success. It is an error only to pass
// through the SDK, which would take any 2xx for success, and finds no error
// code if the body is not JSON.
type responseError struct {
	*httpcall.Response
	keyID   string   // of the key that signed the request
	secrets []string // the credentials of the request, which no message may repeat
}

func (a *responseError) Error() string { return fmt.Sprintf("HTTP %d", a.Status) }

// onlySuccess ends a call with a *responseError unless the service answered as the
// operation documents for success. It runs directly on the raw answer, before
// the SDK reads it.
func (c *Caller) onlySuccess(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OnlySuccess", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		out, metadata, err = next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, metadata, err
		}
		a := &responseError{httpcall.Read(resp.Response), keyID(in.Request), c.secrets(in.Request)}
		resp.Body = io.NopCloser(bytes.NewReader(a.Body)) // for the SDK
		if s := c.Service; a.Status != s.Status || s.IsSuccess != nil && !s.IsSuccess(a.Response) {
			if p := a.problem(); p.code == "" || p.xml { // perhaps a proxy's: the SDK must not set its clock by it
				resp.Header = resp.Header.Clone()
				resp.Header.Del("Date")
			}
			return out, metadata, a
		}
		metadata.Set(receiptKey{}, a.Receipt(requestID(a.Header), a.secrets))
		return out, metadata, nil
	}), middleware.After)
}

// receiptKey is the key of a call's receipt in its metadata.
type receiptKey struct{}

// secrets returns the credentials that a request was signed with, as far as
// known: the keys may have changed since.
func (c *Caller) secrets(request any) []string {
	all := c.Credentials.Secrets()
	if req, ok := request.(*smithyhttp.Request); ok {
		_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
		all = append(all, req.Header.Get("X-Amz-Security-Token"), signature)
	}
	return all
}

// keyID returns the access key ID that a request was signed with, as in
// AWS4-HMAC-SHA256
// Credential=AKIDEXAMPLE/20260220/us-east-1/chime/aws4_request, …
func keyID(request any) string {
	req, ok := request.(*smithyhttp.Request)
	if !ok {
		return ""
	}
	_, scope, _ := strings.Cut(req.Header.Get("Authorization"), "Credential=")
	id, _, _ := strings.Cut(scope, "/")
	return id
}

// problem is what an answer says about an error.
type problem struct {
	code, message string // either is empty if the answer has none
	xml           bool   // in the form of other AWS services than ours
}

// problem returns the service's error code, from the header X-Amzn-ErrorType or
// the body's Code, code or __type, and the message in the body. A body that is
// not a JSON object has neither, unless it is an error in XML.
func (a *responseError) problem() problem {
	var fields map[string]any
	_ = a.JSON(&fields)
	text := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	var p problem
	for _, s := range []string{a.Header.Get("X-Amzn-ErrorType"), text("Code"), text("code"), text("__type")} {
		// For example
		// com.amazonaws.chime#NotFoundException:http://internal.amazon.com/…
		s, _, _ = strings.Cut(s, ":")
		if _, name, ok := strings.Cut(s, "#"); ok {
			s = name
		}
		if p.code = httpcall.Identifier(strings.TrimSpace(s)); p.code != "" {
			break
		}
	}
	if p.code == "" && fields == nil {
		return a.xmlProblem()
	}
	if p.message = text("Message"); p.message == "" {
		p.message = text("message")
	}
	return p
}

// xmlProblem returns the error in a body of the form
//
//	<ErrorResponse><Error><Code>AccessDenied</Code><Message>…</Message></Error></ErrorResponse>
//
// Services with a query API answer like this, and so do some that stand in for
// AWS or in front of it when they check signatures and permissions: moto, for
// every service, with <Errors> around <Error>.
func (a *responseError) xmlProblem() problem {
	type xmlError struct{ Code, Message string }
	var body struct {
		XMLName xml.Name `xml:"ErrorResponse"`
		Error   xmlError
		Nested  xmlError `xml:"Errors>Error"`
	}
	if a.Partial || xml.Unmarshal(a.Body, &body) != nil {
		return problem{}
	}
	e := cmp.Or(body.Error, body.Nested)
	return problem{httpcall.Identifier(strings.TrimSpace(e.Code)), strings.TrimSpace(e.Message), true}
}

// requestID returns the ID by which those who run the service find the request.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
		if id := httpcall.Identifier(h.Get(name)); id != "" {
			return id
		}
	}
	return ""
}
