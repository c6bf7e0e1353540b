package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/parallel"
)

// population is the state of the tenant's UserLogouts, as seen by a watch: an event that must never happen in between
// cannot be seen at the end.
type population struct {
	mu      sync.Mutex
	members map[string]member
	changed chan struct{} // closed with the next change
}

// member is the last status of an object, and the times of its changes.
type member struct {
	reason   string
	attempts int
	// claimed and finished are when the watch reported the first claim and the end; zero before.
	claimed, finished time.Time
	// late is how often the object changed after its end.
	late int
}

// calling reports whether an attempt is in progress.
func (m member) calling() bool { return m.reason == v1alpha1.ReasonCalling }

// watchPopulation watches the tenant's objects until the test is over.
func watchPopulation(t *testing.T) *population {
	t.Helper()
	p := &population{members: map[string]member{}, changed: make(chan struct{})}
	objects, err := cache.New(cluster, cache.Options{Scheme: scheme,
		DefaultNamespaces: map[string]cache.Config{tenant: {}}})
	if err != nil {
		t.Fatal(err)
	}
	informer, err := objects.GetInformer(t.Context(), &v1alpha1.UserLogout{}, cache.BlockUntilSynced(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { p.see(obj.(*v1alpha1.UserLogout), true) },
		UpdateFunc: func(old, obj any) {
			was, is := old.(*v1alpha1.UserLogout), obj.(*v1alpha1.UserLogout)
			p.see(is, was.ResourceVersion != is.ResourceVersion)
		},
	}); err != nil {
		t.Fatal(err)
	}
	go func() { _ = objects.Start(t.Context()) }()
	if !objects.WaitForCacheSync(t.Context()) {
		t.Fatal("no watch of the tenant's objects")
	}
	return p
}

func (p *population) see(obj *v1alpha1.UserLogout, written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, m := time.Now(), p.members[obj.Name]
	if written && !m.finished.IsZero() {
		m.late++
	}
	m.attempts = int(obj.Status.Attempts)
	if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		m.reason = ready.Reason
	}
	if m.claimed.IsZero() && m.attempts > 0 {
		m.claimed = now
	}
	if m.finished.IsZero() && meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished) {
		m.finished = now
	}
	p.members[obj.Name] = m
	close(p.changed)
	p.changed = make(chan struct{})
}

// those returns the state of the named objects, and a channel that is closed with the next change of any object.
func (p *population) those(names []string) (map[string]member, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := make(map[string]member, len(names))
	for _, name := range names {
		found[name] = p.members[name]
	}
	return found, p.changed
}

// count returns how many of the named objects match.
func (p *population) count(names []string, so func(member) bool) (n int) {
	members, _ := p.those(names)
	for _, m := range members {
		if so(m) {
			n++
		}
	}
	return n
}

func finished(m member) bool { return !m.finished.IsZero() }
func claimed(m member) bool  { return !m.claimed.IsZero() }

// await waits until n of the named objects match.
func (p *population) await(t *testing.T, what string, names []string, n int, so func(member) bool) {
	t.Helper()
	timeout := time.After(await.Patience)
	for {
		_, changed := p.those(names)
		if p.count(names, so) >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			members, _ := p.those(names)
			reasons := map[string]int{}
			for _, m := range members {
				reasons[m.reason]++
			}
			t.Fatalf("waited for %s in vain: %d of %d; by the reason of Ready: %v", what, p.count(names, so), n,
				reasons)
		}
	}
}

// names returns n names for objects. Each is also the ID of the object's user, so that the journal shows whose call it
// was.
func names(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%s-%03d", prefix, i)
	}
	return all
}

// signIn signs in the users.
func (r *rig) signIn(t *testing.T, users []string) {
	t.Helper()
	each(t, users, func(user string) error { return r.service.signIn(t.Context(), user) })
}

// logOut creates the objects that log the users out.
func (r *rig) logOut(t *testing.T, users []string) {
	t.Helper()
	each(t, users, func(user string) error { return admin.Create(t.Context(), userLogout(user)) })
}

func userLogout(user string) *v1alpha1.UserLogout {
	return &v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: user},
		Spec:       v1alpha1.UserLogoutSpec{AccountID: account, UserID: user},
	}
}

func each(t *testing.T, names []string, do func(string) error) {
	t.Helper()
	if err := parallel.Do(t.Context(), len(names), func(_ context.Context, i int) error {
		return do(names[i])
	}); err != nil {
		t.Fatal(err)
	}
}
