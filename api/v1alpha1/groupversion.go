// Package v1alpha1 is the logout-operator.io/v1alpha1 API: UserLogout, which
// requests that one user is logged out of every device, and
// ClusterLogoutProvider, which configures the service and the credentials for
// that.
//
// It imports nothing but k8s.io/apimachinery, so that any program or test can
// import it.
//
// +kubebuilder:object:generate=true
// +groupName=logout-operator.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of the kinds in this package.
var GroupVersion = schema.GroupVersion{Group: "logout-operator.io", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(func(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&UserLogout{}, &UserLogoutList{},
		&ClusterLogoutProvider{}, &ClusterLogoutProviderList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
})

// AddToScheme adds the kinds of this package to a scheme.
var AddToScheme = schemeBuilder.AddToScheme
