package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
)

const (
	// keptOutcomes bounds how many outcomes are kept; each takes about 2 KiB.
	keptOutcomes = 5000
	// keptBackoff is the time until the first try to store a kept outcome; it
	// doubles with every try, up to backoffCap.
	keptBackoff = 30 * time.Second
)

// unstored keeps the outcomes of calls that were made and that the API server
// does not take, by object. Without it the claim of such an object would run
// out, and the user be logged out again every 30 seconds until the deadline: a
// refusal says nothing against the next claim, which is no larger and names no
// end. So while the process knows what came of a call, it makes no other one for
// the object, and tries now and then to store what it knows, without a worker
// that waits. It forgets that when it ends, so each restart or failover can
// repeat the call once; and beyond keptOutcomes it forgets one for each that is
// new.
type unstored struct {
	mu   sync.Mutex
	kept map[types.NamespacedName]keptOutcome
}

type keptOutcome struct {
	outcome
	tries int
	next  time.Time // no try before
}

// keep keeps an outcome that could not be stored at the time now, and returns
// when to retry.
func (u *unstored) keep(o outcome, now time.Time) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.kept == nil {
		u.kept = map[types.NamespacedName]keptOutcome{}
	}
	key := client.ObjectKeyFromObject(o.claim)
	k, known := u.kept[key]
	if !known && len(u.kept) >= keptOutcomes {
		for other := range u.kept {
			delete(u.kept, other)
			break
		}
	}
	delay := min(keptBackoff<<min(k.tries, 10), lifecycle.MaxBackoff)
	k = keptOutcome{outcome{slim(o.claim), o.before, o.status}, k.tries + 1, now.Add(delay)}
	u.kept[key] = k
	return k.next
}

// slim is a claim without what a tenant can make large.
func slim(claim *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	c := claim.DeepCopy()
	c.Labels, c.Annotations, c.ManagedFields, c.Finalizers, c.OwnerReferences = nil, nil, nil, nil, nil
	return c
}

// of returns the outcome that is kept for an object as the cache has it, if any.
// One that nobody wants any more is forgotten.
func (u *unstored) of(obj *v1alpha1.UserLogout, now time.Time) (keptOutcome, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	key := client.ObjectKeyFromObject(obj)
	k, ok := u.kept[key]
	if ok && !k.wanted(obj, now) {
		delete(u.kept, key)
		return keptOutcome{}, false
	}
	return k, ok
}

// wanted reports whether an outcome is still to be stored: not if the object is
// another one or somebody else has gone on with it, and not if the object ends
// now in any case. A cache that is behind has fewer attempts.
func (k keptOutcome) wanted(obj *v1alpha1.UserLogout, now time.Time) bool {
	claim := k.claim.Status
	switch {
	case obj.UID != k.claim.UID || obj.Status.Attempts > claim.Attempts:
		return false
	case obj.Status.Attempts == claim.Attempts && !obj.Status.NextAttemptTime.Equal(claim.NextAttemptTime):
		return false
	case k.status.CompletionTime == nil && (lifecycle.Expired(obj, now) || !obj.DeletionTimestamp.IsZero()):
		return false
	}
	return true
}

func (u *unstored) forget(key types.NamespacedName) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.kept, key)
}

// lastWrite is when the API server last took a status of a UserLogout.
type lastWrite struct {
	mu sync.Mutex
	at time.Time
}

func (w *lastWrite) note(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

func (w *lastWrite) after(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at.After(t)
}
