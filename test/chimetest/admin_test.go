package chimetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

func TestAdmin(t *testing.T) {
	srv := newServer(t, chimetest.Options{})
	admin := srv.Admin()
	do := func(method, target, body string, status int) string {
		t.Helper()
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
		answer, err := io.ReadAll(w.Body)
		if err != nil || w.Code != status {
			t.Errorf("%s %s: status %d, want %d: %s (%v)", method, target, w.Code, status, answer, err)
		}
		return string(answer)
	}
	ids := `{"account": "` + account + `", "user": "` + user + `"`
	sessions := "/_fake/sessions?account=" + account + "&user=" + user

	do("POST", "/_fake/signin", ids+`, "devices": ["phone"]}`, http.StatusNoContent)
	do("POST", "/_fake/script", ids+`, "answers": [{"code": "ThrottledClientException", "delay": "1ms"}]}`,
		http.StatusNoContent)
	var known []chimetest.Session
	if err := json.Unmarshal([]byte(do("GET", sessions, "", http.StatusOK)), &known); err != nil || len(known) != 2 ||
		known[1].Device != "phone" {
		t.Errorf("sessions %+v, %v", known, err)
	}
	if got := codes(t, client(t, srv.URL), 2); !slices.Equal(got, []string{"ThrottledClientException", ""}) {
		t.Errorf("calls %q", got)
	}
	if got := do("GET", sessions, "", http.StatusOK); got != "[]\n" {
		t.Errorf("sessions %q", got)
	}
	for target, want := range map[string]int{"/_fake/journal": 2, "/_fake/journal?after=1": 1,
		"/_fake/journal?after=7": 0} {
		var entries []chimetest.Entry
		if err := json.Unmarshal([]byte(do("GET", target, "", http.StatusOK)), &entries); err != nil ||
			len(entries) != want {
			t.Errorf("%s: %d entries, want %d (%v)", target, len(entries), want, err)
		}
		if want == 1 && entries[0] != srv.Journal()[1] && !entries[0].Time.Equal(srv.Journal()[1].Time) {
			t.Errorf("entry %+v, want %+v", entries[0], srv.Journal()[1])
		}
	}

	do("POST", "/_fake/credentials", `{"keys": {"AKIDNEXT": "x"}}`, http.StatusNoContent)
	if got := code(t, logout(t.Context(), client(t, srv.URL))); got != "UnrecognizedClientException" {
		t.Errorf("the key that was replaced: %q", got)
	}
	if err := logout(t.Context(), client(t, srv.URL,
		as(aws.Credentials{AccessKeyID: "AKIDNEXT", SecretAccessKey: "x"}))); err != nil {
		t.Errorf("the key that replaced it: %v", err)
	}

	do("GET", "/_fake/journal?after=x", "", http.StatusBadRequest)
	do("POST", "/_fake/credentials", `{}`, http.StatusBadRequest)
	do("POST", "/_fake/signin", `{"user": "u"}`, http.StatusBadRequest)
	do("POST", "/_fake/signin", ids+`, "device": "phone"}`, http.StatusBadRequest)
	do("POST", "/_fake/script", ids+`, "answers": [{"status": 99}]}`, http.StatusBadRequest)
	do("POST", "/_fake/script", `no JSON`, http.StatusBadRequest)
	do("GET", "/_fake/elsewhere", "", http.StatusNotFound)
}
