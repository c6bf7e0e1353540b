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

// version is what the API server has had under the name at one time. Equal ones
// are one.
type version struct {
	id   int
	json []byte
	obj  *v1alpha1.UserLogout // nil: nothing; not to be changed
}

// object is a copy of it.
func (v *version) object() *v1alpha1.UserLogout { return v.obj.DeepCopy() }

// apiServer says what a request does: for the status of custom resources it is
// what a real one does, which attempt_test.go holds the operator's code against.
type apiServer struct {
	t        *testing.T
	versions map[string]*version
	results  map[applied]result // a pure function, and asked often
}

type applied struct{ present, number, request int }

type result struct {
	reply
	next *version // what is there from now on; nil: no change
}

// version of an object, as number n under its name.
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

// created is a new object; its deadline is three ticks later.
func (s *apiServer) created(uid types.UID, now, n int) *version {
	return s.version(&v1alpha1.UserLogout{
		ObjectMeta: metav1.ObjectMeta{Namespace: modelKey.Namespace, Name: modelKey.Name, UID: uid, Generation: 1,
			CreationTimestamp: metav1.Time{Time: modelEpoch.Add(time.Duration(now) * time.Second)}},
		Spec:   v1alpha1.UserLogoutSpec{AccountID: "account", UserID: "user", ActiveDeadlineSeconds: 3 * tick},
		Status: v1alpha1.UserLogoutStatus{ObservedGeneration: -1},
	}, n)
}

// edited is the object with a label more.
func (s *apiServer) edited(v *version, n int) *version {
	obj := v.object()
	if obj.Labels == nil {
		obj.Labels = map[string]string{}
	}
	obj.Labels["edited"] = strconv.Itoa(n)
	return s.version(obj, n)
}

// do carries out a request upon what is there, which would become number n.
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
		if present.obj.UID != r.obj.UID || r.obj.ResourceVersion != "" && present.obj.ResourceVersion != r.obj.ResourceVersion {
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
	if err != nil { // a test of the patch failed
		return result{reply{says: saysInvalid}, nil}
	}
	obj := &v1alpha1.UserLogout{}
	if err := json.Unmarshal(patched, obj); err != nil {
		s.t.Fatal(err)
	}
	return result{reply{says: saysDone}, s.version(obj, n)}
}
