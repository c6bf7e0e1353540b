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

// directory has the accounts, their users and the users' sessions.
type directory struct {
	mu       sync.Mutex
	accounts map[string]map[string][]Session
}

// SignIn registers the account and the user, and signs the user in on each device, in addition to existing sessions.
// Without a device the user is known but has no session: a logout succeeds and ends no session.
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

// Sessions returns the user's sessions, oldest first; none for an unknown user.
func (s *Server) Sessions(accountID, userID string) []Session {
	s.directory.mu.Lock()
	defer s.directory.mu.Unlock()
	return slices.Clone(s.directory.accounts[accountID][userID])
}

// logOut ends all sessions of the user and returns their number, or the refusal.
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
