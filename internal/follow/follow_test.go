package follow

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// The API server of these tests answers by a script, because the real one does not produce these situations on
// demand. The tests in test/faults use the real one.

// exchange is the next request that the follower must send, and the answer to it.
type exchange struct {
	watch   bool
	asks    map[string]string // parameters of the query
	status  int               // 0 for 200
	answers string
}

// said has one line for each call of the handler.
type said chan string

func (s said) Restart()  { s <- "restart" }
func (s said) Complete() { s <- "complete" }
func (s said) Apply(kind watch.EventType, obj *v1alpha1.UserLogout) {
	s <- fmt.Sprintf("%s %s %s", kind, obj.Name, obj.Spec.UserID)
}

// follow runs a follower against the script until it has sent every request of it.
func follow(t *testing.T, script []exchange) said {
	t.Helper()
	next := make(chan exchange, len(script))
	for _, e := range script {
		next <- e
	}
	close(next)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, more := <-next
		if !more {
			<-r.Context().Done() // a watch without events
			return
		}
		verifyQuery(t, r.URL.Query(), e)
		if e.status != 0 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(e.status)
		}
		_, _ = io.WriteString(w, e.answers) // the follower may be gone
	}))
	t.Cleanup(server.Close)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	client, err := apiutil.RESTClientForGVK(v1alpha1.GroupVersion.WithKind("UserLogout"), true, false,
		&rest.Config{Host: server.URL, QPS: -1}, serializer.NewCodecFactory(scheme), server.Client())
	if err != nil {
		t.Fatal(err)
	}
	told := make(said)
	f := &Follower{client: client, selector: "status.completionTime=", handler: told,
		backoff: utilwait.Backoff{Duration: time.Millisecond, Steps: 1}}
	go f.Run(t.Context())
	return told
}

func verifyQuery(t *testing.T, query url.Values, e exchange) {
	t.Helper()
	if got := query.Get("watch") != ""; got != e.watch || query.Get("fieldSelector") != "status.completionTime=" {
		t.Errorf("asked for %v, want a watch: %t", query, e.watch)
	}
	for name, value := range e.asks {
		if query.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, query.Get(name), value)
		}
	}
}

func listOfTwo(continued, name, other string) string {
	return fmt.Sprintf(`{"kind":"UserLogoutList","metadata":{"resourceVersion":"10","continue":%q},"items":[%s,%s]}`,
		continued, named(name, 5, `"jane"`), named(other, 6, `"jane"`))
}

func named(name string, version int, user string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"resourceVersion":"%d"},"spec":{"userID":%s}}`, name, version, user)
}

func eventOf(kind watch.EventType, object string) string {
	return fmt.Sprintf(`{"type":%q,"object":%s}`+"\n", kind, object)
}

func expect(t *testing.T, told said, want ...string) {
	t.Helper()
	for _, line := range want {
		select {
		case got := <-told:
			if strings.TrimSpace(got) != line {
				t.Fatalf("told %q, want %q", got, line)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("waited for %q in vain", line)
		}
	}
}

// TestFollow: a list of several pages, a watch from there, another watch from the last event or bookmark, and a new
// list once the API server no longer has the events after that.
func TestFollow(t *testing.T) {
	gone := `{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}`
	told := follow(t, []exchange{
		{asks: map[string]string{"limit": "10", "continue": ""}, answers: listOfTwo("more", "a", "b")},
		{asks: map[string]string{"limit": "500", "continue": "more"}, answers: listOfTwo("", "c", "d")},
		{watch: true, asks: map[string]string{"resourceVersion": "10"},
			answers: eventOf(watch.Modified, named("a", 11, `"joe"`)) +
				eventOf(watch.Bookmark, named("", 15, `""`))},
		{asks: map[string]string{"limit": "1"},
			answers: `{"metadata":{"resourceVersion":"20","continue":"more"},"items":[]}`},
		{watch: true, asks: map[string]string{"resourceVersion": "15"},
			answers: eventOf(watch.Deleted, named("b", 16, `"jane"`)) +
				`{"type":"ADDED","obj`}, // cut off
		{asks: map[string]string{"limit": "1"},
			answers: `{"metadata":{"resourceVersion":"20","continue":"more"},"items":[]}`},
		{watch: true, asks: map[string]string{"resourceVersion": "16"}, answers: eventOf(watch.Error, gone)},
		{asks: map[string]string{"continue": ""}, answers: listOfTwo("more", "a", "c")},
		{asks: map[string]string{"continue": "more"}, status: http.StatusGone, answers: gone}, // it took too long
		{asks: map[string]string{"continue": ""}, answers: listOfTwo("", "a", "c")},
		{watch: true, asks: map[string]string{"resourceVersion": "10"}, status: http.StatusGone, answers: gone},
		{asks: map[string]string{"continue": ""}, answers: listOfTwo("", "a", "c")},
	})
	expect(t, told, "restart", "ADDED a jane", "ADDED b jane", "ADDED c jane", "ADDED d jane", "complete",
		"MODIFIED a joe", "DELETED b jane",
		"restart", "ADDED a jane", "ADDED c jane",
		"restart", "ADDED a jane", "ADDED c jane", "complete",
		"restart", "ADDED a jane", "ADDED c jane", "complete")
}

