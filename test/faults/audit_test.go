package faults

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/figures"
)

// auditTail is the second oracle: the API server's log of the operators' requests. It follows the log across rotations.
type auditTail struct {
	path, user string
	expected   bool // set once an operator has been started there

	mu       sync.Mutex
	file     *os.File
	rest     []byte // of an incomplete line
	requests map[string]requests
	wrong    []error // the operators' forbidden requests
}

// requests counts the operators' requests about one object.
type requests struct {
	reads, writes, conflicts int
	lastWrite                time.Time // when the API server received it
}

// of returns the requests about the UserLogout of this name.
func (a *auditTail) of(t *testing.T, name string) requests {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.read(); err != nil {
		t.Fatal(err)
	}
	return a.requests[name]
}

// verify checks that operators have made requests, and that none of them was forbidden.
func (a *auditTail) verify() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := errors.Join(append(a.wrong, a.read())...)
	if a.expected && len(a.requests) == 0 {
		err = errors.Join(err, fmt.Errorf("nothing of %s in the audit log", a.user))
	}
	return err
}

// read reads the new lines of the log. After a rotation, it first reads the old file to its end.
func (a *auditTail) read() error {
	if a.requests == nil {
		a.requests = map[string]requests{}
	}
	for {
		if a.file != nil {
			if err := a.readFile(); err != nil {
				return err
			}
			now, err := os.Stat(a.path)
			if err != nil {
				return err
			}
			if was, err := a.file.Stat(); err != nil || os.SameFile(was, now) {
				return err
			}
			if err := errors.Join(a.readFile(), a.file.Close()); err != nil { // lines written since it was read
				return err
			}
		}
		file, err := os.Open(a.path)
		if err != nil {
			return err
		}
		a.file = file
	}
}

func (a *auditTail) readFile() error {
	for lines := bufio.NewReaderSize(a.file, 1<<16); ; {
		line, err := lines.ReadBytes('\n')
		a.rest = append(a.rest, line...)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := a.note(a.rest); err != nil {
			return err
		}
		a.rest = a.rest[:0]
	}
}

func (a *auditTail) note(line []byte) error {
	if !bytes.Contains(line, []byte(a.user)) { // most lines are about other users, and need no decoding
		return nil
	}
	var r controlplane.Request
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	switch {
	case r.User.Username != a.user:
		return nil
	case r.ResponseStatus.Code == http.StatusForbidden:
		a.wrong = append(a.wrong, fmt.Errorf("forbidden: %s %s/%s", r.Action(), r.ObjectRef.Namespace,
			r.ObjectRef.Name))
	}
	if r.ObjectRef.Resource != "userlogouts" || r.ObjectRef.Name == "" {
		return nil
	}
	n := a.requests[r.ObjectRef.Name]
	switch r.Verb {
	case "get":
		n.reads++
	case "update", "patch", "delete":
		n.writes++
		if r.Received.After(n.lastWrite) {
			n.lastWrite = r.Received
		}
	case "list", "watch": // of one object by its name: the operator does not do this
		a.wrong = append(a.wrong, fmt.Errorf("odd: %s %s", r.Action(), r.ObjectRef.Name))
	}
	if r.ResponseStatus.Code == http.StatusConflict {
		n.conflicts++
	}
	a.requests[r.ObjectRef.Name] = n
	return nil
}

// most is the highest number of requests about any of several objects.
func (a *auditTail) most(t *testing.T, names []string) (most requests) {
	t.Helper()
	for _, name := range names {
		n := a.of(t, name)
		most = requests{reads: max(most.reads, n.reads), writes: max(most.writes, n.writes),
			conflicts: max(most.conflicts, n.conflicts)}
	}
	return most
}

// verifyRequests records the figures of reads and writes, as the API server counts them, and checks that no object took
// more.
func verifyRequests(t *testing.T, names []string, reads, writes int) {
	t.Helper()
	most := audit.most(t, names)
	figures.AtMost(t, "most reads of an object", most.reads, reads, true)
	figures.AtMost(t, "most writes of an object", most.writes, writes, true)
}
