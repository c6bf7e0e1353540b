package apiproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/logout-operator/logout-operator/test/harness/await"
)

// collection is the path of all UserLogouts, which operators list and watch.
var collection = regexp.MustCompile(`^/apis/logout-operator\.io/v1alpha1/userlogouts$`)

// pass makes the API server answer a request that has no fault. Watches of UserLogouts go through a stream.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		p.forward(w, r)
		return
	}
	if !p.awaitSight(r) {
		reset(w)
		return
	}
	query := r.URL.Query()
	watches := query.Get("watch") == "true" || query.Get("watch") == "1"
	if watches && p.forgotten(query.Get("resourceVersion"), query.Get("sendInitialEvents") == "true") {
		give(w, gone(nil))
		return
	}
	if !watches {
		if past := p.inThePast(); past != nil && collection.MatchString(r.URL.Path) {
			r = past.list(r)
		}
		p.forward(w, r)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	r = r.WithContext(ctx)
	s := &stream{proxy: p, path: r.URL.Path, to: w, end: cancel}
	p.state.Change(func() { p.watches[s] = true })
	defer func() {
		s.close()
		p.state.Change(func() { delete(p.watches, s) })
	}()
	if !collection.MatchString(r.URL.Path) { // other resources may be sent as protobuf
		p.forward(w, r)
		return
	}
	r.Header.Del("Accept-Encoding")
	if past := p.inThePast(); past != nil {
		r = past.watch(p, s, r)
	}
	p.forward(s, r)
}

// stream is a watch, or the list that one begins with: a line of JSON for each event. It is the http.ResponseWriter
// that receives the API server's answer.
type stream struct {
	proxy *Proxy
	path  string
	to    http.ResponseWriter
	end   context.CancelFunc

	mu     sync.Mutex
	begun  bool // set if it is of UserLogouts
	closed bool
	rest   []byte // of an incomplete line
}

func (s *stream) Header() http.Header { return s.to.Header() }

func (s *stream) WriteHeader(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begun = true
		s.to.WriteHeader(status)
	}
}

// Write takes a part of the API server's answer, which may end anywhere.
func (s *stream) Write(part []byte) (int, error) {
	s.rest = append(s.rest, part...)
	for {
		line, rest, whole := bytes.Cut(s.rest, []byte("\n"))
		if !whole {
			return len(part), nil
		}
		s.rest = bytes.Clone(rest)
		s.event(append(bytes.Clone(line), '\n'))
	}
}

// event sends one event, unless the events of its object are held back, or it is a bookmark while some events are lost.
func (s *stream) event(line []byte) {
	var event struct {
		Type   watch.EventType
		Object metav1.PartialObjectMetadata
	}
	_ = json.Unmarshal(line, &event) // anything but an event has no name
	var back *held
	lost := false
	s.proxy.state.Look(func() {
		back = s.proxy.events[event.Object.Name]
		for _, h := range s.proxy.events {
			lost = lost || h.loses()
		}
	})
	if lost && event.Type == watch.Bookmark && event.Object.Annotations[metav1.InitialEventsAnnotationKey] == "" {
		return
	}
	if back == nil || !back.take(event.Type, func() { s.send(line) }) {
		s.send(line)
	}
}

// send writes a line to the operator, if it is still there.
func (s *stream) send(line []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	_, err := s.to.Write(line)
	if flusher, ok := s.to.(http.Flusher); ok && err == nil {
		flusher.Flush()
	}
}

func (s *stream) close() {
	s.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// FlushError lets the reverse proxy send the header.
func (s *stream) FlushError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return http.NewResponseController(s.to).Flush()
}

// held are the held-back watch events of one object.
type held struct {
	state  await.State
	lost   bool // never delivered
	over   bool
	events []func()
	kinds  map[watch.EventType]bool // kinds of the events that arrived
}

// loses reports whether events are being lost.
func (h *held) loses() (yes bool) {
	h.state.Look(func() { yes = h.lost && !h.over })
	return yes
}

