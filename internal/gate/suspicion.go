package gate

import (
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// maxStrikes is how many objects of a namespace have to fail in a row, each
	// for the first time, in a way that may be the service's fault or their own,
	// until the namespace's calls are paused. Where nothing good is known of a
	// service, one is enough to pause all.
	maxStrikes = 3
	// mostStrikes bounds maxStrikes, which doubles with each pause that turned
	// out to be wrong: such failures are what this namespace's objects are like.
	mostStrikes = 16 * maxStrikes
	// againWeighs is how many failures of objects that have failed before count
	// as much as one that fails for the first time.
	againWeighs = 8
	// sharedBy is how many namespaces have to be struck, with no answer to anybody
	// in between, until it is the service's fault. It doubles in the same way.
	sharedBy = 3

	// probeSpacing bounds how far probes of paused namespaces are apart, counted
	// from one's beginning to the next's: eight a minute at most, so that an object
	// that is not like the others is found within seconds, and no more than a
	// service that fails for everybody gets anyway (pauseMost).
	probeSpacing = pauseMost / 2
	// mostProbes is how many probes of different namespaces may be under way: one
	// that hangs does not keep the others waiting.
	mostProbes = 3
	// fewCalls under way are those of a namespace that gets a place although others
	// have taken all.
	fewCalls = 5
	// probeRoom is how long an object has to have until it expires to be a good
	// probe: as long as a call may take by default.
	probeRoom = 10 * time.Second

	// remembered is how long a namespace stays under suspicion of which nothing
	// is heard, mostRemembered how many are.
	remembered, mostRemembered = 10 * time.Minute, 1000
)

// origin is whose logout a call is: probes go round namespaces and, within one,
// round accounts.
type origin struct{ namespace, account string }

// suspicion keeps what failures say that may be the service's fault or that of
// the objects. It is held against the namespace whose objects fail; only when
// several namespaces share it is it held against the service. What is paused is
// probed: a single call at a time, of those that have not failed yet first.
type suspicion struct {
	suspects map[string]*suspect // by namespace
	struck   map[string]bool     // namespaces that were struck since anybody was answered, sharedBy at most
	sharedBy int                 // namespaces that have to be struck until all are paused
	shared   bool                // all namespaces are paused
	after    bool                // as they were before by certain trouble, not for those in struck
	since    time.Time           // when the first pause began, or that of all
	doubted  time.Time           // when sharedBy was doubled last
	last     *logout.Error       // what the last one failed of; nil if nothing is paused
	next     time.Time           // no probe begins before
}

// suspect is a namespace whose objects have failed.
type suspect struct {
	strikes float64   // in a row
	most    float64   // strikes until it is paused
	since   time.Time // when it was paused; zero if it is not
	heard   time.Time // when the last of its calls ended
	newest  bool      // its next probe is its newest object, not the oldest
}

func newSuspicion() suspicion {
	return suspicion{sharedBy: sharedBy, suspects: map[string]*suspect{}, struck: map[string]bool{}}
}

// pauses reports whether a namespace's calls are probes.
func (s *suspicion) pauses(namespace string) bool {
	of := s.suspects[namespace]
	return s.shared || of != nil && !of.since.IsZero()
}

// pausesAny reports whether there is anything to probe.
func (s *suspicion) pausesAny() bool { return s.last != nil }

// strike notes a failure, and reports whether the namespace, or all, are paused
// by it. again means that the object has failed before, alone that the failure
// cannot be the service's fault.
func (s *suspicion) strike(namespace string, again, alone, proven bool, failure *logout.Error, now time.Time) (paused bool) {
	of := s.suspect(namespace, now)
	if of == nil {
		return false
	}
	if again {
		of.strikes += 1.0 / againWeighs
	} else {
		of.strikes++
	}
	if !again && !alone && len(s.struck) < s.sharedBy {
		s.struck[namespace] = true
	}
	shared := len(s.struck) >= s.sharedBy || !proven && !alone
	s.after = s.after && !shared
	switch {
	case s.pauses(namespace):
		s.last = failure
		return false
	case of.strikes < of.most && !shared:
		return false
	case !s.pausesAny(), shared: // that of all is another's pause than that of one
		s.since, s.next = now, now.Add(pauseLeast)
	}
	s.last, s.shared, of.since = failure, shared, now
	return true
}

