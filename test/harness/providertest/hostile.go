package providertest

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// marker is in everything that a hostile service sends, and must not be in any log.
const marker = "said-by-the-service"

// Hostile is an answer that HTTP allows, or that a client must tolerate. It is written to a connection on which the
// request was read.
type Hostile struct {
	// Name of the answer.
	Name string
	// Answer writes it. Others notice what else the client sends, and that it hangs up; a write fails once the
	// connection is closed.
	Answer func(c *Conn)
	// Valid means that it is the given answer, in an unusual form: the client may take it for that answer. No other may
	// confirm a logout, give a credential or be final.
	Valid bool
	// Hangs means that the service does not end it.
	Hangs bool
	// Closes means that the client must notice the connection's fault before it sends its next request on it.
	Closes bool
	// Ahead means that the final answer follows the good one, before the client has sent another request. In HTTP/1.1
	// only their order identifies answers (RFC 9112, 9.3), so the client may take it for the answer to the attempt's
	// next request, if there is one.
	Ahead bool
}

// Conn is the connection that a Hostile writes to.
type Conn struct {
	net.Conn
	// Good is the answer that confirms the logout, or gives a credential, as it goes over the wire; Final is one that
	// refuses for good.
	Good, Final Answer
	written     atomic.Int64
	over        <-chan struct{} // the end of the test
}

// Write counts the written bytes.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n))
	return n, err
}

// maxWritten is how much of an endless answer a client may accept: the size of the sockets' buffers.
const maxWritten = 64 << 20

// send writes texts, and reports whether the client is still connected.
func (c *Conn) send(texts ...string) bool {
	for _, text := range texts {
		if _, err := io.WriteString(c, text); err != nil {
			return false
		}
	}
	return true
}

// again sends a text over and over, up to far more than a client may accept.
func (c *Conn) again(text string) {
	text = strings.Repeat(text, 1+(16<<10)/len(text))
	for more := true; more && c.written.Load() < 4*maxWritten; {
		more = c.send(text)
	}
}

// slowly sends a text at one byte a second.
func (c *Conn) slowly(text string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ; text != "" && c.send(text[:1]); text = text[1:] {
		select {
		case <-tick.C:
		case <-c.over:
			return
		}
	}
}

// silent waits until the client hangs up.
func (c *Conn) silent() { _, _ = io.Copy(io.Discard, c.Conn) }

