package httpcall

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
)

var errTooLong = errors.New("the body is too long")

// Contain reads an answer's body into memory, so that no later reader waits for
// the service. It reads at most MaxBody bytes, until ctx is done at the latest,
// and drops the rest with its connection. If it could not read the whole body,
// it returns why, and so does reading the body to its end.
//
// After 101 Switching Protocols there is no body but the connection itself,
// which net/http hands over. It then ignores the request's context, and a
// reader would wait for as long as the service wants. No client asks for
// another protocol, so Contain closes the connection.
func Contain(ctx context.Context, resp *http.Response) error {
	body := resp.Body
	defer func() { _ = body.Close() }()
	if resp.StatusCode < http.StatusOK {
		resp.Body = http.NoBody
		return nil
	}
	defer context.AfterFunc(ctx, func() { _ = body.Close() })()
	read, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	if len(read) > MaxBody {
		read, err = read[:MaxBody], errTooLong
	}
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(read), end{err}))
	return err
}

// end is the end of a body: complete if there is no error.
type end struct{ err error }

func (e end) Read([]byte) (int, error) { return 0, cmp.Or(e.err, io.EOF) }
