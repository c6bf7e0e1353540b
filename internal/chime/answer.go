package chime

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxBody bounds how much of an error's body is read, in bytes.
const maxBody = 64 << 10

// answer is what came instead of 204. It is an error only in order to pass
// through the SDK, which would take any 2xx for success, and which finds no
// error code where the body is not JSON.
type answer struct {
	status int
	header http.Header
	body   []byte    // the first maxBody bytes, of errors only
	at     time.Time // when it came
	token  string    // the session token sent, which no message may repeat
}

func (a *answer) Error() string { return fmt.Sprintf("HTTP %d", a.status) }

// onlyNoContent ends a call with an *answer unless the service answered 204. It
// sits next to the wire, before the SDK's own reading of answers.
func onlyNoContent(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("OnlyNoContent", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (out middleware.DeserializeOutput, metadata middleware.Metadata, err error) {
		out, metadata, err = next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || resp.StatusCode == http.StatusNoContent {
			return out, metadata, err
		}
		a := &answer{status: resp.StatusCode, header: resp.Header, at: time.Now()}
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			a.token = req.Header.Get("X-Amz-Security-Token")
		}
		if a.status >= http.StatusBadRequest {
			// A body that breaks off still leaves a status to go by.
			a.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		}
		// Closed and replaced, as the SDK would read what is left to its end.
		_ = resp.Body.Close()
		resp.Body = http.NoBody
		return out, metadata, a
	}), middleware.After)
}

// problem returns the service's error code, from the header X-Amzn-ErrorType or
// the body's Code, code or __type, and the message in the body. Each is empty
// if the service gave none; a body that is not a JSON object gives neither.
func (a *answer) problem() (code, message string) {
	var fields map[string]any
	_ = json.Unmarshal(a.body, &fields)
	text := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	for _, s := range []string{a.header.Get("X-Amzn-ErrorType"), text("Code"), text("code"), text("__type")} {
		// As in com.amazonaws.chime#NotFoundException:http://internal.amazon.com/…
		s, _, _ = strings.Cut(s, ":")
		if _, name, ok := strings.Cut(s, "#"); ok {
			s = name
		}
		if code = token(strings.TrimSpace(s)); code != "" {
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
		if id := token(h.Get(name)); id != "" {
			return id
		}
	}
	return ""
}
