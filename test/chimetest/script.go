package chimetest

import (
	"fmt"
	"slices"
	"sync"
)

// stage holds everything that a test has prepared for later calls.
type stage struct {
	mu        sync.Mutex
	scripts   map[user][]Answer
	holds     map[user][]*Hold
	intercept func(Call) *Answer
}

// Script sets the answers to the next calls of the user, one after the other, and replaces any remaining answers;
// without answers it removes them. After the last, the service behaves as usual. The script of a user takes precedence
// over the script for all users. A call that has an invalid signature, or is no LogoutUser call, is rejected as usual
// and uses up no answer.
//
// Script panics if an answer cannot be given, for example for a status of 1000.
func (s *Server) Script(accountID, userID string, answers ...Answer) {
	for i, a := range answers {
		if err := a.check(); err != nil {
			panic(fmt.Sprintf("chimetest: answer %d: %v", i+1, err))
		}
	}
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	if s.stage.scripts == nil {
		s.stage.scripts = map[user][]Answer{}
	}
	s.stage.scripts[user{accountID, userID}] = slices.Clone(answers)
}

// Intercept makes f see every request before the service judges it, as a proxy in front of the service would: signed or
// not, whatever its path. The answer of f takes precedence over any script; nil leaves the call to the script and the
// service. The server asks f for every call, so Answer.Times has no effect here, and may run it for several calls at a
// time. A nil f ends the interception.
func (s *Server) Intercept(f func(Call) *Answer) {
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	s.stage.intercept = f
}

// Hold makes the next call of the user wait on arrival, before the service does anything with it. A second Hold is for
// the call after that.
func (s *Server) Hold(accountID, userID string) *Hold {
	h := &Hold{arrived: make(chan Call, 1), released: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.released) })
	s.stage.mu.Lock()
	defer s.stage.mu.Unlock()
	if s.stage.holds == nil {
		s.stage.holds = map[user][]*Hold{}
	}
	u := user{accountID, userID}
	s.stage.holds[u] = append(s.stage.holds[u], h)
	return h
}

// Hold is a call that waits, or will wait when it arrives.
type Hold struct {
	arrived  chan Call
	released chan struct{}
	release  func()
}

// Arrived delivers the call when it waits.
func (h *Hold) Arrived() <-chan Call { return h.arrived }

// Release lets the call continue as if it had not been held, even if its client has disconnected: the service has the
// request. To drop the call, script a Reset for it or close the server. Release may be called at any time and more than
// once.
func (h *Hold) Release() { h.release() }

// hold waits if the call is to be held, and reports whether it may continue.
func (t *stage) hold(call Call, closed <-chan struct{}) bool {
	h := t.nextHold(call.user())
	if h == nil {
		return true
	}
	h.arrived <- call
	select {
	case <-h.released:
		return true
	case <-closed:
		return false
	}
}

func (t *stage) nextHold(u user) *Hold {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, u := range []user{u, everyone} {
		if queue := t.holds[u]; len(queue) > 0 {
			t.holds[u] = queue[1:]
			return queue[0]
		}
	}
	return nil
}

// answer is the test's answer to the call; the zero Answer if there is none.
func (t *stage) answer(call Call, accepted bool) Answer {
	t.mu.Lock()
	intercept := t.intercept
	t.mu.Unlock()
	if intercept != nil {
		if a := intercept(call); a != nil {
			return *a
		}
	}
	if !accepted {
		return Answer{}
	}
	return t.nextAnswer(call.user())
}

func (t *stage) nextAnswer(u user) Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, u := range []user{u, everyone} {
		queue := t.scripts[u]
		if len(queue) == 0 {
			continue
		}
		a := queue[0]
		switch {
		case a.Times > 1:
			queue[0].Times--
		case a.Times >= 0:
			t.scripts[u] = queue[1:]
		}
		return a
	}
	return Answer{}
}
