// Package store keeps UserLogouts in as little memory as decisions about them need: a hundred thousand that wait for
// a service take about twenty megabytes (TestSize).
//
// An object is kept as three strings. Two of them contain what thousands of objects have in common, such as the
// provider and the texts of the conditions, and equal strings are shared. The third contains what belongs to the
// object alone: its UID and version, the user, and the times. Labels, annotations, owners, finalizers and
// managedFields are not kept. Writes to the status subresource do not need them, because the API server takes nothing
// but the status from such a write.
package store

import (
	"iter"
	"sync"
	"unique"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Store holds the newest state of each object that was put into it. It is safe for concurrent use.
type Store struct {
	mu         sync.RWMutex
	namespaces map[string]map[string]record // by namespace and name
	len        int
}

// record is an object; see encode.
type record struct {
	spec, status unique.Handle[string] // shared; the runtime frees a string without references
	own          string
}

// New returns an empty store.
func New() *Store { return &Store{namespaces: map[string]map[string]record{}} }

// Put stores the object's state in place of an earlier one, and reports whether they differ. It keeps nothing of the
// object's memory except its name.
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

// Get returns a copy of the object, with all fields that are kept; nil if the store does not have it.
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

// Len returns the number of objects.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.len
}

// All yields every object, in no particular order. It yields the same variable each time, overwritten for the next
// object. The store is locked meanwhile, so that nothing can be put into it.
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

// OfProvider returns the names of the objects that name a provider. It examines every object, because providers
// rarely change.
func (s *Store) OfProvider(name string) (keys []types.NamespacedName) {
	of := map[unique.Handle[string]]bool{} // by the string that objects share
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

// records yields all records, under the lock.
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
