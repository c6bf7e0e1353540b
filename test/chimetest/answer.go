package chimetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Answer replaces the service's own answer to a call. Omitted parts stay as they are: the zero value changes nothing,
// and a Delay or a Header alone is added to the service's own answer. If Status, Code, Body, Raw or Cut is given, the
// service does not carry out the call unless Logout says so.
//
// In JSON, durations are text such as "1.5s".
type Answer struct {
	// Times is how many calls in a row get this answer: 0 means one, and Forever means all later calls.
	Times int `json:"times,omitempty"`
	// Logout makes the service carry out the call on arrival, as if it had no script, and send only this answer. The
	// client cannot know that the call succeeded.
	Logout bool `json:"logout,omitempty"`
	// Delay before the first byte of the answer.
	Delay time.Duration `json:"-"`
	// Status is the HTTP status, 200 to 599. Default: the documented status of Code (500 for a Code that AWS does not
	// document), else 200.
	Status int `json:"status,omitempty"`
	// Code makes the answer an AWS error: header X-Amzn-ErrorType and, unless Body is given, a JSON body with the code
	// (without "Exception") and Message.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Header fields, which replace the usual ones; an empty value removes one.
	Header map[string]string `json:"header,omitempty"`
	// Body is sent unchanged; its type is guessed unless Header has it.
	Body string `json:"body,omitempty"`
	// BodySize in bytes, if above 0, is the size to which Body (or "x") is repeated while it is sent.
	BodySize int64 `json:"bodySize,omitempty"`
	// Drip is a pause before each byte of the body.
	Drip time.Duration `json:"-"`
	// Raw replaces the whole answer, including status line and header. Then the connection is closed. Drip applies to
	// all of it.
	Raw string `json:"raw,omitempty"`
	// Cut ends the call without an answer.
	Cut Cut `json:"cut,omitempty"`
}

// Forever as Answer.Times means all later calls.
const Forever = -1

// Cut is a way to end a call without an answer.
type Cut string

const (
	// Reset resets the TCP connection: before the logout, or after it with Answer.Logout.
	Reset Cut = "Reset"
	// Hang sends nothing until the client disconnects or the server is closed.
	Hang Cut = "Hang"
	// HalfHeader closes the connection in the middle of the status line of a success.
	HalfHeader Cut = "HalfHeader"
)

// plain reports whether the service's own behaviour is wanted.
func (a Answer) plain() bool {
	return a.Status == 0 && a.Code == "" && a.Body == "" && a.BodySize == 0 && a.Raw == "" && a.Cut == ""
}

// with returns the answer with additional header fields.
func (a Answer) with(header map[string]string) Answer {
	merged := make(map[string]string, len(a.Header)+len(header))
	for _, fields := range []map[string]string{a.Header, header} {
		for name, value := range fields {
			merged[http.CanonicalHeaderKey(name)] = value
		}
	}
	a.Header = merged
	return a
}

// status is the sent status; 0 if none is sent, or if it is unknown.
func (a Answer) status() int {
	switch {
	case a.Cut != "" || a.Raw != "":
		return 0
	case a.Status != 0:
		return a.Status
	case a.Code == "":
		return http.StatusOK
	case documented[a.Code] != 0:
		return documented[a.Code]
	}
	return http.StatusInternalServerError
}

// check rejects an answer that cannot be given.
func (a Answer) check() error {
	switch {
	case a.Status != 0 && (a.Status < 200 || a.Status > 599):
		return fmt.Errorf("status %d is not in 200 to 599", a.Status)
	case a.BodySize < 0 || a.Delay < 0 || a.Drip < 0:
		return errors.New("bodySize, delay and drip must not be negative")
	case a.Raw != "" && (a.Status != 0 || a.Code != "" || a.Body != "" || a.BodySize != 0 || len(a.Header) > 0 ||
		a.Cut != ""):
		return errors.New("what is raw has no status, code, header, body or cut")
	case a.Cut != "" && (a.Status != 0 || a.Code != "" || a.Body != "" || a.BodySize != 0):
		return errors.New("what is cut has no status, code or body")
	case a.Cut != "" && a.Cut != Reset && a.Cut != Hang && a.Cut != HalfHeader:
		return fmt.Errorf("cut %q is not one of %s, %s, %s", a.Cut, Reset, Hang, HalfHeader)
	}
	return nil
}

// plainAnswer is Answer without its methods.
type plainAnswer Answer

// answerJSON is the form of Answer in JSON.
type answerJSON struct {
	plainAnswer
	Delay duration `json:"delay,omitempty"`
	Drip  duration `json:"drip,omitempty"`
}

// MarshalJSON writes durations as text.
func (a Answer) MarshalJSON() ([]byte, error) {
	return json.Marshal(answerJSON{plainAnswer(a), duration(a.Delay), duration(a.Drip)})
}

// UnmarshalJSON reads the output of MarshalJSON. It rejects unknown fields, so that a misspelled one does not lead to a
// success.
func (a *Answer) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var v answerJSON
	if err := decoder.Decode(&v); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	*a = Answer(v.plainAnswer)
	a.Delay, a.Drip = time.Duration(v.Delay), time.Duration(v.Drip)
	return nil
}

// duration is a time.Duration that is text in JSON.
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}
