package gate

import (
	"time"

	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// firstThreshold is how many objects of a namespace have to fail in a row before its calls are paused. A failure counts
	// if it is the object's first and may be the service's fault or the object's. If no call to the service has been
	// answered yet, one failure is enough to pause all calls.
	firstThreshold = 3
	// lastThreshold bounds the number of strikes that pause a namespace. That number starts at firstThreshold, and doubles
	// with each pause that an answer ends, because such failures may be normal for the objects of this namespace. It falls
	// back when it has not doubled for as long as suspicion is remembered.
	lastThreshold = 16 * firstThreshold
	// againWeighs is how many failures of objects that have failed before count as much as one first failure.
	againWeighs = 8
	// blameThreshold is how many namespaces have to get a strike, with no answer in between, before the service is
	// blamed. It doubles in the same way.
	blameThreshold = 3
	// manyCutOff is how many namespaces have to have a call cut off by notAfter, with no answer in between, before the
	// service is blamed. Each of them is hardly evidence, but so many could make as many calls by turns.
	manyCutOff = 8 * blameThreshold

	// probeSpacing is the longest time between probes of paused namespaces, counted from the beginning of one probe to
	// the beginning of the next. At that spacing there are eight probes a minute, which find an object that can succeed
	// within seconds, and are no more calls than a service that fails for everybody gets anyway (pauseMost). The first
	// probes of a pause follow each other faster.
	probeSpacing = pauseMost / 2
	// mostProbes is how many probes of different namespaces may be under way, so that one that hangs does not keep the
	// others waiting.
	mostProbes = 3
	// fewCalls is the number of calls under way below which a namespace gets a place although other namespaces use all
	// of them.
	fewCalls = 5
	// probeRoom is how long before its expiry an object is still a good probe: as long as a call may take by default.
	probeRoom = 10 * time.Second

	// remembered is how long a namespace stays under suspicion after its last call, and how long a threshold stays doubled.
	// mostRemembered is how many namespaces are remembered.
	remembered, mostRemembered = 10 * time.Minute, 5000
)

// origin is the namespace and account that a call is made for. Probes go round the namespaces and, within one, round
// the accounts.
type origin struct{ namespace, account string }

// suspicion counts the failures that may be the service's fault or the objects'. A failure counts against the namespace
// of its object. Only if several namespaces fail does it count against the service. What is paused is probed with
// single calls, first of objects that have not failed yet.
type suspicion struct {
	suspects    map[string]*suspect // by namespace
	withStrike  map[string]bool     // namespaces with a strike since the last answer, at most blameAt
	withCutOff  map[string]bool     // namespaces with a call that notAfter cut off since then, at most manyCutOff
	blameAt     int                 // number of such namespaces at which all are paused
	allPaused   bool                // all namespaces are paused
	afterOutage bool                // the shared pause continues an outage, and strikes did not cause it
	since       time.Time           // when the first pause of a namespace, or the shared pause, began
	doubledAt   time.Time           // when blameAt was last doubled
	last        *logout.Error       // the last failure; nil if nothing is paused
	next        time.Time           // no probe begins before this time
}

// suspect is a namespace whose objects have failed.
type suspect struct {
	strikes   float64   // in a row
	most      float64   // strikes at which it is paused
	since     time.Time // when it was paused; zero if it is not
	heard     time.Time // when the last of its calls ended
	doubledAt time.Time // when most was last doubled
	newest    bool      // its next probe is its newest object, not its oldest
}

func newSuspicion() suspicion {
	return suspicion{blameAt: blameThreshold, suspects: map[string]*suspect{}, withStrike: map[string]bool{},
		withCutOff: map[string]bool{}}
}

// pauses reports whether a namespace's calls are paused, so that only probes are made for it.
func (s *suspicion) pauses(namespace string) bool {
	of := s.suspects[namespace]
	return s.allPaused || of != nil && !of.since.IsZero()
}

// pausesAny reports whether there is anything to probe.
func (s *suspicion) pausesAny() bool { return s.last != nil }