// share has all namespaces paused, as what is wrong may be the service's: since when
// nobody was answered, and what the last one failed of.
func (s *suspicion) share(since time.Time, failure *logout.Error, now time.Time) {
	s.after = s.after || !s.shared
	s.shared, s.since, s.last = true, since, failure
	s.probe(now)
}

// suspect returns what is known of a namespace; nil if too many are known.
func (s *suspicion) suspect(namespace string, now time.Time) *suspect {
	of := s.suspects[namespace]
	if of == nil {
		if len(s.suspects) >= mostRemembered && !s.evict() {
			return nil
		}
		of = &suspect{most: maxStrikes}
		s.suspects[namespace] = of
	}
	of.heard = now
	return of
}

// evict forgets the namespace of which nothing has been heard for longest, but
// none that is paused, and reports whether there was one.
func (s *suspicion) evict() bool {
	oldest := ""
	for namespace, of := range s.suspects {
		if of.since.IsZero() && (oldest == "" || of.heard.Before(s.suspects[oldest].heard)) {
			oldest = namespace
		}
	}
	delete(s.suspects, oldest)
	return oldest != ""
}

// answer notes that the service has done its work for a namespace, and returns
// the namespaces whose pause is over.
func (s *suspicion) answer(namespace string, now time.Time) (resumed []string) {
	clear(s.struck)
	if s.after { // which says nothing of those that are paused by themselves
		s.shared, s.after = false, false
		s.settle()
	}
	if s.shared { // it was the service
		for of := range s.suspects {
			resumed = append(resumed, of)
		}
		most := min(2*s.sharedBy, mostStrikes)
		*s = newSuspicion()
		s.sharedBy, s.doubted = most, now
		return resumed
	}
	of := s.suspects[namespace]
	if of == nil {
		return nil
	}
	of.strikes, of.heard = 0, now
	if of.since.IsZero() {
		return nil
	}
	of.since, of.most = time.Time{}, min(2*of.most, mostStrikes)
	s.settle()
	return []string{namespace}
}

// forget drops namespaces of which nothing has been heard for long, and returns
// those whose pause that ends.
func (s *suspicion) forget(now time.Time) (resumed []string) {
	if now.Sub(s.doubted) >= remembered {
		s.sharedBy = sharedBy
	}
	for namespace, of := range s.suspects {
		if now.Sub(of.heard) < remembered {
			continue
		}
		delete(s.suspects, namespace)
		if !of.since.IsZero() {
			resumed = append(resumed, namespace)
		}
	}
	s.settle()
	return resumed
}

// settle forgets the pauses when the last one is over.
func (s *suspicion) settle() {
	for _, of := range s.suspects {
		if !of.since.IsZero() {
			return
		}
	}
	if len(s.suspects) == 0 || !s.shared {
		s.shared, s.after, s.last = false, false, nil
	}
}

// probe notes that one begins: the next comes after as long again as there have
// been pauses, within bounds.
func (s *suspicion) probe(now time.Time) {
	s.next = now.Add(min(max(now.Sub(s.since), pauseLeast), probeSpacing))
}

// pausedSince is since when a namespace's calls have been paused; zero for not.
func (s *suspicion) pausedSince(namespace string) time.Time {
	if of := s.suspects[namespace]; of != nil && !of.since.IsZero() {
		return of.since
	}
	if s.shared {
		return s.since
	}
	return time.Time{}
}

// paused is how many namespaces are paused by themselves.
func (s *suspicion) paused() (n int) {
	for _, of := range s.suspects {
		if !of.since.IsZero() {
			n++
		}
	}
	return n
}
