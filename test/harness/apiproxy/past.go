package apiproxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// past makes the API server look as if it lagged behind: it shows UserLogouts as they were. Writes and single reads see
// the present, as they go to etcd.
type past struct {
	resourceVersion string
	over            chan struct{}
}

// Lag shows newly started operators the UserLogouts as they were at a resourceVersion, which must be at most five
// minutes old because etcd forgets older ones: lists are from then, and watches show nothing until catchUp is called.
func (p *Proxy) Lag(resourceVersion string) (catchUp func()) {
	past := &past{resourceVersion, make(chan struct{})}
	p.state.Change(func() { p.past = past })
	return sync.OnceFunc(func() {
		p.state.Change(func() { p.past = nil })
		close(past.over)
	})
}

func (p *Proxy) inThePast() (past *past) {
	p.state.Look(func() { past = p.past })
	return past
}

// ResourceVersion returns the present resourceVersion of UserLogouts.
func (p *Proxy) ResourceVersion(t testing.TB) string {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(p.admin)
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.JoinPath(p.admin.Host, "apis/logout-operator.io/v1alpha1/userlogouts")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := httpClient.Get(address + "?limit=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	var list metav1.PartialObjectMetadataList
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list.ResourceVersion
}

// ask returns the request with a changed query.
func ask(r *http.Request, change func(url.Values)) *http.Request {
	r = r.Clone(r.Context())
	query := r.URL.Query()
	change(query)
	r.URL.RawQuery = query.Encode()
	return r
}

// list makes a list request ask for the past. The list's further pages are from the same time anyway.
func (p *past) list(r *http.Request) *http.Request {
	return ask(r, func(query url.Values) {
		if query.Get("continue") == "" {
			query.Set("resourceVersion", p.resourceVersion)
			query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchExact))
		}
	})
}

// watch shows only the past while it lasts, and returns the request for the events that come after it.
func (p *past) watch(proxy *Proxy, s *stream, r *http.Request) *http.Request {
	initial := r.URL.Query().Get("sendInitialEvents") == "true"
	unwatched := func(query url.Values) {
		for _, name := range []string{"sendInitialEvents", "resourceVersionMatch", "allowWatchBookmarks", "watch"} {
			query.Del(name)
		}
	}
	s.Header().Set("Content-Type", "application/json")
	s.WriteHeader(http.StatusOK)
	if initial {
		a := httptest.NewRecorder()
		proxy.forward(a, p.list(ask(r, unwatched)))
		for _, line := range events(a.Body.Bytes()) {
			s.event(line)
		}
	}
	_ = s.FlushError() // the context tells if the operator is gone
	ctx, end := proxy.tie(r.Context())
	defer end()
	select {
	case <-p.over:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
	return ask(r, func(query url.Values) {
		if initial {
			unwatched(query)
			query.Set("watch", "true")
			query.Set("allowWatchBookmarks", "true")
			query.Set("resourceVersion", p.resourceVersion)
		}
	})
}

// events returns a list in the form of a watch that begins with it: an event for each object, and one that marks the
// end of the list.
func events(list []byte) (lines [][]byte) {
	var l struct {
		APIVersion string `json:"apiVersion"`
		Metadata   metav1.ListMeta
		Items      []json.RawMessage
	}
	_ = json.Unmarshal(list, &l) // anything but a list has no items, and its watch fails
	line := func(kind string, object any) {
		// The values were decoded from JSON, so encoding cannot fail.
		text, _ := json.Marshal(map[string]any{"type": kind, "object": object})
		lines = append(lines, append(text, '\n'))
	}
	for _, item := range l.Items {
		line("ADDED", item)
	}
	line("BOOKMARK", map[string]any{"apiVersion": l.APIVersion, "kind": "UserLogout", "metadata": map[string]any{
		"resourceVersion": l.Metadata.ResourceVersion,
		"annotations":     map[string]string{metav1.InitialEventsAnnotationKey: "true"},
	}})
	return lines
}
