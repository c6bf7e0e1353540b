// Package recorder writes events, with bounds on memory, requests and rate that no tenant can change.
//
// client-go's recorders have no such bounds. That of tools/events keeps every event for 6 to 12 minutes, and has a
// goroutine for each that waits for the API server. That of tools/record keeps at most 4096, but an event that cannot
// be written blocks all others for two minutes, a tenant can fill its queue for everybody, what it drops is not
// counted, and it needs more permissions: to patch, and the older API. controller-runtime has deprecated it.
package recorder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// capacity is how many events wait at most. The largest possible take 5 MiB.
	capacity = 2000
	// writers is how many requests are made at a time.
	writers = 10
	// perSecond is the rate of requests. A hundred logouts a second that fail once and then succeed need 200.
	perSecond = 300
	// requestTimeout bounds a request.
	requestTimeout = 5 * time.Second
	// flushTimeout bounds the wait for the waiting events at the end.
	flushTimeout = 2 * time.Second
)

// Recorder is an events.EventRecorder that never blocks. It tries to write each event once, and keeps nothing after.
type Recorder struct {
	client         client.Client
	name, instance string // of the reporting controller
	log            logr.Logger
	dropped        func()
	pace           *rate.Limiter

	mu      sync.Mutex
	queues  map[string][]*eventsv1.Event // by the objects' namespace
	turns   []string                     // the namespaces with waiting events, in the order of their turns
	waiting int                          // events
	running int                          // writers
	idle    chan struct{}                // closed when no writer runs
}

var _ events.EventRecorder = (*Recorder)(nil)

// New returns a recorder for the controller with this name. It calls dropped for every event that it does not write.
func New(c client.Client, name string, log logr.Logger, dropped func()) *Recorder {
	hostname, _ := os.Hostname()
	closed := make(chan struct{})
	close(closed)
	return &Recorder{client: c, name: name, instance: name + "-" + hostname, log: log, dropped: dropped,
		pace: rate.NewLimiter(perSecond, perSecond), queues: map[string][]*eventsv1.Event{}, idle: closed}
}

// Eventf implements events.EventRecorder, without related objects. It drops the event if too many wait: no namespace
// may take more room than it leaves to the others, so a flood costs only its own namespace events.
func (r *Recorder) Eventf(regarding, _ runtime.Object, kind, reason, action, note string, args ...any) {
	about, err := reference.GetReference(r.client.Scheme(), regarding)
	if err != nil { // a kind that the scheme does not have
		r.log.Error(err, "event dropped", "reason", reason)
		r.dropped()
		return
	}
	event := &eventsv1.Event{EventTime: metav1.NowMicro(), Regarding: *about, ReportingController: r.name,
		ReportingInstance: r.instance, Type: kind, Reason: reason, Action: action,
		Note: shortened(fmt.Sprintf(note, args...))}
	event.Name, event.Namespace = name(event), cmp.Or(about.Namespace, metav1.NamespaceDefault)
	r.mu.Lock()
	defer r.mu.Unlock()
	queue := r.queues[about.Namespace]
	if len(queue) >= capacity-r.waiting {
		r.dropped()
		return
	}
	if len(queue) == 0 {
		r.turns = append(r.turns, about.Namespace)
	}
	r.queues[about.Namespace] = append(queue, event)
	r.waiting++
	if r.running == writers {
		return
	}
	if r.running == 0 {
		r.idle = make(chan struct{})
	}
	r.running++
	go r.write()
}

// name returns a name that only a repeat of the event has: the same about the same version of the object. The API
// server refuses the repeat, so that nobody has to remember what was written.
func name(e *eventsv1.Event) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(e.Regarding.UID), e.Regarding.ResourceVersion, e.Type,
		e.Reason, e.Action, e.Note}, "\x00")))
	hash := fmt.Sprintf("%x", sum[:16])
	if n := e.Regarding.Name + "." + hash; len(n) <= validation.DNS1123SubdomainMaxLength {
		return n
	}
	return hash
}

// write writes events until none waits.
func (r *Recorder) write() {
	for event := r.next(); event != nil; event = r.next() {
		_ = r.pace.Wait(context.Background()) // only a context causes errors
		ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
		err := r.client.Create(ctx, event)
		cancel()
		if err != nil && !apierrors.IsAlreadyExists(err) {
			r.dropped()
			// The error itself may quote the event, and with it the service.
			r.log.Info("event dropped", "error", apierrors.ReasonForError(err), "reason", event.Reason,
				"namespace", event.Regarding.Namespace, "name", event.Regarding.Name)
		}
	}
}

// next takes the oldest event of the namespace whose turn it is. If no event waits, it returns nil, and the writer
// ends.
func (r *Recorder) next() *eventsv1.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == 0 {
		if r.running--; r.running == 0 {
			close(r.idle)
		}
		return nil
	}
	r.waiting--
	from := r.turns[0]
	r.turns = r.turns[1:]
	queue := r.queues[from]
	event := queue[0]
	queue[0] = nil // the array stays
	if r.queues[from] = queue[1:]; len(queue) == 1 {
		delete(r.queues, from)
	} else {
		r.turns = append(r.turns, from)
	}
	return event
}

// Flush writes what waits, without pace as the process is about to end, and returns when that is done, or after a
// short time.
func (r *Recorder) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	r.pace.SetLimit(rate.Inf)
	r.mu.Lock()
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
