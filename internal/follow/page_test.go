package follow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

func listOf(n int, note string) *v1alpha1.UserLogoutList {
	list := &v1alpha1.UserLogoutList{
		TypeMeta: metav1.TypeMeta{APIVersion: "logout-operator.io/v1alpha1", Kind: "UserLogoutList"},
		ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "next"},
		Items:    make([]v1alpha1.UserLogout, n),
	}
	for i := range list.Items {
		list.Items[i] = v1alpha1.UserLogout{
			ObjectMeta: metav1.ObjectMeta{
				Namespace:       "security",
				Name:            fmt.Sprint(i),
				UID:             "u",
				ResourceVersion: "5",
				Generation:      3,
				Annotations: map[string]string{
					"note": note,
				},
				CreationTimestamp: metav1.Unix(1.8e9, 0),
				DeletionTimestamp: &metav1.Time{Time: metav1.Unix(1.9e9, 0).Time},
			},
			Spec: v1alpha1.UserLogoutSpec{AccountID: "a", UserID: fmt.Sprint("user-", i)},
			Status: v1alpha1.UserLogoutStatus{
				Attempts:   2,
				Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse}},
			},
		}
	}
	return list
}

func objectOf(t *testing.T, r *received) *v1alpha1.UserLogout {
	t.Helper()
	obj, err := r.object()
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func encoded(t *testing.T, list any) []byte {
	t.Helper()
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestReadPage: a page is read as it was sent, except for what decisions do not need, whatever the order of its
// members and the pieces in which it arrives.
func TestReadPage(t *testing.T) {
	list := listOf(3, "short")
	text := encoded(t, list)
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	sorted := encoded(t, members) // items before metadata, as the API server sends custom resources
	for name, r := range map[string]io.Reader{
		"as it is": bytes.NewReader(text), "sorted": bytes.NewReader(sorted),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(text)),
	} {
		var got []*v1alpha1.UserLogout
		p, err := readPage(r, func(r *received) { got = append(got, objectOf(t, r)) })
		if err != nil || p.ResourceVersion != "7" || p.Continue != "next" || p.objects != 3 ||
			p.bytes != int64(len(text)) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		for i := range list.Items {
			want := list.Items[i].DeepCopy()
			want.Annotations = nil
			if !bytes.Equal(encoded(t, got[i]), encoded(t, want)) {
				t.Errorf("%s: got %+v, want %+v", name, got[i], want)
			}
		}
	}
	for _, none := range []string{`{"metadata":{},"items":[]}`, `{"metadata":{},"items":null}`,
		`{"kind":"UserLogoutList"}`} {
		p, err := readPage(strings.NewReader(none), func(r *received) { t.Errorf("got %v", r) })
		if err != nil || p.objects != 0 {
			t.Errorf("%s: %+v, %v", none, p, err)
		}
	}
}

// TestBrokenPage: a page that is cut off or is not a page is an error, and the objects before that do not count as
// the whole list.
func TestBrokenPage(t *testing.T) {
	text := encoded(t, listOf(2, "short"))
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.IntRange(0, len(text)-1).Draw(t, "end")
		if _, err := readPage(bytes.NewReader(text[:end]), func(*received) {}); err == nil {
			t.Fatalf("%d of %d bytes pass", end, len(text))
		}
	})
	for _, other := range []string{"", "[]", `"text"`, `{"items":{}}`, `{"items":[1]}`, "<html>"} {
		if _, err := readPage(strings.NewReader(other), func(*received) {}); err == nil {
			t.Errorf("%s passes", other)
		}
	}
}

// TestPageIsNeverHeld: memory holds one object of a page at a time, whatever else the objects contain.
func TestPageIsNeverHeld(t *testing.T) {
	const n, large = 40, 1 << 20
	text := encoded(t, listOf(n, strings.Repeat("x", large)))
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, most := inUse(), int64(0)
	var kept []*v1alpha1.UserLogout
	if _, err := readPage(bytes.NewReader(text), func(r *received) {
		kept = append(kept, objectOf(t, r))
		most = max(most, inUse()-before)
	}); err != nil {
		t.Fatal(err)
	}
	if most > 6*large {
		t.Errorf("%d MiB for objects of 1 MiB", most>>20)
	}
	runtime.KeepAlive(kept)
	runtime.KeepAlive(text)
}

// TestPagesFitTheirObjects: the second page has as many objects as make a few megabytes, if they have the size of the
// first ones.
func TestPagesFitTheirObjects(t *testing.T) {
	for size, want := range map[int64][]int64{1: {500, 500}, 1000: {500, 500}, 20_000: {150, 250}, 1_400 << 10: {2, 4},
		20 << 20: {1, 1}} {
		got := page{objects: firstPage, bytes: firstPage * size}.next()
		if got < want[0] || got > want[1] {
			t.Errorf("pages of %d objects of %d bytes, want %v", got, size, want)
		}
	}
	if got := (page{bytes: 100}).next(); !slices.Contains([]int64{1, fullPage}, got) {
		t.Errorf("%d objects after none", got)
	}
}
