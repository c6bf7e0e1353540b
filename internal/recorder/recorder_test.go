package recorder

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// server stands in for the API server. The tests of package controllers have a real one.
type server struct {
	client.Client
	answer func(context.Context, *eventsv1.Event) error

	mu                   sync.Mutex
	written              []string // namespaces, in order
	dropped              int
	inFlight, mostAtOnce int
}

func (s *server) Scheme() *kruntime.Scheme { return scheme.Scheme }

func (s *server) Create(ctx context.Context, obj client.Object, _ ...client.CreateOption) error {
	s.mu.Lock()
	s.inFlight++
	s.mostAtOnce = max(s.mostAtOnce, s.inFlight)
	s.mu.Unlock()
	err := s.answer(ctx, obj.(*eventsv1.Event))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	if err == nil {
		s.written = append(s.written, obj.GetNamespace())
	}
	return err
}

func (s *server) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
}

// writes returns the namespaces of the events that were written, in order.
func (s *server) writes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.written)
}

// held returns what a recorder holds.
func held(r *Recorder) (events, namespaces, running int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting, max(len(r.queues), len(r.turns)), r.running
}

// check checks that every event was either written or counted as dropped.
func (s *server) check(t *testing.T, emitted int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.written)+s.dropped != emitted {
		t.Errorf("%d events: %d are written, %d dropped", emitted, len(s.written), s.dropped)
	}
	if s.mostAtOnce > writers {
		t.Errorf("%d requests at a time", s.mostAtOnce)
	}
}

func hang(ctx context.Context, _ *eventsv1.Event) error {
	<-ctx.Done()
	return ctx.Err()
}

// slowly takes longer than most requests do, in virtual time.
func slowly(context.Context, *eventsv1.Event) error {
	<-time.After(20 * time.Millisecond)
	return nil
}

func atOnce(context.Context, *eventsv1.Event) error { return nil }

func newRecorder(answer func(context.Context, *eventsv1.Event) error) (*Recorder, *server) {
	s := &server{answer: answer}
	return New(s, "logout-operator", logr.Discard(), s.drop), s
}

// object is about as large as the names of an object can be.
func object(namespace string, i int) client.Object {
	name := fmt.Sprint("logout-", i, "-")
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace,
		Name: name + strings.Repeat("x", validation.DNS1123SubdomainMaxLength-len(name)),
		UID:  types.UID(fmt.Sprintf("12345678-1234-1234-1234-%012d", i)), ResourceVersion: fmt.Sprint(i)}}
}

func emit(r *Recorder, obj client.Object) {
	r.Eventf(obj, nil, corev1.EventTypeWarning, "Throttled", "LogOut", "%s", strings.Repeat("n", maxNote))
}

// liveHeap returns the bytes that are in use.
func liveHeap() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// TestFlood: while one namespace has far more events than can be written, memory, requests and rate keep their bounds,
// and no other namespace loses an event.
func TestFlood(t *testing.T) {
	for name, answer := range map[string]func(context.Context, *eventsv1.Event) error{
		"hangs": hang, "slow": slowly, "fast": atOnce,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const seconds, flood, others = 20, 1500, 20
				r, s := newRecorder(answer)
				before, most := liveHeap(), 0
				for i := range seconds {
					for j := range flood {
						emit(r, object("flood", i*flood+j))
					}
					for j := range others {
						emit(r, object(fmt.Sprint("other-", j), i))
					}
					if events, namespaces, running := held(r); events > capacity || namespaces > others+1 ||
						running > writers {
						t.Fatalf("%d events of %d namespaces, %d writers", events, namespaces, running)
					}
					if i%10 == 0 {
						most = max(most, liveHeap()-before)
					}
					<-time.After(time.Second)
				}
				if n := len(s.writes()); n > (seconds+1)*perSecond {
					t.Errorf("%d events were written in %d s", n, seconds)
				}
				if most > 6<<20 {
					t.Errorf("the live heap grew by %d KiB", most>>10)
				}
				<-time.After(time.Hour)
				synctest.Wait()
				s.check(t, seconds*(flood+others))
				rest := slices.DeleteFunc(s.writes(), func(namespace string) bool { return namespace == "flood" })
				if len(rest) != seconds*others && name != "hangs" {
					t.Errorf("%d events of the other namespaces were written, of %d", len(rest), seconds*others)
				}
				if events, namespaces, running := held(r); events+namespaces+running > 0 {
					t.Errorf("kept: %d events of %d namespaces, %d writers", events, namespaces, running)
				}
			})
		})
	}
}

// TestManyNamespaces: a flood from many namespaces is bounded, too.
func TestManyNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRecorder(slowly)
		for i := range 10 * capacity {
			emit(r, object(fmt.Sprint("tenant-", i%(2*capacity)), i))
		}
		if events, namespaces, _ := held(r); events > capacity || namespaces > capacity {
			t.Errorf("%d events of %d namespaces wait", events, namespaces)
		}
		<-time.After(time.Hour)
		synctest.Wait()
		s.check(t, 10*capacity)
	})
}

