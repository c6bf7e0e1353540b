// Package store keeps UserLogouts in as little memory as deciding about them needs: a hundred thousand that wait for
// a service are some twenty megabytes (TestSize).
//
// An object is kept as three strings. Two of them hold what thousands of objects have in common, such as the provider
// and the texts of the conditions, and are shared by all that have the same. The third holds what is the object's
// own: its UID and version, the user, and the times. Labels, annotations, owners, finalizers and managedFields are
// not kept: writes to the status subresource do not need them, as the API server takes nothing but the status from
// those.
package store

import (
	"iter"
	"sync"
	"unique"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Store holds the newest state of each object that was put into it. It may be used from any goroutine.
type Store struct {
	mu         sync.RWMutex
	namespaces map[string]map[string]record // by namespace and name
	len        int
}

// record is an object: see encode.
type record struct {
	spec, status unique.Handle[string] // shared; the runtime drops a string that nothing refers to any more
	own          string
}

// New returns an empty store.
func New() *Store { return &Store{namespaces: map[string]map[string]record{}} }

// Put keeps the object's state in place of an earlier one, and reports whether it differs from that. It keeps nothing
// of the object's memory but its name.
func (s *Store) Put(obj *v1alpha1.UserLogout) (changed bool) {
	r := encode(obj)
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace, ok := s.namespaces[obj.Namespace]
	if !ok {
		namespace = map[string]record{}
		s.namespaces[obj.Namespace] = namespace
	}
	old, ok := namespace[obj.Name]
	if !ok {
		s.len++
	}
	namespace[obj.Name] = r
	return old != r
}

// Delete drops an object.
func (s *Store) Delete(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	namespace := s.namespaces[key.Namespace]
	if _, ok := namespace[key.Name]; !ok {
		return
	}
	s.len--
	delete(namespace, key.Name)
	if len(namespace) == 0 { // maps do not shrink
		delete(s.namespaces, key.Namespace)
	}
}

// Get returns a copy of the object with all that is kept of it; nil if there is none.
func (s *Store) Get(key types.NamespacedName) *v1alpha1.UserLogout {
	s.mu.RLock()
	r, ok := s.namespaces[key.Namespace][key.Name]
	s.mu.RUnlock()
	if !ok {
		return nil
	}
	obj := &v1alpha1.UserLogout{}
	r.decode(key, obj)
	return obj
}

// Len is how many objects there are.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.len
}

// All yields every object in no particular order. It is the same variable each time, overwritten for the next one,
// and the store is locked meanwhile: nothing can be put into it.
func (s *Store) All() iter.Seq[*v1alpha1.UserLogout] {
	return func(yield func(*v1alpha1.UserLogout) bool) {
		var obj v1alpha1.UserLogout
		for key, r := range s.records() {
			r.decode(key, &obj)
			if !yield(&obj) {
				return
			}
		}
	}
}

// Keys returns the names of all objects.
func (s *Store) Keys() []types.NamespacedName {
	keys := make([]types.NamespacedName, 0, s.Len())
	for key := range s.records() {
		keys = append(keys, key)
	}
	return keys
}

// InNamespace returns the names of the objects of a namespace.
func (s *Store) InNamespace(namespace string) []types.NamespacedName {
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make([]types.NamespacedName, 0, len(s.namespaces[namespace]))
	for name := range s.namespaces[namespace] {
		keys = append(keys, types.NamespacedName{Namespace: namespace, Name: name})
	}
	return keys
}

// OfProvider returns the names of the objects that name a provider. It looks at every object: providers change rarely.
func (s *Store) OfProvider(name string) (keys []types.NamespacedName) {
	of := map[unique.Handle[string]]bool{} // by what objects have in common
	for key, r := range s.records() {
		is, known := of[r.spec]
		if !known {
			is = r.provider() == name
			of[r.spec] = is
		}
		if is {
			keys = append(keys, key)
		}
	}
	return keys
}

// records yields all of them, under the lock.
func (s *Store) records() iter.Seq2[types.NamespacedName, record] {
	return func(yield func(types.NamespacedName, record) bool) {
		s.mu.RLock()
		defer s.mu.RUnlock()
		for namespace, names := range s.namespaces {
			for name, r := range names {
				if !yield(types.NamespacedName{Namespace: namespace, Name: name}, r) {
					return
				}
			}
		}
	}
}
