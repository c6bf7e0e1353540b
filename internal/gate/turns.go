package gate

import (
	"context"
	"time"
)

// turns are the calls of one gate that wait for their turn. Those of objects
// with a head start go first, so that they do not stand behind the calls of the
// backlog that they have overtaken. What that makes the others wait is bounded
// where slots are handed out (earlyInARow).
type turns struct{ early, usual []chan struct{} }

// wait returns what is closed when it is the call's turn.
func (t *turns) wait(early bool) <-chan struct{} {
	turn := make(chan struct{})
	if early {
		t.early = append(t.early, turn)
	} else {
		t.usual = append(t.usual, turn)
	}
	return turn
}

// next says that it is the turn of the first in line.
func (t *turns) next() {
	line := &t.early
	if len(*line) == 0 {
		line = &t.usual
	}
	close((*line)[0])
	*line = (*line)[1:]
}

// Await waits for the turn of the call, milliseconds as a rule and tenths of a
// second under full load, and reports whether it may be made: not if the
// calls have been paused since the slot was given, or the provider has another client,
// or ctx is done first. It is to be asked right before the call; what comes
// before takes a time that varies.
func (s *Slot) Await(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	if turn := s.turn(); turn != nil {
		select {
		case <-ctx.Done():
			return false // its turn passes unused
		case <-turn:
		}
	}
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.began = time.Now()
	return s.stands()
}

// stands reports whether nothing has become known against the call since its
// slot was given.
func (s *Slot) stands() bool {
	paused := s.gate.outage == nil && !s.probe && s.gate.suspicion.pauses(s.origin.namespace)
	return s.epoch == s.gate.epoch && !paused
}

// turn returns what is closed when it is the turn of the slot's call; nil if it
// need not wait. As many turns are to come as calls wait, but they have no
// names: when one has come, the first in line has it.
func (s *Slot) turn() <-chan struct{} {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	if !s.stands() {
		return nil // it will not be made
	}
	wait := s.gate.pace.call(time.Now())
	if wait == 0 {
		return nil
	}
	time.AfterFunc(wait, func() {
		s.gates.mu.Lock()
		defer s.gates.mu.Unlock()
		s.gate.turns.next()
	})
	return s.gate.turns.wait(s.early)
}
