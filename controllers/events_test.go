package controllers

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/recorder"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

// TestFloodOfEvents: the events of one namespace's flood of expired objects neither fill the memory nor cost another
// namespace its events, and the API server accepts them. It is not parallel, because it measures the heap.
func TestFloodOfEvents(t *testing.T) {
	const flood, others, most = 10000, 20, 8 << 20
	var ended struct {
		await.State
		written, dropped int
		unanswered       map[string]int // by namespace; a request without an answer may have written its event
	}
	ended.unanswered = map[string]int{}
	counting := interceptor.NewClient(TestCluster, interceptor.Funcs{Create: func(
		ctx context.Context, c client.WithWatch, obj client.Object, o ...client.CreateOption,
	) error {
		err := c.Create(ctx, obj, o...)
		ended.Change(func() {
			switch {
			case err == nil || apierrors.IsAlreadyExists(err):
				ended.written++
			case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown, apierrors.IsTimeout(err):
				ended.unanswered[obj.GetNamespace()]++
			}
		})
		return err
	}})
	written := recorder.New(counting, "logout-operator", logr.Discard(), func() {
		ended.Change(func() { ended.dropped++ })
	})
	r := &userLogoutReconciler{recorder: written}
	expire := func(namespace string, i int) {
		name := fmt.Sprint("user-", i, "-")
		obj := object(func(obj *v1alpha1.UserLogout) {
			obj.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: name + strings.Repeat("x", 253-len(name)),
				UID: types.UID(fmt.Sprintf("12345678-1234-1234-1234-%012d", i)), ResourceVersion: fmt.Sprint(i + 1)}
			obj.Spec.NotAfter = &metav1.Time{Time: at(0)}
		})
		r.announce(obj, obj.Status, lifecycle.Decide(obj, time.Time{}, at(1)).Status)
	}
	names := map[string]string{}
	for _, which := range []string{"flood", "other"} {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "events-"}}
		if err := TestCluster.Create(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
		names[which] = namespace.Name
	}

	heap := func() int {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	before := heap()
	for i := range flood {
		expire(names["flood"], i)
		if i%(flood/others) == 0 {
			expire(names["other"], i)
		}
	}
	if grown := heap() - before; grown > most {
		t.Errorf("the live heap has grown by %d KiB", grown>>10)
	}
	written.Flush(t.Context())
	ended.Await(t, "all events", func() bool { return ended.written+ended.dropped >= flood+others })

	found := map[string]int{}
	for which, namespace := range names {
		var list eventsv1.EventList
		if err := TestCluster.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		found[which] = len(list.Items)
	}
	unanswered := ended.unanswered[names["flood"]] + ended.unanswered[names["other"]]
	if found["other"] < others-ended.unanswered[names["other"]] || ended.unanswered[names["other"]] > others/2 {
		t.Errorf("%d events of the other namespace, want %d; %v requests had no answer", found["other"], others,
			ended.unanswered)
	}
	if n := found["flood"] + found["other"]; n < ended.written || n > ended.written+unanswered ||
		unanswered > ended.written {
		t.Errorf("%d events, but %d requests succeeded, and %d had no answer", n, ended.written, unanswered)
	}
	if ended.dropped == 0 {
		t.Error("no event was dropped: the flood is too small")
	}
}
