package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestAuditLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := &auditLog{path: path, user: "operator"}
	defer l.close()
	expect := func(verbs ...string) {
		t.Helper()
		requests, err := l.read()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range requests {
			got = append(got, r.Verb)
		}
		if fmt.Sprint(got) != fmt.Sprint(verbs) {
			t.Errorf("got %v, want %v", got, verbs)
		}
	}
	line := func(user, verb string) string {
		return fmt.Sprintf(
			`{"user":{"username":%q},"verb":%q,"stage":"ResponseComplete","stageTimestamp":"2026-01-02T03:04:05.678901Z"}`,
			user, verb)
	}
	appendTo := func(text string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}

	half := line("operator", "patch")
	appendTo(line("operator", "get") + "\n" + line("admin", "create") + "\n" + half[:40])
	expect("get")
	appendTo(half[40:] + "\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(line("operator", "update") + "\n")
	expect("patch", "update")
	expect()
}
