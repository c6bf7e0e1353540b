package chimetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// AdminPrefix begins every path of the admin surface. No path of a user can begin with it unless the base path does.
const AdminPrefix = "/_fake/"

// Admin returns the handler with which another process prepares and inspects the service, in JSON and without
// authentication:
//
//	GET  /_fake/journal?after=N            the entries after number N (default 0)
//	GET  /_fake/sessions?account=A&user=U  the user's sessions
//	POST /_fake/signin                     {"account": A, "user": U, "devices": [...]}; see SignIn
//	POST /_fake/script                     {"account": A, "user": U, "answers": [...]}; see Script
//	POST /_fake/credentials                {"keys": {ACCESS_KEY_ID: SECRET_ACCESS_KEY, ...}}; see SetCredentials
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+AdminPrefix+"journal", s.adminJournal)
	mux.HandleFunc("GET "+AdminPrefix+"sessions", s.adminSessions)
	mux.HandleFunc("POST "+AdminPrefix+"signin", s.adminSignIn)
	mux.HandleFunc("POST "+AdminPrefix+"script", s.adminScript)
	mux.HandleFunc("POST "+AdminPrefix+"credentials", s.adminCredentials)
	return mux
}

func (s *Server) adminJournal(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi("0" + r.FormValue("after"))
	if err != nil {
		http.Error(w, "after must be the number of an entry", http.StatusBadRequest)
		return
	}
	entries := s.Journal()
	reply(w, entries[min(after, len(entries)):])
}

func (s *Server) adminSessions(w http.ResponseWriter, r *http.Request) {
	reply(w, s.Sessions(r.FormValue("account"), r.FormValue("user")))
}

func (s *Server) adminSignIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account, User string
		Devices       []string
	}
	err := read(w, r, &in)
	if err == nil && (in.Account == "" || in.User == "") {
		err = errors.New("account and user are required")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.SignIn(in.Account, in.User, in.Devices...)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) adminScript(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account, User string
		Answers       []Answer
	}
	err := read(w, r, &in)
	for i, a := range in.Answers {
		if problem := a.check(); err == nil && problem != nil {
			err = fmt.Errorf("answer %d: %w", i+1, problem)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.Script(in.Account, in.User, in.Answers...)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) adminCredentials(w http.ResponseWriter, r *http.Request) {
	var in struct{ Keys map[string]string }
	err := read(w, r, &in)
	if err == nil && in.Keys == nil {
		err = errors.New("keys are required: {} for none")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	credentials := make([]aws.Credentials, 0, len(in.Keys))
	for id, secret := range in.Keys {
		credentials = append(credentials, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret})
	}
	s.SetCredentials(credentials...)
	w.WriteHeader(http.StatusNoContent)
}

func read(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// reply writes a list; an empty one is [], not null.
func reply[T any](w http.ResponseWriter, list []T) {
	if list == nil {
		list = []T{}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // a client that goes away needs no reply
}
