package store_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/store"
)

// TestWhatIsKept: an object that was put into a store comes back as the API has it, without what decisions do not
// need.
func TestWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want := store.New(), map[types.NamespacedName]*v1alpha1.UserLogout{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			obj := logouts.Draw(t, "object")
			key := client.ObjectKeyFromObject(obj)
			if rapid.IntRange(0, 4).Draw(t, "deleted") == 0 {
				s.Delete(key)
				delete(want, key)
				continue
			}
			before := want[key]
			want[key] = bare(obj)
			if changed := s.Put(obj); changed == equality.Semantic.DeepEqual(before, want[key]) {
				t.Fatalf("%v: changed is %t\nfrom %+v\nto %+v", key, changed, before, want[key])
			}
		}
		compare(t, s, want)
	})
}

func compare(t *rapid.T, s *store.Store, want map[types.NamespacedName]*v1alpha1.UserLogout) {
	byName := func(a, b types.NamespacedName) int {
		return slices.Compare([]string{a.Namespace, a.Name}, []string{b.Namespace, b.Name})
	}
	same := func(what string, got []types.NamespacedName, is func(*v1alpha1.UserLogout) bool) {
		slices.SortFunc(got, byName)
		var wanted []types.NamespacedName
		for key, obj := range want {
			if is(obj) {
				wanted = append(wanted, key)
			}
		}
		if slices.SortFunc(wanted, byName); !slices.Equal(got, wanted) {
			t.Fatalf("%s: got %v, want %v", what, got, wanted)
		}
	}
	all := map[types.NamespacedName]*v1alpha1.UserLogout{}
	for obj := range s.All() {
		all[client.ObjectKeyFromObject(obj)] = obj.DeepCopy()
	}
	for key, obj := range want {
		if got := s.Get(key); !equality.Semantic.DeepEqual(got, obj) {
			t.Fatalf("got  %+v\nwant %+v", got, obj)
		}
		if got := all[key]; !equality.Semantic.DeepEqual(got, obj) {
			t.Fatalf("of all\ngot  %+v\nwant %+v", got, obj)
		}
	}
	if s.Len() != len(want) || len(all) != len(want) {
		t.Fatalf("%d objects, %d in all, want %d", s.Len(), len(all), len(want))
	}
	same("keys", s.Keys(), func(*v1alpha1.UserLogout) bool { return true })
	for _, name := range names {
		same("in namespace "+name, s.InNamespace(name),
			func(o *v1alpha1.UserLogout) bool { return o.Namespace == name })
		same(
			"of provider "+name,
			s.OfProvider(name),
			func(o *v1alpha1.UserLogout) bool { return o.Spec.ProviderRef.Name == name },
		)
	}
	if got := s.Get(types.NamespacedName{Namespace: "none", Name: "none"}); got != nil {
		t.Fatalf("got %+v, which nobody has put", got)
	}
}

// bare returns the object without the parts that are not kept.
func bare(obj *v1alpha1.UserLogout) *v1alpha1.UserLogout {
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:         obj.Namespace,
			Name:              obj.Name,
			UID:               obj.UID,
			ResourceVersion:   obj.ResourceVersion,
			Generation:        obj.Generation,
			CreationTimestamp: obj.CreationTimestamp,
			DeletionTimestamp: obj.DeletionTimestamp,
		},
		Spec:   obj.Spec,
		Status: obj.Status,
	}
}

var names = []string{"a", "b", "default", "offboard-jane"}

