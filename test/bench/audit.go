package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
)

// auditLog reads the audit log as it grows, and follows the API server's rotation.
type auditLog struct {
	path string
	user string // whose requests are read
	file *os.File
	in   *bufio.Reader
	part []byte // of an incomplete line
}

// read returns the user's requests that were answered since the last read.
func (l *auditLog) read() ([]controlplane.Request, error) {
	var requests []controlplane.Request
	for {
		current, err := l.isCurrent()
		if err != nil {
			return nil, err
		}
		// Drain after the check: lines written before the rotation are read before those that follow it.
		more, err := l.drain()
		if err != nil {
			return nil, err
		}
		requests = append(requests, more...)
		if current {
			return requests, nil
		}
		if err := l.open(); err != nil {
			return nil, err
		}
	}
}

// isCurrent reports whether the open file is the one that the API server appends to.
func (l *auditLog) isCurrent() (bool, error) {
	if l.file == nil {
		return false, nil
	}
	at, err := os.Stat(l.path)
	if errors.Is(err, os.ErrNotExist) { // in the middle of a rotation
		return true, nil
	}
	if err != nil {
		return false, err
	}
	open, err := l.file.Stat()
	return err == nil && os.SameFile(at, open), err
}

func (l *auditLog) open() (err error) {
	l.close()
	l.file, err = os.Open(l.path)
	l.in = bufio.NewReaderSize(l.file, 1<<20)
	return err
}

// close may be called more than once.
func (l *auditLog) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// drain reads the open file to its present end.
func (l *auditLog) drain() ([]controlplane.Request, error) {
	var requests []controlplane.Request
	for l.in != nil {
		text, err := l.in.ReadBytes('\n')
		l.part = append(l.part, text...)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line := l.part
		l.part = nil
		if !bytes.Contains(line, []byte(l.user)) { // most lines are about the administrator, and need no decoding
			continue
		}
		var r controlplane.Request
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
		if r.User.Username == l.user && r.Stage == "ResponseComplete" {
			requests = append(requests, r)
		}
	}
	return requests, nil
}

// traffic counts the requests of each kind for the objects of one namespace.
type traffic struct {
	Reads, StatusWrites, Events, Others int
	// Refused counts those of them that were answered with an error.
	Refused int
	// lastWrite is when the last status was stored.
	lastWrite time.Time
}

func (t *traffic) add(r controlplane.Request) {
	if r.ResponseStatus.Code >= 400 {
		t.Refused++
	}
	switch {
	case r.Verb == "get" || r.Verb == "list" || r.Verb == "watch":
		t.Reads++
	case r.ObjectRef.Resource == "events":
		t.Events++
	case r.ObjectRef.Resource == "userlogouts" && r.ObjectRef.Subresource == "status":
		t.StatusWrites++
		if r.ResponseStatus.Code < 400 && r.Answered.After(t.lastWrite) {
			t.lastWrite = r.Answered
		}
	default:
		t.Others++
	}
}