// TestMassLogout: no event is lost while a hundred logouts a second of one namespace fail once and then succeed.
func TestMassLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRecorder(slowly)
		const logouts = 10000
		for i := range logouts {
			emit(r, object("security", i))
			emit(r, object("security", logouts+i))
			<-time.After(time.Second / 100)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if s.check(t, 2*logouts); s.dropped > 0 {
			t.Errorf("%d events were dropped", s.dropped)
		}
	})
}

// TestTurns: an event does not wait for those of another namespace.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRecorder(slowly)
		for i := range capacity / 4 {
			emit(r, object("flood", i))
		}
		emit(r, object("other", 0))
		<-time.After(time.Minute)
		synctest.Wait()
		if at := slices.Index(s.writes(), "other"); at > 2*writers {
			t.Errorf("it was written after %d others", at)
		}
	})
}

// TestFlush: the events that wait are written at once, or given up after a short time.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = capacity / 2
		r, s := newRecorder(func(ctx context.Context, _ *eventsv1.Event) error {
			<-time.After(5 * time.Millisecond)
			return ctx.Err()
		})
		r.Flush(t.Context()) // nothing waits
		for i := range n {
			emit(r, object("security", i))
		}
		began := time.Now()
		r.Flush(t.Context())
		if took := time.Since(began); len(s.writes()) != n || took >= flushTimeout {
			t.Errorf("%d events were written in %s", len(s.writes()), took)
		}

		r, s = newRecorder(hang)
		emit(r, object("security", 0))
		began = time.Now()
		r.Flush(t.Context())
		if took := time.Since(began); took != flushTimeout {
			t.Errorf("flush took %s", took)
		}
		<-time.After(requestTimeout)
		synctest.Wait()
		s.check(t, 1)
	})
}

// TestEvent: an event says which object it is about, and only its repeat has the same name.
func TestEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []*eventsv1.Event
		r, s := newRecorder(func(_ context.Context, e *eventsv1.Event) error {
			got = append(got, e)
			for _, before := range got[:len(got)-1] {
				if before.Name == e.Name {
					return apierrors.NewAlreadyExists(schema.GroupResource{}, e.Name)
				}
			}
			return nil
		})
		write := func(obj client.Object, reason string) *eventsv1.Event {
			r.Eventf(obj, nil, corev1.EventTypeWarning, reason, "LogOut", "%s%%", strings.Repeat("n", 2*maxNote))
			synctest.Wait()
			return got[len(got)-1]
		}
		obj := object("security", 1)
		obj.SetName("jane")
		first := write(obj, "Throttled")
		want := corev1.ObjectReference{Kind: "ConfigMap", APIVersion: "v1", Namespace: "security", Name: "jane",
			UID: obj.GetUID(), ResourceVersion: "1"}
		if first.Regarding != want || first.Namespace != "security" || len(first.Note) > maxNote ||
			first.ReportingController != "logout-operator" || first.EventTime.IsZero() ||
			!strings.HasPrefix(first.ReportingInstance, "logout-operator-") || !strings.HasPrefix(first.Name, "jane.") {
			t.Errorf("%+v", first)
		}
		if repeat := write(obj, "Throttled"); repeat.Name != first.Name {
			t.Errorf("a repeat is named %s, not %s", repeat.Name, first.Name)
		}
		obj.SetResourceVersion("2")
		if other := write(obj, "Throttled"); other.Name == first.Name {
			t.Error("an event about a later version has the same name")
		}
		obj.SetResourceVersion("1")
		if other := write(obj, "NotFound"); other.Name == first.Name {
			t.Error("an event with another reason has the same name")
		}
		long := write(object("security", 3), "Throttled")
		if problems := validation.IsDNS1123Subdomain(long.Name); len(problems) > 0 {
			t.Error(problems)
		}
		cluster := write(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}, "Throttled")
		if cluster.Namespace != metav1.NamespaceDefault || cluster.Regarding.Namespace != "" {
			t.Errorf("%+v", cluster)
		}
		if s.dropped > 0 {
			t.Errorf("%d dropped", s.dropped)
		}
		r.Eventf(&unknown{}, nil, corev1.EventTypeWarning, "Throttled", "LogOut", "")
		if s.dropped != 1 {
			t.Error("the event about an unknown kind is not counted")
		}
		refusing, refused := newRecorder(func(context.Context, *eventsv1.Event) error { return errors.New("no") })
		emit(refusing, obj)
		synctest.Wait()
		if refused.dropped != 1 {
			t.Error("the refused event is not counted")
		}
	})
}

// unknown is of a kind that the scheme does not have.
type unknown struct{ corev1.ConfigMap }

// BenchmarkEvent measures an event without its request.
func BenchmarkEvent(b *testing.B) {
	r, _ := newRecorder(atOnce)
	obj := object("security", 1)
	b.ReportAllocs()
	for b.Loop() {
		emit(r, obj)
		r.Flush(b.Context())
	}
}
