package controllers

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// version is what the API server had under the name at one time. Equal versions are the same.
type version struct {
	id   int
	json []byte
	obj  *v1alpha1.UserLogout // nil if there is no object; must not be changed
}

// object returns a copy of the version's object.
func (v *version) object() *v1alpha1.UserLogout { return v.obj.DeepCopy() }

// apiServer computes the effect of a request. For the status of custom resources, this is what a real API server does;
// attempt_test.go tests the operator's code against one.
type apiServer struct {
	t        *testing.T
	versions map[string]*version
	results  map[applied]result // a cache, because the results are pure and needed often
}

type applied struct{ present, number, request int }

type result struct {
	reply
	next *version // the new version; nil if nothing changes
}

// version returns an object as version n of its name.
func (s *apiServer) version(obj *v1alpha1.UserLogout, n int) *version {
	content := []byte("null")
	if obj != nil {
		obj.ResourceVersion = strconv.Itoa(n)
		var err error
		if content, err = json.Marshal(obj); err != nil {
			s.t.Fatal(err)
		}
	}
	v := s.versions[string(content)]
	if v == nil {
		v = &version{id: len(s.versions), json: content}
		if obj != nil {
			v.obj = &v1alpha1.UserLogout{}
			if err := json.Unmarshal(content, v.obj); err != nil {
				s.t.Fatal(err)
			}
		}
		s.versions[string(content)] = v
	}
	return v
}

// created returns a new object, whose deadline is three ticks later.
func (s *apiServer) created(uid types.UID, now, n int) *version {
	return s.version(&v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: modelKey.Namespace, Name: modelKey.Name, UID: uid, Generation: 1,
			CreationTimestamp: metav1.Time{Time: modelEpoch.Add(time.Duration(now) * time.Second)}},
		Spec:   v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "user", ActiveDeadlineSeconds: 3 * tick},
		Status: v1alpha1.UserLogoutStatus{ObservedGeneration: -1},
	}, n)
}

// edited returns the object with one more label.
func (s *apiServer) edited(v *version, n int) *version {
	obj := v.object()
	if obj.Labels == nil {
		obj.Labels = map[string]string{}
	}
	obj.Labels["edited"] = strconv.Itoa(n)
	return s.version(obj, n)
}

// do carries out a request on the present version. Any new version gets number n.
func (s *apiServer) do(present *version, n int, r *request) result {
	key := applied{present.id, n, r.id}
	if is, ok := s.results[key]; ok {
		return is
	}
	is := s.carryOut(present, n, r)
	s.results[key] = is
	return is
}

func (s *apiServer) carryOut(present *version, n int, r *request) result {
	if present.obj == nil {
		return result{reply{says: saysGone}, nil}
	}
	switch r.verb {
	case read:
		return result{reply{saysDone, present}, nil}
	case update:
		if present.obj.UID != r.obj.UID || r.obj.ResourceVersion != "" &&
			present.obj.ResourceVersion != r.obj.ResourceVersion {
			return result{reply{says: saysConflict}, nil}
		}
		obj := present.object()
		obj.Status = *r.obj.Status.DeepCopy()
		v := s.version(obj, n)
		return result{reply{saysDone, v}, v}
	}
	ops, err := jsonpatch.DecodePatch(r.patch)
	if err != nil {
		s.t.Fatal(err)
	}
	patched, err := ops.Apply(present.json)
	if err != nil { // a test operation of the patch failed
		return result{reply{says: saysInvalid}, nil}
	}
	obj := &v1alpha1.UserLogout{}
	if err := json.Unmarshal(patched, obj); err != nil {
		s.t.Fatal(err)
	}
	return result{reply{says: saysDone}, s.version(obj, n)}
}