// TestWentBack: if the API server knows less than it reported before, the follower lists anew.
func TestWentBack(t *testing.T) {
	told := follow(t, []exchange{
		{answers: listOfTwo("", "a", "b")},
		{watch: true, answers: eventOf(watch.Modified, named("a", 20, `"joe"`))},
		{asks: map[string]string{"limit": "1"}, status: http.StatusServiceUnavailable,
			answers: `{"kind":"Status","code":503}`},
		{asks: map[string]string{"limit": "1"},
			answers: `{"metadata":{"resourceVersion":"20","continue":"more"},"items":[]}`},
		{watch: true, asks: map[string]string{"resourceVersion": "20"}},
		{asks: map[string]string{"limit": "1"},
			answers: `{"metadata":{"resourceVersion":"11","continue":"more"},"items":[]}`},
		{asks: map[string]string{"limit": "10"}, answers: listOfTwo("", "a", "b")},
	})
	expect(t, told, "restart", "ADDED a jane", "ADDED b jane", "complete", "MODIFIED a joe",
		"restart", "ADDED a jane", "ADDED b jane", "complete")
}

// TestNotSelectable: the follower does not resume a watch that the API server rejects as invalid. It lists anew, logs
// that, and repeats it less and less often.
func TestNotSelectable(t *testing.T) {
	refused := `{"kind":"Status","code":400,"reason":"BadRequest","message":"field label not supported"}`
	told := follow(t, []exchange{
		{answers: listOfTwo("", "a", "b")},
		{watch: true, status: http.StatusBadRequest, answers: refused},
		{status: http.StatusBadRequest, answers: refused},
		{answers: listOfTwo("", "a", "c")},
		{watch: true, asks: map[string]string{"resourceVersion": "10"}},
	})
	expect(t, told, "restart", "ADDED a jane", "ADDED b jane", "complete", "restart",
		"restart", "ADDED a jane", "ADDED c jane", "complete")
}

// TestUnreadable: an object that cannot be decoded counts as deleted, and does not prevent the others from being
// read.
func TestUnreadable(t *testing.T) {
	told := follow(t, []exchange{
		{answers: `{"metadata":{"resourceVersion":"10"},"items":[` + named("odd", 5, `{"not":"text"}`) + "," +
			named("a", 6, `"jane"`) + "]}"},
		{watch: true, answers: eventOf(watch.Modified, named("odd", 11, "7")) +
			eventOf(watch.Modified, named("odd", 12, `"jane"`))},
	})
	expect(t, told, "restart", "DELETED odd", "ADDED a jane", "complete", "DELETED odd", "MODIFIED odd jane")
}
