package gate

import (
	"context"
	"time"
)

// callQueue holds the calls of one gate that wait for their turn. Calls of objects with a head start go first, so that
// they do not wait behind the backlog that they have overtaken. How long the others wait for that is bounded where slots
// are given out (earlyInARow).
type callQueue struct{ early, usual []chan struct{} }

// wait returns a channel that is closed when the turn of the call has come.
func (t *callQueue) wait(early bool) <-chan struct{} {
	turn := make(chan struct{})
	if early {
		t.early = append(t.early, turn)
	} else {
		t.usual = append(t.usual, turn)
	}
	return turn
}

// next gives the turn to the first call in line.
func (t *callQueue) next() {
	line := &t.early
	if len(*line) == 0 {
		line = &t.usual
	}
	close((*line)[0])
	*line = (*line)[1:]
}

// Await waits for the turn of the call, and reports whether the call may be made. The wait usually takes milliseconds,
// and tenths of a second under full load. The call may not be made if calls have been paused since the slot was given,
// if the provider has another client, or if ctx is done first. Use Await right before the call, because the steps
// before it take a varying time.
func (s *Slot) Await(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	if turn := s.reserveTurn(); turn != nil {
		select {
		case <-ctx.Done():
			return false // its turn stays unused
		case <-turn:
		}
	}
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	s.began = time.Now()
	return s.stands()
}

// stands reports whether the call may still be made: since its slot was given, its calls have not been paused and the
// provider has not got another client.
func (s *Slot) stands() bool {
	paused := s.gate.outage == nil && !s.probe && s.gate.suspicion.pauses(s.origin.namespace)
	return s.epoch == s.gate.epoch && !paused
}

// reserveTurn returns a channel that is closed when the turn of the slot's call has come; nil if the call need not
// wait. Each waiting call schedules one wake-up, which serves whichever call is first in line.
func (s *Slot) reserveTurn() <-chan struct{} {
	s.gates.mu.Lock()
	defer s.gates.mu.Unlock()
	if !s.stands() {
		return nil // the call will not be made
	}
	wait := s.gate.pace.call(time.Now())
	if wait == 0 {
		return nil
	}
	time.AfterFunc(wait, func() {
		s.gates.mu.Lock()
		defer s.gates.mu.Unlock()
		s.gate.callQueue.next()
	})
	return s.gate.callQueue.wait(s.early)
}
