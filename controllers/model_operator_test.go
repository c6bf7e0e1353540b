package controllers

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// This file runs the operator's own code for the model. A reconcile depends on what it has read from the cache, on the
// replies since then, and on when they came. So each time it gets one more reply, it is run again from the beginning,
// on a clock of its own, up to its next request.

type verb int

const (
	update verb = iota // of a status: a claim, or a status that needs no call
	patch              // the outcome
	read               // bypasses the cache
	call               // to the service
)

// request is what an operator asks of the world and waits for.
type request struct {
	id       int
	verb     verb
	obj      *v1alpha1.UserLogout // for update: the object as sent
	patch    []byte
	uid      types.UID // of the object
	attempts int32     // in the claim or outcome
	ends     int       // for a claim: when it runs out
	claim    bool
}

// reply is the answer to a request; object is the object in it, if any.
type reply struct {
	says   string
	object *version
}

// These are the kinds of replies.
const (
	saysDone        = "done"
	saysGone        = "not found"
	saysConflict    = "conflict"
	saysInvalid     = "precondition failed"
	saysForbidden   = "forbidden"
	saysUnavailable = "unavailable"
	saysTimeout     = "no answer"
	saysLoggedOut   = "logged out"
	saysThrottled   = "throttled"
)

// heard is a reply and the second in which the operator gets it.
type heard struct {
	at int
	reply
}

// point is how far a reconcile has come.
type point struct {
	id    int
	begun int
	read  *version
	heard []heard
	asks  *request // nil if the reconcile has ended
	again bool     // the reconcile has ended and is requeued
	next  map[heard]*point
}

// operator is the program that both operators of the model run.
type operator struct {
	t        *testing.T
	protocol protocol
	points   map[heard]*point // the first points, by begin and version read
	made     int              // number of points and requests, for their ids
	names    map[string]int   // requests by content, so that equal requests are the same
}

// begin begins a reconcile that reads v.
func (o *operator) begin(now int, v *version) *point {
	at := heard{now, reply{"", v}}
	if o.points[at] == nil {
		o.points[at] = o.run(&point{begun: now, read: v})
	}
	return o.points[at]
}

// hear continues a reconcile with one reply.
func (o *operator) hear(p *point, h heard) *point {
	if p.next[h] == nil {
		p.next[h] = o.run(&point{begun: p.begun, read: p.read, heard: append(slices.Clip(p.heard), h)})
	}
	return p.next[h]
}

// modelEpoch is second 0, when a synctest bubble begins.
var modelEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var modelKey = types.NamespacedName{Namespace: "security", Name: "jane"}

func (o *operator) run(p *point) *point {
	synctest.Test(o.t, func(t *testing.T) {
		awaitSecond := func(second int) {
			// A goroutine that waits for a timer that is due runs the timer at once, in parallel with the other
			// goroutines of the bubble. All of them then share one context of the race detector, which has crashed in
			// that once. There is nothing to wait for then, either.
			if left := time.Until(modelEpoch.Add(time.Duration(second) * time.Second)); left > 0 {
				<-time.After(left)
			}
		}
		awaitSecond(p.begun)
		w := &wire{operator: o, read: p.read, asks: make(chan *request), replies: make(chan reply),
			crash: make(chan struct{})}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			result, err := w.reconcile(t.Context())
			p.again = err != nil || result.RequeueAfter > 0
		}()
		for _, h := range p.heard {
			<-w.asks // the same request as in the earlier run
			awaitSecond(h.at)
			w.replies <- h.reply
		}
		select {
		case p.asks = <-w.asks:
		case <-ended:
		}
		close(w.crash)
		<-ended
	})
	o.made++
	p.id, p.next = o.made, map[heard]*point{}
	if p.asks != nil {
		content, err := json.Marshal([]any{p.asks.verb, p.asks.obj, string(p.asks.patch), p.asks.uid})
		if err != nil {
			o.t.Fatal(err)
		}
		if _, ok := o.names[string(content)]; !ok {
			o.names[string(content)] = len(o.names)
		}
		p.asks.id = o.names[string(content)]
	}
	return p
}

// wire connects one reconcile with the world.
type wire struct {
	client.Client // for methods that are not called
	operator      *operator
	read          *version
	asks          chan *request
	replies       chan reply
	crash         chan struct{}
}

