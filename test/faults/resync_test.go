package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// resyncs are reasons for an operator to look at all objects again. It does so only when it starts, so the test
// restarts it. There is no later version of the operator yet; one would bring a CRD with more fields, and other flags.
var resyncs = []struct {
	name, crd string // crd is a JSON patch of the CRD; empty for none
	flags     []string
}{
	{"started again", "", nil},
	{"upgraded", `[{"op": "add", "path": "` + laterField + `", "value": {"type": "string"}}]`,
		[]string{"--workers=20", "--call-timeout=1s"}},
	{"downgraded", `[{"op": "remove", "path": "` + laterField + `"}]`, nil},
}

const laterField = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/later"

// TestResync: finished objects do not change when an operator looks at all of them again.
func TestResync(t *testing.T) {
	n := 500
	if suite.Full() {
		n = 5000
	}
	e := newEndpoint(t, common())
	e.sign(t, validKeys[0])
	o := start(t, common(), binary, "--workers=50")
	objects := e.createMany(t, n)
	var marks []*v1alpha1.UserLogout
	for i := range resyncs { // the last to be read, because they come in the order of their names
		mark := e.next()
		mark.Name = fmt.Sprintf("zz-%s-%d", e.provider, i)
		marks = append(marks, e.created(t, mark))
	}
	awaitAll(t, objects)
	e.verify(t, marks...)
	o.Stop(t)
	// Count writes only from now on: an operator whose watch is late tries to claim finished objects, without success.
	// Compare the times of the writes, because the audit log may be late, too.
	stopped, calls := time.Now(), e.Calls("", "")

	for i, r := range resyncs {
		if r.crd != "" {
			crd := &metav1.PartialObjectMetadata{
				TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
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
		await.Gone(t, admin, marks[i])
		figures.AtMost(t, fmt.Sprintf("calls, %s over %d finished objects", r.name, n), e.Calls("", "")-calls, 0, true)
		o.Stop(t) // it ends the attempts that it has begun
		figures.AtMost(t, fmt.Sprintf("writes, %s over %d finished objects", r.name, n), e.writes(t, objects, stopped),
			0, true)
	}
	e.verify(t, objects[0], objects[n/2], objects[n-1])
}

// createMany creates objects with several clients at a time.
func (e *endpoint) createMany(t *testing.T, n int) []*v1alpha1.UserLogout {
	t.Helper()
	objects := make([]*v1alpha1.UserLogout, n)
	for i := range objects {
		objects[i] = e.next()
	}
	if err := parallel.Do(t.Context(), n, func(ctx context.Context, i int) error {
		return e.on.admin.Create(ctx, objects[i])
	}); err != nil {
		t.Fatal(err)
	}
	return objects
}

// writes is how many of the objects the operator has written to since a moment, according to the API server.
func (e *endpoint) writes(t *testing.T, objects []*v1alpha1.UserLogout, since time.Time) (n int) {
	t.Helper()
	for _, obj := range objects {
		if r := audit.of(t, obj.Name); r.writes > 0 && r.lastWrite.After(since) {
			n++
		}
	}
	return n
}
