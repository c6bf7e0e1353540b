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

// Contain reads an answer's body into memory, so that nobody who reads it waits
// for the service any more: at most MaxBody bytes, and no longer than until ctx
// is done. What is over is dropped with its connection. Where the body has not come
// whole, Contain returns why, and so does reading it to its end.
//
// After 101 Switching Protocols there is no body but the connection itself, which
// net/http hands over: it forgets the request's context then, and whoever reads
// would wait for as long as the service pleases. No client asks for another
// protocol, so the connection is closed.
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

// end of a body that has come whole, if there is no error.
type end struct{ err error }

func (e end) Read([]byte) (int, error) { return 0, cmp.Or(e.err, io.EOF) }