// take holds an event back, or reports that this is not needed.
func (h *held) take(kind watch.EventType, send func()) (taken bool) {
	h.state.Change(func() {
		if h.over {
			return
		}
		taken = true
		h.kinds[kind] = true
		if !h.lost {
			h.events = append(h.events, send)
		}
	})
	return taken
}

// Events are the watch events of one object that are held back or lost.
type Events struct{ *held }

// Await returns when events of all these kinds have been held back or lost since it last returned. When an object
// finishes, the operators' watch of unfinished objects sees a deletion, and the one of finished objects sees an
// addition.
func (e Events) Await(t testing.TB, kinds ...watch.EventType) {
	t.Helper()
	e.state.Await(t, fmt.Sprint("watch events ", kinds), func() bool {
		return !slices.ContainsFunc(kinds, func(kind watch.EventType) bool { return !e.kinds[kind] })
	})
	e.state.Change(func() { clear(e.kinds) })
}

// Release delivers the held-back events, in order, and lets later events through. It may be called more than once.
func (e Events) Release() {
	e.state.Change(func() {
		for _, send := range e.events {
			send()
		}
		e.events, e.over = nil, true
	})
}

// HoldEvents holds back the watch events of the object until they are released.
func (p *Proxy) HoldEvents(name string) Events { return p.keepBack(name, false) }

// LoseEvents loses the watch events of the object until Release, which does not bring them back.
func (p *Proxy) LoseEvents(name string) Events { return p.keepBack(name, true) }

func (p *Proxy) keepBack(name string, lost bool) Events {
	h := &held{lost: lost, kinds: map[watch.EventType]bool{}}
	p.state.Change(func() { p.events[name] = h })
	return Events{h}
}

// BreakWatches ends all watches, as the API server does every few minutes.
func (p *Proxy) BreakWatches() {
	p.state.Change(func() {
		for s := range p.watches {
			s.end()
		}
	})
}

// Blind hides a path, such as /api/v1/namespaces, from operators: their watches of it end, and new lists and watches
// wait until see is called or the test is over. see may be called more than once.
func (p *Proxy) Blind(t testing.TB, path string) (see func()) {
	over := make(chan struct{})
	see = sync.OnceFunc(func() {
		p.state.Change(func() { delete(p.blind, path) })
		close(over)
	})
	t.Cleanup(see)
	p.state.Change(func() {
		p.blind[path] = over
		for s := range p.watches {
			if s.path == path {
				s.end()
			}
		}
	})
	return see
}

// awaitSight returns when the path of a request may be read, or reports that the operator has hung up.
func (p *Proxy) awaitSight(r *http.Request) bool {
	var over chan struct{}
	p.state.Look(func() { over = p.blind[r.URL.Path] })
	if over == nil {
		return true
	}
	select {
	case <-over:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Compact makes the API server forget all changes so far: operators that want to continue from an older resourceVersion
// get a 410 and have to list again. Watches in progress continue, as in etcd.
func (p *Proxy) Compact(t testing.TB) {
	t.Helper()
	now, err := strconv.ParseUint(p.ResourceVersion(t), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	p.state.Change(func() { p.oldest = now })
}

// forgotten reports whether a watch asks for changes that have been forgotten.
func (p *Proxy) forgotten(since string, initialEvents bool) (forgotten bool) {
	version, err := strconv.ParseUint(since, 10, 64)
	if err != nil || version == 0 || initialEvents {
		return false
	}
	p.state.Look(func() { forgotten = version < p.oldest })
	return forgotten
}

// ExpireWatches tells all operators that watch UserLogouts that they are too far behind (410, in the stream).
func (p *Proxy) ExpireWatches(t testing.TB) {
	t.Helper()
	line, err := json.Marshal(map[string]any{"type": "ERROR", "object": expired})
	if err != nil {
		t.Fatal(err)
	}
	var streams []*stream
	p.state.Look(func() { streams = slices.Collect(maps.Keys(p.watches)) })
	for _, s := range streams {
		if s.isOfUserLogouts() {
			s.send(append(line, '\n'))
			s.end()
		}
	}
}

func (s *stream) isOfUserLogouts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}
