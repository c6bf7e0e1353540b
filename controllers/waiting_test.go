package controllers

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// waitingRoom holds objects that wait at a gate, without an API server. Whenever the gate calls one up, the rules
// decide about it.
type waitingRoom struct {
	gates    *gate.Gates
	provider gate.Settings
	answer   *logout.Error // the answer to each probe
	objects  map[types.NamespacedName]*v1alpha1.UserLogout
	looks    map[types.NamespacedName]int
	ended    map[types.NamespacedName]time.Duration // counted from its creation
}

func (w *waitingRoom) look(key types.NamespacedName, _ bool) {
	obj, now := w.objects[key], time.Now()
	if obj == nil || lifecycle.Finished(obj) {
		return
	}
	w.looks[key]++
	d := lifecycle.Decide(obj, time.Time{}, now)
	if d.Do == lifecycle.Attempt {
		slot, wait := w.gates.Enter(w.provider, applicantOf(obj))
		if slot != nil {
			slot.Report(w.answer)
			slot.Release()
			return
		}
		d = lifecycle.DecideQueued(obj, queueOf(wait), now)
	}
	if d.Do == lifecycle.Write {
		obj.Status = d.Status
	}
	if lifecycle.Finished(obj) {
		w.ended[key] = now.Sub(obj.CreationTimestamp.Time)
		w.gates.Leave(key)
	}
}

// TestWaitingIsLookedAtSeldom checks that objects that wait in an endless pause are looked at only a few times, however
// many they are, and end after their activeDeadlineSeconds: the gate and the reconciler count from the same moment.
func TestWaitingIsLookedAtSeldom(t *testing.T) {
	for _, n := range []int{1, 100, 2000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := &logout.Error{Reason: logout.ServiceUnavailable, ProviderWide: true,
					RetryAfter: 5 * time.Minute, Message: "down"}
				w := &waitingRoom{gates: gate.New(50), answer: down,
					objects: map[types.NamespacedName]*v1alpha1.UserLogout{},
					provider: gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 10, Burst: 5},
						Client: new(service)},
					looks: map[types.NamespacedName]int{}, ended: map[types.NamespacedName]time.Duration{}}
				for i := range n {
					obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: fmt.Sprint(i),
						CreationTimestamp: metav1.Now()}}
					obj.Spec.AccountID, obj.Spec.UserID = "a", "u"
					key := client.ObjectKeyFromObject(obj)
					w.objects[key] = obj
					w.look(key, false)
				}
				go w.gates.CallUp(t.Context(), w.look)
				<-time.After(2 * time.Hour)
				synctest.Wait()
				probed := 2 * 60 / 5
				if len(w.ended) < n-probed {
					t.Errorf("%d of %d have ended", len(w.ended), n)
				}
				for key, after := range w.ended {
					if after < time.Hour-time.Second || after > time.Hour+5*time.Second || w.looks[key] > 5 {
						t.Fatalf("%s ended after %s and %d looks", key, after, w.looks[key])
					}
				}
			})
		})
	}
}
