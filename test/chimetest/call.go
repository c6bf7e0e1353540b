package chimetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SignatureValid is the verdict on a call whose signature is valid.
const SignatureValid = "valid"

// Call is one request as it arrived.
type Call struct {
	// Time of arrival.
	Time time.Time `json:"time"`
	// RequestID in the answer's x-amzn-RequestId header, a UUID.
	RequestID string `json:"requestID"`
	// Method, URI and Host as they were on the wire.
	Method string `json:"method"`
	URI    string `json:"uri"`
	Host   string `json:"host"`
	// AccountID and UserID in the path, unescaped; empty if it is not the path of a user.
	AccountID string `json:"accountID,omitempty"`
	UserID    string `json:"userID,omitempty"`
	// AccessKeyID in the call's signature; empty if none.
	AccessKeyID string `json:"accessKeyID,omitempty"`
	// Signature is the verdict on it: SignatureValid, or the error code with which the service rejects it.
	Signature string `json:"signature"`
}

// user is the key of all data that the service keeps for each user.
type user struct{ account, id string }

// everyone stands for all users.
var everyone user

func (c Call) user() user { return user{c.AccountID, c.UserID} }

// receive reads the request and decides whether the service accepts it: a rejected call already has an answer.
func (s *Server) receive(r *http.Request) (Call, *Answer) {
	call := Call{Time: s.now(), RequestID: newRequestID(), Method: r.Method, URI: r.RequestURI, Host: r.Host}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	u, known := s.route(path)
	call.AccountID, call.UserID = u.account, u.id

	// A body that breaks off is hashed as far as it arrived; its signature fails.
	payload := sha256.New()
	length, _ := io.Copy(payload, r.Body)

	accessKeyID, refusal := s.verifier.verify(r, hex.EncodeToString(payload.Sum(nil)))
	call.AccessKeyID, call.Signature = accessKeyID, SignatureValid
	switch {
	case refusal != nil:
		call.Signature = refusal.Code
	case !known || r.Method != http.MethodPost || r.URL.Query().Get("operation") != "logout":
		refusal = refuse("UnknownOperationException",
			"only POST %s/accounts/{accountId}/users/{userId}?operation=logout is known", s.basePath)
	case length > 0:
		refusal = refuse("BadRequestException", "the request must not have a body")
	}
	return call, refusal
}

// route finds the user of this path, which is escaped as on the wire: an escaped slash belongs to an ID, not to the
// path.
func (s *Server) route(path string) (user, bool) {
	path, ok := strings.CutPrefix(path, s.basePath+"/accounts/")
	account, id, found := strings.Cut(path, "/users/")
	if !ok || !found || account == "" || id == "" || strings.Contains(account+id, "/") {
		return user{}, false
	}
	account, errAccount := url.PathUnescape(account)
	id, errID := url.PathUnescape(id)
	if errAccount != nil || errID != nil {
		return user{}, false
	}
	return user{account, id}, true
}

// newRequestID returns a random UUID (version 4).
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
