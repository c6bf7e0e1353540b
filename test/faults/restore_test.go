package faults

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// restoredObjects are the kinds of objects in a copy of etcd's data. They finish after the copy is made, and are
// unfinished again when it is restored.
var restoredObjects = []struct {
	what string
	edit func(obj *v1alpha1.UserLogout, soon time.Time)
	late bool // the deadline passes after the copy is restored, before the Secret exists again
}{
	{"repeats of objects within their deadline", func(*v1alpha1.UserLogout, time.Time) {}, false},
	{"repeats of objects past their deadline", func(obj *v1alpha1.UserLogout, soon time.Time) {
		obj.Spec.ActiveDeadlineSeconds = int32(time.Until(soon) / time.Second)
	}, true},
	{"repeats of objects past notAfter", func(obj *v1alpha1.UserLogout, soon time.Time) {
		obj.Spec.NotAfter = &metav1.Time{Time: soon}
	}, true},
	{"repeats of objects before notAfter", func(obj *v1alpha1.UserLogout, soon time.Time) {
		obj.Spec.NotAfter = &metav1.Time{Time: soon.Add(time.Hour)}
	}, false},
}

// TestRestore: after a restore of etcd from an older copy, only objects that are younger than their deadline can be
// repeated, whether the operator restarts, as every client should after a restore, or keeps running. The objects wait
// for a Secret when the copy is made, and so again when it is restored.
func TestRestore(t *testing.T) {
	if !suite.Full() {
		t.Skip("only with -full: it takes as long as the deadlines are, half a minute each time")
	}
	on := ownCluster(t)
	for _, tc := range []struct {
		name string
		anew bool
	}{{"operator started anew", true}, {"operator lives on", false}} {
		t.Run(tc.name, func(t *testing.T) {
			o := start(t, on, binary)
			before := newEndpoint(t, on)
			before.sign(t, validKeys[0])
			finished := before.create(t, restoredEach)
			before.verify(t, finished...)

			e := newNamedEndpoint(t, on, "waiting")
			soon := time.Now().Add(restoredWithin).Truncate(time.Second)
			groups := e.createRestored(t, soon)
			backup := filepath.Join(t.TempDir(), "etcd")
			on.offline(t, func() error { return os.CopyFS(backup, os.DirFS(on.DataDir())) })
			e.sign(t, validKeys[0])
			for _, group := range groups {
				figures.AtMost(t, "repeats while the API server was down", e.verify(t, group...), 0, true)
			}
			if time.Now().After(soon) {
				t.Fatal("too slow: the deadlines have passed before the copy is put back")
			}

			if tc.anew {
				o.Kill()
			}
			on.offline(t, func() error {
				if err := os.RemoveAll(on.DataDir()); err != nil {
					return err
				}
				return os.Rename(backup, on.DataDir())
			})
			back := time.Now()
			if tc.anew {
				start(t, on, binary)
			}
			await.Receive(t, time.After(time.Until(soon.Add(time.Second))), "the deadlines")
			e.sign(t, validKeys[0])
			for i, r := range restoredObjects {
				repeats := 0
				for _, obj := range groups[i] {
					switch {
					case !r.late:
						repeats += e.verify(t, obj)
					case tc.anew:
						e.expectLate(t, obj, 1)
					default:
						repeats += e.verifyLate(t, obj, soon)
					}
				}
				most := restoredEach
				if r.late {
					most = 0
				}
				figures.AtMost(t, r.what, repeats, most, true)
			}
			figures.AtMost(t, "repeats of objects that had finished before the copy", before.verify(t, finished...),
				0, true)
			figures.Note(t, "time until all had finished once it was back", time.Since(back))
		})
	}
}

const (
	// restoredEach is the number of objects of each kind.
	restoredEach = 5
	// restoredWithin is the longest time to make the copy, let the objects finish and restore the copy.
	restoredWithin = 35 * time.Second
)

// createRestored creates the objects, and returns when they wait for a Secret.
func (e *endpoint) createRestored(t *testing.T, soon time.Time) (groups [][]*v1alpha1.UserLogout) {
	t.Helper()
	for _, r := range restoredObjects {
		var group []*v1alpha1.UserLogout
		for range restoredEach {
			obj := e.next()
			r.edit(obj, soon)
			group = append(group, e.created(t, obj))
		}
		groups = append(groups, group)
	}
	for _, group := range groups {
		for _, obj := range group {
			e.awaitStatus(t, obj, "what it waits for", func(s v1alpha1.UserLogoutStatus) bool {
				return readyOf(s).Reason == v1alpha1.ReasonProviderNotReady
			})
		}
	}
	return groups
}

// verifyLate waits until an object has finished and returns how many calls came after its deadline. An operator that
// kept running may repeat a call before the deadline, because its cache keeps the Secret for a moment longer than etcd.
func (e *endpoint) verifyLate(t *testing.T, obj *v1alpha1.UserLogout, deadline time.Time) (repeats int) {
	t.Helper()
	e.awaitFinished(t, obj)
	if e.Calls(account, obj.Spec.UserID) == 1 {
		e.expectLate(t, obj, 1)
	}
	for _, call := range e.Journal() {
		if call.UserID == obj.Spec.UserID && call.Time.After(deadline) {
			repeats++
		}
	}
	return repeats
}

// ownCluster is a control plane that ends with the test, with the operator installed and the namespace of all objects.
func ownCluster(t *testing.T) cluster {
	t.Helper()
	own, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := operatortest.Install(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	its, err := client.NewWithWatch(own.Config, client.Options{Scheme: admin.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	on := cluster{own, its, apiproxy.New(t, own.Config)}
	on.apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+tenant+"}}")
	return on
}

// offline runs f while the control plane is halted. It first cuts off the operators, because the API server waits for
// its watches to end.
func (c cluster) offline(t *testing.T, f func() error) {
	t.Helper()
	c.proxy.Cut()
	defer c.proxy.Restore()
	for _, step := range []func() error{c.Halt, f, c.Resume} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}