// raw is an answer as it goes over the wire, with these lines of header instead of the body's length. statusLine, if
// given, replaces the status line.
func (a Answer) raw(statusLine string, lines ...string) string {
	var b strings.Builder
	if statusLine == "" {
		statusLine = fmt.Sprintf("HTTP/1.1 %d Marked %s", a.Status, marker)
	}
	b.WriteString(statusLine + "\r\n")
	for name, value := range a.Header {
		lines = append(lines, name+": "+value)
	}
	slices.Sort(lines)
	for _, line := range append(lines, "X-Mark: "+marker) {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

func length(n int) string { return fmt.Sprintf("Content-Length: %d", n) }

const chunked = "Transfer-Encoding: chunked"

// whole is an answer with its body.
func (a Answer) whole() string {
	if a.Status == http.StatusNoContent {
		return a.raw("")
	}
	return a.raw("", length(len(a.Body))) + a.Body
}

// hostiles are all hostile answers. Both the confirming and the final answer occur broken off and with a status that
// means something else.
func hostiles() []Hostile {
	valid := []Hostile{
		{Name: "after 100, 102 and 103", Answer: func(c *Conn) {
			c.send("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n",
				"HTTP/1.1 103 Early Hints\r\nLink: </"+marker+">\r\n\r\n", c.Good.whole())
		}},
		{Name: "with a body after its end", Closes: true, Answer: func(c *Conn) {
			c.send(c.Good.whole() + marker + strings.Repeat("x", 100))
			c.silent()
		}},
		{Name: "204 with a body", Closes: true, Answer: func(c *Conn) {
			c.send(Answer{Status: 204}.raw("", length(500)) + marker + strings.Repeat("x", 500-len(marker)))
			c.silent()
		}},
		{Name: "two answers at once", Closes: true, Ahead: true, Answer: func(c *Conn) {
			c.send(c.Good.whole(), c.Final.whole())
			c.silent()
		}},
		{Name: "half closed after it", Closes: true, Answer: func(c *Conn) {
			c.send(c.Good.whole())
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			c.silent()
		}},
	}
	for i := range valid {
		valid[i].Valid = true
	}
	return append(append(valid, brokenOff()...), notAnswers()...)
}

// brokenOff are answers that begin well. For an endless one, the client may need only the beginning.
func brokenOff() []Hostile {
	each := func(name string, f func(c *Conn, a Answer)) []Hostile {
		hangs := strings.HasSuffix(name, "silent") || strings.HasSuffix(name, "second")
		return []Hostile{
			{Name: name + ", good", Valid: name == "body without end", Hangs: hangs, Answer: func(c *Conn) {
				f(c, c.Good.withBody())
			}},
			{Name: name + ", final", Hangs: hangs, Answer: func(c *Conn) { f(c, c.Final.withBody()) }},
		}
	}
	return slices.Concat(
		each("cut short", func(c *Conn, a Answer) { c.send(a.raw("", length(len(a.Body)+10)) + a.Body) }),
		each("header without body", func(c *Conn, a Answer) { c.send(a.raw("", length(1000))) }),
		each("header without body, silent", func(c *Conn, a Answer) {
			c.send(a.raw("", length(1000)))
			c.silent()
		}),
		each("half closed", func(c *Conn, a Answer) {
			c.send(a.raw("", length(len(a.Body)+1)) + a.Body)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			c.silent()
		}),
		each("a byte a second", func(c *Conn, a Answer) {
			c.send(a.raw("", length(1000)))
			c.slowly(strings.Repeat(" ", 1000))
		}),
		each("chunks of garbage", func(c *Conn, a Answer) {
			c.send(a.raw("", chunked) + fmt.Sprintf("%x\r\n%s\r\nzz%s\r\n", len(a.Body), a.Body, marker))
			c.silent()
		}),
		each("trailers without end", func(c *Conn, a Answer) {
			c.send(a.raw("", chunked, "Trailer: X-T") + fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(a.Body), a.Body))
			c.again("X-T: " + marker + "\r\n")
		}),
		each("body without end", func(c *Conn, a Answer) {
			c.send(a.raw("") + a.Body)
			c.again(marker)
		}),
		each("gzip without being asked", func(c *Conn, a Answer) {
			a.Header = map[string]string{"Content-Type": a.Header["Content-Type"]} // without a code, which would count
			zipped := gzipped(strings.NewReader(a.Body))
			c.send(a.raw("", length(len(zipped)), "Content-Encoding: gzip") + zipped)
		}),
	)
}

// withBody returns the answer with a body, and with a status that allows one.
func (a Answer) withBody() Answer {
	if a.Status == http.StatusNoContent {
		a.Status = http.StatusOK
	}
	if a.Body == "" {
		a.Body = `{"` + marker + `":1}`
	}
	return a
}

// notAnswers are no HTTP answers, or answers without meaning.
func notAnswers() []Hostile {
	all := []Hostile{
		{Name: "silence", Hangs: true, Answer: (*Conn).silent},
		{Name: "closed", Answer: func(*Conn) {}},
		{Name: "reset", Answer: func(c *Conn) { _ = c.Conn.(*net.TCPConn).SetLinger(0) }},
		{Name: "1xx without end", Answer: func(c *Conn) {
			c.again("HTTP/1.1 103 Early Hints\r\nX-Mark: " + marker + "\r\n\r\n")
		}},
		{Name: "100 without end", Answer: func(c *Conn) { c.again("HTTP/1.1 100 Continue\r\n\r\n") }},
		{Name: "header without end", Answer: func(c *Conn) {
			c.send("HTTP/1.1 200 OK\r\n")
			c.again("X-Mark: " + marker + "\r\n")
		}},
		{Name: "a line without end", Answer: func(c *Conn) {
			c.send("HTTP/1.1 200 OK\r\nX-Mark: ")
			c.again(marker)
		}},
		{Name: "a status line a byte a second", Hangs: true, Answer: func(c *Conn) {
			c.slowly("HTTP/1.1 200 OK\r\n" + strings.Repeat("x", 1000))
		}},
		{Name: "HTTP/2", Hangs: true, Answer: func(c *Conn) {
			c.send("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
				"\x00\x00\x08\x06\x00\x00\x00\x00\x00"+marker[:8])
			c.silent()
		}},
		{Name: "another protocol", Answer: func(c *Conn) {
			c.send("SSH-2.0-" + marker + "\r\n")
			c.silent()
		}},
		{Name: "gzip bomb", Answer: func(c *Conn) {
			zipped := bomb()
			c.send(Answer{Status: 200}.raw("", length(len(zipped)), "Content-Encoding: gzip") + zipped)
		}},
		{Name: "two lengths", Answer: func(c *Conn) {
			c.send(c.Final.withBody().raw("", length(1), length(2)) + marker)
		}},
		{Name: "negative length", Answer: func(c *Conn) { c.send(c.Final.withBody().raw("", length(-1)) + marker) }},
	}
	for _, upgrade := range []struct {
		name string
		then func(*Conn)
	}{
		{"silent", (*Conn).silent},
		{"a byte a second", func(c *Conn) { c.slowly(strings.Repeat("x", 1000)) }},
		{"without end", func(c *Conn) { c.again(marker) }},
	} {
		all = append(all, Hostile{Name: "101, then " + upgrade.name, Answer: func(c *Conn) {
			c.send(c.Final.raw("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"))
			upgrade.then(c)
		}})
	}
	for _, status := range []string{"000", "099", "304", "599", "999"} {
		all = append(all, Hostile{Name: status, Closes: true, Answer: func(c *Conn) {
			page := `<html>` + marker + `</html>`
			c.send(Answer{}.raw("HTTP/1.1 "+status+" "+marker, length(len(page)), "Content-Type: text/html") + page)
			if status == "304" { // it has no body
				c.silent()
			}
		}})
	}
	return all
}

func gzipped(r io.Reader) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.Copy(w, r)
	_ = w.Close()
	return b.String()
}

// bomb is compressed: it becomes a thousand times as large.
var bomb = sync.OnceValue(func() string { return gzipped(io.LimitReader(zeros{}, 16<<20)) })

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// serve answers one request with h, on a connection that ends with the test.
func (h Hostile) serve(k *kit, w http.ResponseWriter, good, final Answer) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // the client has disconnected
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(k.Context(), func() { _ = conn.Close() })()
	c := &Conn{Conn: conn, Good: good, Final: final, over: k.Context().Done()}
	h.Answer(c)
	if n := c.written.Load(); n > maxWritten {
		k.Errorf("%d bytes read", n)
	}
}
