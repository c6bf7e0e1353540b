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

// past is what an API server shows that is behind: UserLogouts as they were. Its writes and single reads are of the present,
// as they go to etcd.
type past struct {
	resourceVersion string
	over            chan struct{}
}

// Lag shows operators that come the UserLogouts as they were at a resourceVersion, of which etcd knows the last five minutes:
// lists are of then, and watches show nothing until catchUp is called.
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

// ResourceVersion returns the present one of UserLogouts.
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
	defer func() { _ = answer.Body.Close() }() // it is only read
	var list metav1.PartialObjectMetadataList
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list.ResourceVersion
}

// ask returns the request with another query.
func ask(r *http.Request, change func(url.Values)) *http.Request {
	r = r.Clone(r.Context())
	query := r.URL.Query()
	change(query)
	r.URL.RawQuery = query.Encode()
	return r
}

// list turns a request for a list into one for the list of then. The further pages of one are of the same time anyway.
func (p *past) list(r *http.Request) *http.Request {
	return ask(r, func(query url.Values) {
		if query.Get("continue") == "" {
			query.Set("resourceVersion", p.resourceVersion)
			query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchExact))
		}
	})
}

// watch shows nothing but the past as long as it lasts, and returns the request for what comes after it.
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
	_ = s.FlushError() // an operator that is gone shows by the context
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

// events returns a list as a watch that begins with it has it: an event for each object, and one that says that these were
// all.
func events(list []byte) (lines [][]byte) {
	var l struct {
		APIVersion string `json:"apiVersion"`
		Metadata   metav1.ListMeta
		Items      []json.RawMessage
	}
	_ = json.Unmarshal(list, &l) // what is no list has no items, and its watch fails
	line := func(kind string, object any) {
		text, _ := json.Marshal(map[string]any{"type": kind, "object": object}) // of JSON
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
