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
	// keptBackoff is the time until the first retry of storing a kept outcome. It doubles with every try, up to
	// lifecycle.MaxBackoff.
	keptBackoff = 30 * time.Second
)

// unstored keeps, for each object, the outcome of a call that the API server refuses to store. Without it, the claim of
// such an object would run out, and the user would be logged out again after each visibility timeout (30 s by default)
// until the deadline: the API server may accept the next claim, which is no larger and does not end the object. So
// while the process knows the outcome of a call, it makes no other call for the object, and retries to store the
// outcome now and then, without blocking a worker. The process loses what is kept when it ends, so each restart or
// failover can repeat the call once. Beyond keptOutcomes, each new outcome replaces another one.
type unstored struct {
	mu   sync.Mutex
	kept map[types.NamespacedName]keptOutcome
}

type keptOutcome struct {
	outcome
	tries int
	next  time.Time // no try before this time
}

// keep keeps an outcome that could not be stored at the time now, and returns when to retry.
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

// slim returns a claim without the metadata that a tenant can make large.
func slim(claim *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	c := claim.DeepCopy()
	c.Labels, c.Annotations, c.ManagedFields, c.Finalizers, c.OwnerReferences = nil, nil, nil, nil, nil
	return c
}

// of returns the outcome that is kept for an object as the cache has it, if any. It drops an outcome that is no longer
// wanted.
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

// wanted reports whether an outcome still has to be stored. It need not be stored if the object was re-created, if
// somebody else has continued with it, or if the object ends now in any case. If the cache is behind, the object has
// fewer attempts than the claim.
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

// lastWrite holds when the API server last took a status of a UserLogout.
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
