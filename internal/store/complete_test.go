package store_test

import (
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/store"
)

// TestNoFieldIsForgotten: this test fails if the store does not keep a field
// that was added to the API.
func TestNoFieldIsForgotten(t *testing.T) {
	obj := &v1alpha1.UserLogout{}
	obj.Namespace, obj.Name = "security", "jane"
	fill(t, reflect.ValueOf(&obj.Spec).Elem())
	fill(t, reflect.ValueOf(&obj.Status).Elem())
	s := store.New()
	s.Put(obj)
	if got := s.Get(client.ObjectKeyFromObject(obj)); !equality.Semantic.DeepEqual(got, obj) {
		t.Errorf("got  %+v\nwant %+v: see layout", got, obj)
	}
}

// fill sets every field of a value to something other than its zero value.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	if v.Type() == reflect.TypeFor[metav1.Time]() {
		v.Set(reflect.ValueOf(metav1.Time{Time: time.Unix(1.8e9, 0)}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(7)
	default:
		t.Fatalf("the store does not know how to keep a %s", v.Type())
	}
}
