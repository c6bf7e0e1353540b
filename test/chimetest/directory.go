package chimetest

import (
	"slices"
	"sync"
	"time"
)

// Session is a user's session on one device.
type Session struct {
	Device     string    `json:"device"`
	SignedInAt time.Time `json:"signedInAt"`
}

// directory knows the accounts, their users and the users' sessions.
type directory struct {
	mu       sync.Mutex
	accounts map[string]map[string][]Session
}

// SignIn makes the account and the user known and signs the user in on each
// device, beside the sessions there are already. Without a device the user is
// known but signed in nowhere: a logout succeeds and ends no session.
func (s *Server) SignIn(accountID, userID string, devices ...string) {
	now := s.now()
	d := &s.directory
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts == nil {
		d.accounts = map[string]map[string][]Session{}
	}
	if d.accounts[accountID] == nil {
		d.accounts[accountID] = map[string][]Session{}
	}
	sessions := d.accounts[accountID][userID]
	for _, device := range devices {
		sessions = append(sessions, Session{Device: device, SignedInAt: now})
	}
	d.accounts[accountID][userID] = sessions
}

// Sessions returns the user's sessions, oldest first; none for a user who is
// not known.
func (s *Server) Sessions(accountID, userID string) []Session {
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	return slices.Clone(s.directory.accounts[accountID][userID])
}

// logOut ends all sessions of the user and returns how many they were, or why
// it cannot.
func (d *directory) logOut(u user) (int, *Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	users, known := d.accounts[u.account]
	if !known {
		return 0, refuse("NotFoundException", "account %s does not exist", u.account)
	}
	sessions, known := users[u.id]
	if !known {
		return 0, refuse("NotFoundException", "user %s does not exist", u.id)
	}
	users[u.id] = nil
	return len(sessions), nil
}
