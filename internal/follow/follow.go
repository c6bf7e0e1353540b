// Package follow follows UserLogouts like an informer, but with one object in memory at a time: it lists those that
// match a field selector, hands them over one by one, and watches for changes. A tenant decides how large an object
// is, so this package never holds a list in memory, not even a page of it.
package follow

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

const (
	// pageSize is the intended size of a page of a list, in bytes that the API server sends.
	pageSize = 4 << 20
	// firstPage and fullPage are the maximum number of objects in the first page and in any page.
	firstPage = 10
	fullPage  = 500
	// pageTimeout limits the reading of a page. The API server takes at most a minute to produce one.
	pageTimeout = 3 * time.Minute
	// watchTime is the minimum time until the API server ends a watch; the maximum is twice that.
	watchTime = 5 * time.Minute
	// watchSpacing is the minimum time between the beginnings of two watches.
	watchSpacing = time.Second
)

// Handler receives the followed objects, one call at a time.
type Handler interface {
	// Restart begins a list: at the start, and whenever the watch may have missed events.
	Restart()
	// Apply receives an object. The type is watch.Added for an object of the list or one that newly matches the
	// selector, watch.Modified, or watch.Deleted for one that is deleted or no longer matches. The handler may keep
	// the object.
	Apply(watch.EventType, *v1alpha1.UserLogout)
	// Complete ends a list: an object that has not been applied since Restart no longer exists.
	Complete()
}

// Follower follows UserLogouts.
type Follower struct {
	client   rest.Interface
	selector string
	handler  Handler
	// backoff is the backoff after lists that fail. After a complete list it starts anew.
	backoff utilwait.Backoff
}

// New returns a follower of the objects that match the selector.
func New(mgr ctrl.Manager, selector fields.Selector, handler Handler) (*Follower, error) {
	client, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("UserLogout"), true, false,
		mgr.GetConfig(), serializer.NewCodecFactory(mgr.GetScheme()), mgr.GetHTTPClient())
	return &Follower{
		client:   client,
		selector: selector.String(),
		handler:  handler,
		backoff: utilwait.Backoff{
			Duration: 500 * time.Millisecond,
			Factor:   2,
			Jitter:   0.5,
			Steps:    8,
			Cap:      30 * time.Second,
		},
	}, err
}

// Run follows until ctx is done.
func (f *Follower) Run(ctx context.Context) {
	log := ctrl.LoggerFrom(ctx).WithValues("selector", f.selector)
	for backoff := f.backoff; ctx.Err() == nil; {
		version, err := f.list(ctx)
		if err == nil {
			backoff = f.backoff
			err = f.watch(ctx, version)
		}
		if ctx.Err() != nil {
			return
		}
		log.Info("relisting UserLogouts", "cause", err.Error())
		select {
		case <-time.After(backoff.Step()):
		case <-ctx.Done():
		}
	}
}

// list lists all objects, page by page, and returns the resourceVersion to watch from.
func (f *Follower) list(ctx context.Context) (resourceVersion string, err error) {
	f.handler.Restart()
	for o := (metav1.ListOptions{Limit: firstPage}); ; {
		page, err := f.page(ctx, o)
		if err != nil {
			return "", err
		}
		if page.Continue == "" {
			f.handler.Complete()
			return page.ResourceVersion, nil
		}
		o = metav1.ListOptions{Continue: page.Continue, Limit: page.next()}
	}
}

// next returns how many objects the page after this one should have, if they have the same size.
func (p page) next() int64 {
	return min(max(pageSize*int64(p.objects)/max(p.bytes, 1), 1), fullPage)
}

// page reads one page and hands over its objects.
func (f *Follower) page(ctx context.Context, o metav1.ListOptions) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	body, err := f.request(o).Stream(ctx)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = body.Close() }() // reading only
	return readPage(body, func(r *received) { f.apply(ctx, watch.Added, r) })
}

// errWentBack is the reason to list anew, instead of watching from a version that the API server does not have yet.
var errWentBack = errors.New("the API server went back to an earlier resourceVersion: was etcd restored from a backup?")

// watch receives events from one watch after another. It returns the reason when it may have missed events.
func (f *Follower) watch(ctx context.Context, version string) error {
	for resumed := false; ; resumed = true {
		next := time.After(watchSpacing)
		var err error
		if resumed {
			err = f.lookBack(ctx, version)
		}
		if err == nil {
			err = f.stream(ctx, &version)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errWentBack), apierrors.IsResourceExpired(err), apierrors.IsGone(err),
			apierrors.IsBadRequest(err): // for example, because the field is no longer selectable
			return err
		case err != nil:
			ctrl.LoggerFrom(ctx).V(1).Info("the watch of UserLogouts ended, resuming", "cause", err.Error())
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// lookBack checks that the API server has not gone back to before a version. The API server does not report that: a
// watch from a future version shows nothing until that version.
func (f *Follower) lookBack(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	body, err := f.request(metav1.ListOptions{Limit: 1}).Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // reading only
	now, err := readPage(body, func(*received) {})
	if err != nil {
		return err
	}
	if order, err := resourceversion.CompareResourceVersion(now.ResourceVersion, version); err != nil || order < 0 {
		return errWentBack
	}
	return nil
}

// event is an event of a watch.
type event struct {
	Type   watch.EventType `json:"type"`
	Object json.RawMessage `json:"object"`
}

// stream receives the events of one watch from a version, and sets version to the last one it has seen. The end of
// the watch is not an error.
func (f *Follower) stream(ctx context.Context, version *string) error {
	body, err := f.request(metav1.ListOptions{
		Watch: true, AllowWatchBookmarks: true, ResourceVersion: *version,
		TimeoutSeconds: ptr.To(int64(watchTime.Seconds() * (1 + rand.Float64()))), //nolint:gosec // no secret
	}).Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // reading only
	for d := json.NewDecoder(body); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if e.Type == watch.Error {
			status := &apierrors.StatusError{}
			return errors.Join(json.Unmarshal(e.Object, &status.ErrStatus), status)
		}
		var r received
		if err := json.Unmarshal(e.Object, &r); err != nil {
			return err
		}
		if e.Type != watch.Bookmark {
			f.apply(ctx, e.Type, &r)
		}
		*version = r.Metadata.ResourceVersion
	}
}

// apply hands over an object. If it cannot read the object, which a CRD of this operator would not let anybody write,
// it logs an error and treats the object as deleted, so that it can read the others.
func (f *Follower) apply(ctx context.Context, kind watch.EventType, r *received) {
	obj, err := r.object()
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err,
			"skipping a UserLogout that cannot be decoded: fix or delete it, and install the CRD of this version",
			"namespace", obj.Namespace, "name", obj.Name)
		kind = watch.Deleted
	}
	f.handler.Apply(kind, obj)
}

// request returns a request for the selected objects of all namespaces.
func (f *Follower) request(o metav1.ListOptions) *rest.Request {
	o.FieldSelector = f.selector
	return f.client.Get().Resource(
		"userlogouts",
	).SpecificallyVersionedParams(
		&o,
		metav1.ParameterCodec,
		schema.GroupVersion{Version: "v1"},
	)
}
