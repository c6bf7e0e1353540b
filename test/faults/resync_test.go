package faults

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/figures"
)

// resyncs are reasons for an operator to look at all objects once more: it has no interval for that, so it is started again. There is
// no other version of it yet; one would bring a CRD with more fields, and other flags.
var resyncs = []struct {
	name, crd string // a JSON patch of the CRD; empty for none
	flags     []string
}{
	{"started again", "", nil},
	{"upgraded", `[{"op": "add", "path": "` + laterField + `", "value": {"type": "string"}}]`, []string{"--workers=20", "--call-timeout=1s"}},
	{"downgraded", `[{"op": "remove", "path": "` + laterField + `"}]`, nil},
}

const laterField = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/later"

// TestResync: nothing happens to finished objects when an operator looks at all of them again.
func TestResync(t *testing.T) {
	n := 500
	if *full {
		n = 5000
	}
	e := newEndpoint(t, common())
	e.sign(t, validKeys[0])
	o := start(t, common(), binary, "--workers=50")
	objects := e.createMany(t, n)
	var marks []*v1alpha1.UserLogout
	for i := range resyncs { // the last to be read of all, as they come in the order of their names
		mark := e.next()
		mark.Name = fmt.Sprintf("zz-%s-%d", e.provider, i)
		marks = append(marks, e.created(t, mark))
	}
	awaitAllFinished(t)
	e.verify(t, marks...)
	writes, calls := e.writes(t, objects), e.Calls("", "")

	for i, r := range resyncs {
		o.terminate(t)
		if code := o.exitCode(t); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		if r.crd != "" {
			crd := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
				ObjectMeta: metav1.ObjectMeta{Name: "userlogouts.logout-operator.io"}}
			if err := admin.Patch(t.Context(), crd, client.RawPatch(types.JSONPatchType, []byte(r.crd))); err != nil {
				t.Fatal(err)
			}
		}
		outlived := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"ttlSecondsAfterFinished": 0}}`))
		if err := admin.Patch(t.Context(), marks[i], outlived); err != nil {
			t.Fatal(err)
		}
		o = start(t, common(), binary, r.flags...)
		awaitDeleted(t, marks[i])
		figures.AtMost(t, fmt.Sprintf("calls, %s over %d finished objects", r.name, n), e.Calls("", "")-calls, 0, true)
		figures.AtMost(t, fmt.Sprintf("writes, %s over %d finished objects", r.name, n), e.writes(t, objects)-writes, 0, true)
	}
	e.verify(t, objects[0], objects[n/2], objects[n-1])
}

// createMany creates objects by several clients at a time.
func (e *endpoint) createMany(t *testing.T, n int) []*v1alpha1.UserLogout {
	t.Helper()
	objects := make([]*v1alpha1.UserLogout, n)
	var clients errgroup.Group
	clients.SetLimit(10)
	for i := range objects {
		objects[i] = e.next()
		clients.Go(func() error { return e.on.admin.Create(t.Context(), objects[i]) })
	}
	if err := clients.Wait(); err != nil {
		t.Fatal(err)
	}
	return objects
}

// awaitAllFinished returns when no object is unfinished any more. There is no event for that, so it looks until it is so.
func awaitAllFinished(t *testing.T) {
	t.Helper()
	ticks, end := time.NewTicker(200*time.Millisecond), time.After(longPatience)
	defer ticks.Stop()
	for {
		var left v1alpha1.UserLogoutList
		if err := admin.List(t.Context(), &left, client.MatchingFields{"status.completionTime": ""}, client.Limit(1)); err != nil {
			t.Fatal(err)
		}
		if len(left.Items) == 0 {
			return
		}
		select {
		case <-ticks.C:
		case <-end:
			t.Fatalf("%s has not finished", left.Items[0].Name)
		}
	}
}

// writes of the operator to the objects so far, as the API server counts them.
func (e *endpoint) writes(t *testing.T, objects []*v1alpha1.UserLogout) (n int) {
	t.Helper()
	for _, obj := range objects {
		n += audit.of(t, obj.Name).writes
	}
	return n
}