// strike counts a failure, and reports whether it pauses the namespace, or all namespaces. again means that the object
// has failed before; alone means that notAfter cut off the call, which is seldom the service's fault.
func (s *suspicion) strike(
	namespace string, again, alone, proven bool, failure *logout.Error, now time.Time,
) (paused bool) {
	of := s.suspect(namespace, now)
	if again {
		of.strikes += 1.0 / againWeighs
	} else {
		of.strikes++
	}
	if !again && !alone && len(s.withStrike) < s.blameAt {
		s.withStrike[namespace] = true
	}
	if alone && len(s.withCutOff) < manyCutOff {
		s.withCutOff[namespace] = true
	}
	shared := len(s.withStrike) >= s.blameAt || len(s.withCutOff) >= manyCutOff || !proven && !alone
	s.afterOutage = s.afterOutage && !shared
	switch {
	case s.pauses(namespace):
		s.last = failure
		return false
	case of.strikes < of.most && !shared:
		return false
	case !s.pausesAny(), shared: // a pause of all namespaces is a new pause
		s.since, s.next = now, now.Add(pauseLeast)
	}
	s.last, s.allPaused, of.since = failure, shared, now
	return true
}

// share pauses all namespaces, because the cause may be the service. since is when calls stopped being answered,
// failure is the last failure.
func (s *suspicion) share(since time.Time, failure *logout.Error, now time.Time) {
	s.afterOutage = s.afterOutage || !s.allPaused
	s.allPaused, s.since, s.last = true, since, failure
	s.probe(now)
}

// suspect returns the record of a namespace. If there are too many, it is forgotten at once.
func (s *suspicion) suspect(namespace string, now time.Time) *suspect {
	of := s.suspects[namespace]
	if of == nil {
		of = &suspect{most: firstThreshold}
		if len(s.suspects) < mostRemembered || s.evict() {
			s.suspects[namespace] = of
		}
	}
	of.heard = now
	return of
}

// evict drops the namespace whose last call is longest ago, but none that is paused, and reports whether it found one.
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

// answer notes that the service has answered a call of a namespace as it should, and returns the namespaces whose pause
// ends.
func (s *suspicion) answer(namespace string, now time.Time) (resumed []string) {
	clear(s.withStrike)
	clear(s.withCutOff)
	if s.afterOutage { // an answer to one says nothing about namespaces that were paused separately
		s.allPaused, s.afterOutage = false, false
		s.settle()
	}
	of := s.suspects[namespace]
	if s.allPaused { // the service was the cause, or many namespaces that fail: those have their own pauses
		for name, is := range s.suspects {
			if name == namespace || !is.since.Before(s.since) {
				is.since = time.Time{}
			}
			if is.since.IsZero() {
				resumed = append(resumed, name)
			}
		}
		s.blameAt, s.doubledAt = min(2*s.blameAt, lastThreshold), now
		s.allPaused, s.next = false, earlier(s.next, now)
		if of != nil {
			of.strikes, of.heard = 0, now
		}
		s.settle()
		return resumed
	}
	if of == nil {
		return nil
	}
	of.strikes, of.heard = 0, now
	if of.since.IsZero() {
		return nil
	}
	of.since, of.most, of.doubledAt = time.Time{}, min(2*of.most, lastThreshold), now
	s.next = earlier(s.next, now) // if the service works again, many namespaces need not wait for one probe each
	s.settle()
	return []string{namespace}
}

// forget drops namespaces without a call for a long time, unless they wait for a probe, and returns those whose pause
// ends with that.
func (s *suspicion) forget(waits func(namespace string) bool, now time.Time) (resumed []string) {
	if now.Sub(s.doubledAt) >= remembered {
		s.blameAt = blameThreshold
	}
	for namespace, of := range s.suspects {
		if now.Sub(of.doubledAt) >= remembered {
			of.most = firstThreshold
		}
		if now.Sub(of.heard) < remembered || !of.since.IsZero() && waits(namespace) {
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

// settle clears the remaining state of the pauses when the last one is over.
func (s *suspicion) settle() {
	for _, of := range s.suspects {
		if !of.since.IsZero() {
			return
		}
	}
	if len(s.suspects) == 0 || !s.allPaused {
		s.allPaused, s.afterOutage, s.last = false, false, nil
	}
}

// probe notes that a probe begins. The next one may begin after a time as long as the pauses have lasted so far, within
// bounds.
func (s *suspicion) probe(now time.Time) {
	s.next = now.Add(min(max(now.Sub(s.since), pauseLeast), probeSpacing))
}

// pausedSince is since when a namespace's calls have been paused; zero if they are not.
func (s *suspicion) pausedSince(namespace string) time.Time {
	if of := s.suspects[namespace]; of != nil && !of.since.IsZero() {
		return of.since
	}
	if s.allPaused {
		return s.since
	}
	return time.Time{}
}

// paused is how many namespaces are paused separately.
func (s *suspicion) paused() (n int) {
	for _, of := range s.suspects {
		if !of.since.IsZero() {
			n++
		}
	}
	return n
}
