// Package follow follows UserLogouts as an informer does, with one object in memory at a time: it lists those that a
// field selector selects, hands them over one by one, and watches what becomes of them. A tenant decides how large an
// object is, so a list of them is never held, not even a page of it.
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
	// pageSize in bytes is what a page of a list is to have, of what the API server sends.
	pageSize = 4 << 20
	// firstPage and fullPage are how many objects the first page and any page has at most.
	firstPage = 10
	fullPage  = 500
	// pageTimeout bounds the reading of a page; the API server takes a minute at most to make one.
	pageTimeout = 3 * time.Minute
	// watchTime is how long a watch lasts at least before the API server ends it, and twice that at most.
	watchTime = 5 * time.Minute
	// watchSpacing is how long after the beginning of a watch the next begins at the earliest.
	watchSpacing = time.Second
)

// Handler takes in what is followed, one call at a time.
type Handler interface {
	// Restart begins a list: at first, and whenever it is not known what the watch has missed.
	Restart()
	// Apply takes in an object: watch.Added for one of the list or one that is new among those selected, watch.Modified,
	// or watch.Deleted for one that is gone or is not selected any more. The object is the handler's own.
	Apply(watch.EventType, *v1alpha1.UserLogout)
	// Complete ends a list: what has not been applied since Restart is gone.
	Complete()
}

// Follower follows UserLogouts.
type Follower struct {
	client   rest.Interface
	selector string
	handler  Handler
	// backoff between lists that fail. A list that follows one that was complete comes at once.
	backoff utilwait.Backoff
}

// New returns a follower of the objects that the selector selects.
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
		log.Info("listing the UserLogouts anew", "cause", err.Error())
		select {
		case <-time.After(backoff.Step()):
		case <-ctx.Done():
		}
	}
}

// list lists all objects, page by page, and returns the resourceVersion from which to watch.
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

// next is how many objects the page after this one should have, if they are as large.
func (p page) next() int64 {
	return min(max(pageSize*int64(p.objects)/max(p.bytes, 1), 1), fullPage)
}

// page reads one page and hands its objects over.
func (f *Follower) page(ctx context.Context, o metav1.ListOptions) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	body, err := f.request(o).Stream(ctx)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = body.Close() }() // it is only read
	return readPage(body, func(r *received) { f.apply(ctx, watch.Added, r) })
}

// errWentBack is why an API server is not asked what has happened since a version that it does not have yet.
var errWentBack = errors.New("etcd was restored from a copy: the API server is behind what is known of it")

// watch takes in what happens, by one watch after the other, and returns why it is not known any more what happens.
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
			apierrors.IsBadRequest(err): // such as that the field is not selectable any more
			return err
		case err != nil:
			ctrl.LoggerFrom(ctx).V(1).Info("the watch of UserLogouts broke off and is resumed", "cause", err.Error())
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// lookBack checks that the API server has not gone back behind a version. It would not tell: a watch from a version
// that is yet to come shows nothing until then.
func (f *Follower) lookBack(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	body, err := f.request(metav1.ListOptions{Limit: 1}).Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it is only read
	now, err := readPage(body, func(*received) {})
	if err != nil {
		return err
	}
	if order, err := resourceversion.CompareResourceVersion(now.ResourceVersion, version); err != nil || order < 0 {
		return errWentBack
	}
	return nil
}

// event of a watch.
type event struct {
	Type   watch.EventType `json:"type"`
	Object json.RawMessage `json:"object"`
}

// stream takes in one watch from a version on, and leaves the version where it ended. An end is no error.
func (f *Follower) stream(ctx context.Context, version *string) error {
	body, err := f.request(metav1.ListOptions{
		Watch: true, AllowWatchBookmarks: true, ResourceVersion: *version,
		TimeoutSeconds: ptr.To(int64(watchTime.Seconds() * (1 + rand.Float64()))), //nolint:gosec // no secret
	}).Stream(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it is only read
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

// apply hands an object over. One that cannot be read, as no CRD of the operator's lets it be written, is told of and
// taken for one that is not there: it must not keep the others from being read.
func (f *Follower) apply(ctx context.Context, kind watch.EventType, r *received) {
	obj, err := r.object()
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "a UserLogout cannot be read and is left alone: correct or delete it, and have the CRD be that of this version",
			"namespace", obj.Namespace, "name", obj.Name)
		kind = watch.Deleted
	}
	f.handler.Apply(kind, obj)
}

// request asks for the selected objects of all namespaces.
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
