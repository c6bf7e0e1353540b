package chimetest

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// write writes the answer.
func (s *Server) write(w http.ResponseWriter, r *http.Request, requestID string, a Answer) {
	switch a.Cut {
	case Reset:
		cut(w, "")
		return
	case HalfHeader:
		cut(w, "HTTP/1.1 204 No Con")
		return
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		panic(http.ErrAbortHandler)
	}

	if a.Raw != "" {
		s.writeRaw(w, r, a)
		return
	}

	h := w.Header()
	h.Set("X-Amzn-RequestId", requestID)
	h.Set("Date", s.now().UTC().Format(http.TimeFormat))
	text, size := a.Body, a.BodySize
	if a.Code != "" {
		h.Set("X-Amzn-ErrorType", a.Code)
		if text == "" && size == 0 {
			h.Set("Content-Type", "application/json")
			text = errorBody(a.Code, a.Message)
		}
	}
	if size == 0 {
		size = int64(len(text))
	}
	status := a.status()
	if status != http.StatusNoContent && status != http.StatusNotModified {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	for name, value := range a.Header {
		if h.Set(name, value); value == "" {
			h.Del(name)
		}
	}
	w.WriteHeader(status)

	body := io.LimitReader(repeat(text), size)
	if a.Drip > 0 {
		body = &dripper{body, func() bool {
			_ = http.NewResponseController(w).Flush() // if this fails, the next Write fails too
			return s.pause(r, a.Drip)
		}}
	}
	_, _ = io.Copy(w, body) // the client may disconnect
}

// writeRaw sends bytes that are no HTTP answer, or none that an HTTP server would send.
func (s *Server) writeRaw(w http.ResponseWriter, r *http.Request, a Answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	text := io.Reader(strings.NewReader(a.Raw))
	if a.Drip > 0 {
		text = &dripper{text, func() bool { return s.pause(r, a.Drip) }}
	}
	_, _ = io.Copy(struct{ io.Writer }{conn}, text) // byte by byte, until the client disconnects
}

// errorBody is the body of an AWS error. Chime omits "Exception" from the code there, but not in the header.
func errorBody(code, message string) string {
	body, _ := json.Marshal(struct{ Code, Message string }{strings.TrimSuffix(code, "Exception"), message})
	return string(body)
}

// cut sends the text, if any, and closes the connection. Without a text it resets the connection, because there is
// nothing left that the client has to read.
func cut(w http.ResponseWriter, text string) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the closest that is possible on a connection with other streams
	}
	defer func() { _ = conn.Close() }()
	if tcp, ok := conn.(*net.TCPConn); ok && text == "" {
		_ = tcp.SetLinger(0)
	}
	_, _ = buffered.WriteString(text)
	_ = buffered.Flush()
}

// repeater reads a text over and over.
type repeater struct {
	text string
	at   int
}

// repeat begins with a few KiB of the text, so that a short text is not copied piece by piece.
func repeat(text string) *repeater {
	if text == "" {
		text = "x"
	}
	return &repeater{text: strings.Repeat(text, 1+4096/len(text))}
}

func (p *repeater) Read(b []byte) (int, error) {
	n := copy(b, p.text[p.at:])
	p.at = (p.at + n) % len(p.text)
	return n, nil
}

// dripper reads byte by byte, each after a pause, until the pause fails.
type dripper struct {
	io.Reader
	pause func() bool
}

func (d *dripper) Read(b []byte) (int, error) {
	if !d.pause() {
		return 0, io.ErrClosedPipe
	}
	return d.Reader.Read(b[:1])
}