// reconcile does what userLogoutReconciler.Reconcile does for an object that its provider admits.
func (w *wire) reconcile(ctx context.Context) (ctrl.Result, error) {
	r := &userLogoutReconciler{
		Options: w.operator.protocol.options(), client: w, apiReader: w,
		recorder: events.NewFakeRecorder(9), gates: gate.New(1), attempts: newInflight(),
		unfinished: newUnfinishedObjects(newWakeups()), finished: newFinishedObjects(newWakeups()),
	}
	obj := w.read.object()
	switch d := lifecycle.Decide(obj, time.Time{}, time.Now()); d.Do {
	case lifecycle.Attempt:
		slot, _ := r.gates.Enter(gate.Settings{Name: "p", Limit: gate.Limit{PerSecond: 1000, Burst: 1000}},
			gate.Applicant{Object: modelKey})
		return r.attempt(ctx, obj, admission{service(w.logOut), slot, stands})
	case lifecycle.Write:
		return r.write(ctx, obj, d)
	default:
		return requeueAt(d.At), nil
	}
}

// ask waits for the reply, or for the end of the process.
func (w *wire) ask(r *request) reply {
	select {
	case w.asks <- r:
	case <-w.crash:
		runtime.Goexit()
	}
	select {
	case a := <-w.replies:
		return a
	case <-w.crash:
		runtime.Goexit()
	}
	panic("not reached")
}

// logOut is the client of the service. It sends nothing after the deadline.
func (w *wire) logOut(ctx context.Context) (logout.Receipt, error) {
	if ctx.Err() != nil {
		return logout.Receipt{}, &logout.Error{Reason: logout.EndpointUnreachable, Message: "the time for it was up"}
	}
	if w.ask(&request{verb: call, uid: w.read.obj.UID}).says == saysLoggedOut {
		return logout.Receipt{HTTPStatusCode: http.StatusNoContent}, nil
	}
	// The Retry-After is longer than the jitter of the first backoffs, so that the same run has the same result.
	return logout.Receipt{}, &logout.Error{Reason: logout.Throttled, HTTPStatusCode: http.StatusTooManyRequests,
		Message: "slow down", RetryAfter: tick * time.Second}
}

func (w *wire) Status() client.SubResourceWriter { return statusWire{w: w} }

// Get bypasses the cache. The reconcile gets the object from the cache as a parameter. There is no provider, because
// its name would only be used in a metric.
func (w *wire) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if _, ok := into.(*v1alpha1.UserLogout); !ok {
		return errorOf(saysGone)
	}
	a := w.ask(&request{verb: read, uid: w.read.obj.UID})
	if a.says == saysDone {
		*into.(*v1alpha1.UserLogout) = *a.object.object()
	}
	return errorOf(a.says)
}

type statusWire struct {
	client.SubResourceWriter // for methods that are not called
	w                        *wire
}

func (s statusWire) Update(_ context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	obj := o.(*v1alpha1.UserLogout)
	r := &request{verb: update, obj: obj.DeepCopy(), uid: obj.UID}
	if lifecycle.Calling(obj) {
		r.claim, r.attempts, r.ends = true, obj.Status.Attempts,
			int(obj.Status.NextAttemptTime.Sub(modelEpoch).Seconds())
		if s.w.operator.protocol.noClaim {
			return nil
		}
	}
	if s.w.operator.protocol.noVersion {
		r.obj.ResourceVersion = ""
	}
	a := s.w.ask(r)
	if a.says == saysDone {
		*obj = *a.object.object()
	}
	return errorOf(a.says)
}

func (s statusWire) Patch(
	_ context.Context, _ client.Object, p client.Patch, _ ...client.SubResourcePatchOption,
) error {
	data, err := p.Data(nil)
	if err != nil {
		return err
	}
	var ops []map[string]any
	if err := json.Unmarshal(data, &ops); err != nil {
		return err
	}
	ops = slices.DeleteFunc(ops, func(op map[string]any) bool {
		return op["op"] == "test" && slices.Contains(s.w.operator.protocol.untested, op["path"].(string))
	})
	if data, err = json.Marshal(ops); err != nil {
		return err
	}
	says := s.w.ask(&request{verb: patch, patch: data, uid: s.w.read.obj.UID,
		attempts: s.w.read.obj.Status.Attempts + 1}).says
	if says == saysUnavailable && s.w.operator.protocol.givesUp {
		says = saysForbidden // it ends the retries of storing
	}
	return errorOf(says)
}

func errorOf(says string) error {
	switch says {
	case saysGone:
		return apierrors.NewNotFound(group, modelKey.Name)
	case saysConflict:
		return apierrors.NewConflict(group, modelKey.Name, nil)
	case saysInvalid:
		return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("UserLogout").GroupKind(), modelKey.Name, nil)
	case saysForbidden:
		return apierrors.NewForbidden(group, modelKey.Name, nil)
	case saysUnavailable:
		return apierrors.NewServiceUnavailable("down")
	case saysTimeout:
		return context.DeadlineExceeded
	}
	return nil
}
