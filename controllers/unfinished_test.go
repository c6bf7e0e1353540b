package controllers

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
)

// TestFollowedObjects checks that, whatever happens to objects, seen by a watch or missed until the next list, the
// operator knows their final state, and has woken each object whose state has changed.
func TestFollowedObjects(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := newQueue(t)
		wake := newWakeups()
		wake.begin(q)
		u, f := newUnfinishedObjects(wake), newFinishedObjects(wake)
		live := map[types.NamespacedName]*v1alpha1.UserLogout{} // what the API server has
		version, blind, woken := 0, true, map[string]bool{}
		list := func() {
			u.Restart()
			f.Restart()
			for _, obj := range live {
				handlerOf(u, f, obj).Apply(watch.Added, obj.DeepCopy())
			}
			u.Complete()
			f.Complete()
			blind = false
		}
		list()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				blind = true
			case 1:
				list()
			default:
				version++
				change(rt, u, f, live, version, blind, woken)
			}
		}
		list()
		for q.Len() > 0 {
			name := take(q)
			delete(woken, name)
		}
		if len(woken) > 0 {
			rt.Fatalf("changed and not woken: %v", slices.Sorted(maps.Keys(woken)))
		}
		verifyKnown(rt, u, f, live)
	})
}

// followed is the one method of follow.Handler that reports a change.
type followed interface {
	Apply(watch.EventType, *v1alpha1.UserLogout)
}

func handlerOf(u *unfinishedObjects, f *finishedObjects, obj *v1alpha1.UserLogout) followed {
	if obj.Status.CompletionTime != nil {
		return f
	}
	return u
}

// change creates, edits, finishes or deletes an object, and makes the watches report it unless they are blind.
func change(
	t *rapid.T,
	u *unfinishedObjects,
	f *finishedObjects,
	live map[types.NamespacedName]*v1alpha1.UserLogout,
	version int,
	blind bool,
	woken map[string]bool,
) {
	obj := object()
	obj.Name = rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
	key := client.ObjectKeyFromObject(obj)
	before := live[key]
	tell := func(kind watch.EventType, to followed, obj *v1alpha1.UserLogout) {
		if !blind {
			to.Apply(kind, obj.DeepCopy())
		}
	}
	after := obj
	after.UID, after.ResourceVersion = types.UID(fmt.Sprint(version)), fmt.Sprint(version)
	if before != nil {
		if rapid.IntRange(0, 3).Draw(t, "deleted") == 0 {
			delete(live, key)
			delete(woken, key.Name) // an object that was not known need not be woken
			tell(watch.Deleted, handlerOf(u, f, before), before)
			return
		}
		after = before.DeepCopy()
		after.ResourceVersion = fmt.Sprint(version)
		after.Generation += rapid.Int64Range(0, 1).Draw(t, "edited")
	}
	if rapid.Bool().Draw(t, "finishes") && after.Status.CompletionTime == nil {
		after.Status = refused(after, at(20))
	}
	live[key] = after
	if delete(woken, after.Name); after.Status.CompletionTime == nil || lifecycle.NeedsWork(after) {
		woken[after.Name] = true
	}
	switch {
	case before == nil:
		tell(watch.Added, handlerOf(u, f, after), after)
	case handlerOf(u, f, before) == handlerOf(u, f, after):
		tell(watch.Modified, handlerOf(u, f, after), after)
	default: // one watch no longer selects it, the other does now
		tell(watch.Deleted, handlerOf(u, f, before), after)
		tell(watch.Added, handlerOf(u, f, after), after)
	}
}

func verifyKnown(
	t *rapid.T,
	u *unfinishedObjects,
	f *finishedObjects,
	live map[types.NamespacedName]*v1alpha1.UserLogout,
) {
	unfinished, needing, counts := 0, 0, map[string]int{}
	for key, want := range live {
		got := u.Get(key)
		if want.Status.CompletionTime != nil {
			counts[finishedReason(want)]++
			if got != nil {
				t.Fatalf("%v has finished, and counts as unfinished", key)
			}
			if got = f.get(key); !lifecycle.NeedsWork(want) && got != nil {
				t.Fatalf("%v needs nothing, and is kept", key)
			} else if !lifecycle.NeedsWork(want) {
				continue
			}
			needing++
		} else {
			unfinished++
		}
		if got == nil || got.ResourceVersion != want.ResourceVersion || got.UID != want.UID ||
			got.Generation != want.Generation {
			t.Fatalf("known is %+v, want %+v", got, want)
		}
	}
	if u.Len() != unfinished || f.needing().Len() != needing ||
		f.count(v1alpha1.ReasonFailed) != counts[v1alpha1.ReasonFailed] {
		t.Fatalf(
			"%d unfinished, %d needing, %d failed, want %d, %d, %d",
			u.Len(),
			f.needing().Len(),
			f.count(v1alpha1.ReasonFailed),
			unfinished,
			needing,
			counts[v1alpha1.ReasonFailed],
		)
	}
	if !u.complete() {
		t.Fatal("not complete after a list")
	}
}
