package controlplane

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// Request is one request in the API server's audit log; see [Options.AuditLog].
type Request struct {
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Verb      string `json:"verb"`
	ObjectRef struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Stage string `json:"stage"`
	// Received is when the API server received it.
	Received time.Time `json:"requestReceivedTimestamp"`
	// Answered is when the API server had written the answer.
	Answered time.Time `json:"stageTimestamp"`
}

// Action is what the request does, as "verb group/resource" or "verb group/resource/subresource".
func (r Request) Action() string {
	return r.Verb + " " + strings.TrimSuffix(
		r.ObjectRef.APIGroup+"/"+r.ObjectRef.Resource+"/"+r.ObjectRef.Subresource, "/")
}

// Requests returns the user's requests in the present file of the audit log. The API server begins a new file after 100
// MiB.
func Requests(auditLog, user string) (all []Request, err error) {
	file, err := os.Open(auditLog)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), user) { // most lines are about other users, and need no decoding
			continue
		}
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		if r.User.Username == user {
			all = append(all, r)
		}
	}
	return all, lines.Err()
}

// Unrefused returns an error if a request of the user was forbidden, or if there was no request.
func Unrefused(auditLog, user string) error {
	requests, err := Requests(auditLog, user)
	if err == nil && len(requests) == 0 {
		err = fmt.Errorf("nothing of %s in the audit log", user)
	}
	for _, r := range requests {
		if r.ResponseStatus.Code == http.StatusForbidden {
			err = errors.Join(err, fmt.Errorf("%s was forbidden to %s %s/%s", user, r.Action(), r.ObjectRef.Namespace,
				r.ObjectRef.Name))
		}
	}
	return err
}