var (
	texts = rapid.OneOf(rapid.SampledFrom([]string{"", "Ready", "waits for its turn", "ß\x00 日本"}), rapid.String())
	times = rapid.Custom(func(t *rapid.T) metav1.Time {
		switch rapid.IntRange(0, 5).Draw(t, "kind of time") {
		case 0:
			return metav1.Time{}
		case 1: // as a tenant can write into notAfter
			return metav1.Unix(
				rapid.Int64Range(-30e9, 90e9).Draw(t, "second"),
				rapid.Int64Range(0, 999999999).Draw(t, "nanosecond"),
			)
		}
		return metav1.Unix(1.8e9+rapid.Int64Range(-5000, 5000).Draw(t, "second"), 0)
	})
	uids = rapid.OneOf(
		rapid.SampledFrom([]string{
			"",
			"sixteen letters.",
			"6BA7B810-9dad-11d1-80b4-00c04fd430c8",
			"6ba7b810-9dad-11d1-80b4-00c04fd430c8",
			"6ba7b8109-dad-11d1-80b4-00c04fd430c8",
		}),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringN(0, 40, 40),
	)
	versions = rapid.OneOf(
		rapid.SampledFrom([]string{"", "0", "007", "-1", "+1", "9223372036854775808"}),
		rapid.StringMatching(`[1-9][0-9]{0,18}`),
		rapid.String(),
	)
)

func pointer[T any](t *rapid.T, of *rapid.Generator[T], what string) *T {
	if rapid.Bool().Draw(t, "no "+what) {
		return nil
	}
	return ptr.To(of.Draw(t, what))
}

// set are the times that a pointer can point to: the store does not distinguish a pointer to a zero time from nil.
var set = times.Filter(func(t metav1.Time) bool { return !t.IsZero() })

var logouts = rapid.Custom(func(t *rapid.T) *v1alpha1.UserLogout {
	obj := &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: rapid.SampledFrom(names).Draw(t, "namespace"),
			Name:      rapid.SampledFrom(names).Draw(t, "name"),
			UID: types.UID(
				uids.Draw(t, "uid"),
			),
			ResourceVersion:   versions.Draw(t, "version"),
			Generation:        rapid.Int64().Draw(t, "generation"),
			CreationTimestamp: times.Draw(t, "created"),
			DeletionTimestamp: pointer(t, set, "deleted"),
			Labels: map[string]string{
				"team": "red",
			},
			Annotations: map[string]string{"note": "long"},
			Finalizers:  []string{"example.com/held"},
		},
		Spec: v1alpha1.UserLogoutSpec{
			AccountID: texts.Draw(t, "account"),
			UserID:    texts.Draw(t, "user"),
			ProviderRef: v1alpha1.ProviderReference{
				Kind: texts.Draw(t, "kind"),
				Name: rapid.SampledFrom(names).Draw(t, "provider"),
			},
			NotAfter:                pointer(t, set, "notAfter"),
			ActiveDeadlineSeconds:   rapid.Int32().Draw(t, "deadline"),
			Suspend:                 pointer(t, rapid.Bool(), "suspend"),
			TTLSecondsAfterFinished: pointer(t, rapid.Int32(), "ttl"),
		},
		Status: v1alpha1.UserLogoutStatus{
			ObservedGeneration:  rapid.Int64().Draw(t, "observed"),
			Attempts:            rapid.Int32().Draw(t, "attempts"),
			UnconfirmedAttempts: rapid.Int32().Draw(t, "unconfirmed"),
			StartTime: pointer(
				t,
				set,
				"start",
			),
			NextAttemptTime: pointer(t, set, "next"),
			CompletionTime:  pointer(t, set, "completed"),
		},
	}
	if rapid.Bool().Draw(t, "attempted") {
		obj.Status.LastAttempt = &v1alpha1.AttemptStatus{
			Time:           times.Draw(t, "last"),
			HTTPStatusCode: rapid.Int32().Draw(t, "code"),
			Code:           texts.Draw(t, "code"),
			Message:        texts.Draw(t, "message"),
			RequestID:      texts.Draw(t, "request"),
		}
	}
	for range rapid.IntRange(0, 4).Draw(t, "conditions") {
		obj.Status.Conditions = append(obj.Status.Conditions, metav1.Condition{
			Type: texts.Draw(
				t,
				"type",
			),
			Status: metav1.ConditionStatus(texts.Draw(t, "status")),
			Reason: texts.Draw(t, "reason"),
			Message: texts.Draw(
				t,
				"message",
			),
			ObservedGeneration: rapid.Int64().Draw(t, "observed"),
			LastTransitionTime: times.Draw(t, "since"),
		})
	}
	return obj
})

// waiting returns a typical object: it has failed once and waits for a slot.
func waiting(i int) *v1alpha1.UserLogout {
	now := metav1.Unix(1.8e9+int64(i/10), 0)
	condition := func(kind, reason, message string) metav1.Condition {
		return metav1.Condition{
			Type:               kind,
			Status:             metav1.ConditionFalse,
			Reason:             reason,
			Message:            message,
			ObservedGeneration: 1,
			LastTransitionTime: now,
		}
	}
	failure := "the service asks for fewer calls; waits for its turn to call"
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("team-%d", i%20),
			Name:      fmt.Sprintf("offboard-%08d", i),
			UID: types.UID(
				fmt.Sprintf("6ba7b810-9dad-11d1-80b4-%012x", i),
			),
			ResourceVersion:   fmt.Sprint(100000 + i),
			Generation:        1,
			CreationTimestamp: now,
		},
		Spec: v1alpha1.UserLogoutSpec{
			AccountID: "12a3456b-7c89-012d-3456-78901e23fg45",
			UserID:    fmt.Sprintf("1ab2345c-67de-8901-f23g-%012d", i),
			ProviderRef: v1alpha1.ProviderReference{
				Kind: "ClusterLogoutProvider",
				Name: "default",
			},
			ActiveDeadlineSeconds: 3600,
		},
		Status: v1alpha1.UserLogoutStatus{
			ObservedGeneration: 1,
			Attempts:           1,
			StartTime:          &now,
			NextAttemptTime:    &now,
			LastAttempt: &v1alpha1.AttemptStatus{
				Time:           now,
				HTTPStatusCode: 429,
				Code:           "ThrottledClientException",
				Message:        failure,
				RequestID:      fmt.Sprintf("7f2b45c1-67de-8901-f23e-%012x", i),
			},
			Conditions: []metav1.Condition{
				condition("Ready", "Throttled", failure),
				condition("Finished", "InProgress", "not finished yet"),
				condition("Reconciling", "Queued", failure),
			},
		},
	}
}

// TestSize: a waiting object takes no more memory than docs/performance.md says.
func TestSize(t *testing.T) {
	const n, most = 100_000, 350
	before := heap()
	s := store.New()
	for i := range n {
		s.Put(waiting(i))
	}
	each := (heap() - before) / n
	t.Logf("%d bytes an object", each)
	if each > most {
		t.Errorf("%d bytes an object, want at most %d", each, most)
	}
	if s.Len() != n {
		t.Errorf("%d objects, want %d", s.Len(), n)
	}
	for _, key := range s.Keys() {
		s.Delete(key)
	}
	if left := heap() - before; left > n*most/10 {
		t.Errorf("%d bytes are held for no object", left)
	}
	runtime.KeepAlive(s)
}

// heap returns the memory in use, in bytes, after everything without references is freed, including shared strings.
func heap() int64 {
	for range 4 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	s := store.New()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			s.Put(waiting(i % 50))
			s.Delete(client.ObjectKeyFromObject(waiting((i + 25) % 50)))
		}
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		for obj := range s.All() {
			if obj.Spec.ProviderRef.Name != "default" {
				t.Fatalf("got %+v", obj)
			}
		}
		s.Get(client.ObjectKeyFromObject(waiting(1)))
	}
}

// BenchmarkGet compares what an attempt reads with the deep copy that a cache of whole objects makes.
func BenchmarkGet(b *testing.B) {
	s, whole := store.New(), map[types.NamespacedName]*v1alpha1.UserLogout{}
	for i := range 10_000 {
		obj := waiting(i)
		s.Put(obj)
		whole[client.ObjectKeyFromObject(obj)] = obj
	}
	keys := s.Keys()
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Get(keys[i%len(keys)])
		}
	})
	b.Run("deep copy", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			whole[keys[i%len(keys)]].DeepCopy()
		}
	})
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Put(whole[keys[i%len(keys)]])
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			for range s.All() { // decoding the objects is the cost to measure
			}
		}
	})
}
