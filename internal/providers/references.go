package providers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// Reference is the kind and the name of an object in the operator's namespace.
type Reference string

func toSecret(name string) Reference    { return Reference("Secret/" + name) }
func toConfigMap(name string) Reference { return Reference("ConfigMap/" + name) }

// ReferenceTo returns the reference to a Secret or ConfigMap.
func ReferenceTo(obj client.Object) Reference {
	if _, ok := obj.(*corev1.ConfigMap); ok {
		return toConfigMap(obj.GetName())
	}
	return toSecret(obj.GetName())
}

// References returns the references to all objects that a provider's client is created from. Whoever caches clients
// has to watch them.
func References(p *v1alpha1.ClusterLogoutProvider) (all []Reference) {
	if name := secretName(p); name != "" {
		all = append(all, toSecret(name))
	}
	if t := p.Spec.TLS; t != nil {
		switch ca := t.CABundleRef; {
		case ca == nil:
		case ca.Kind == v1alpha1.CABundleKindConfigMap:
			all = append(all, toConfigMap(ca.Name))
		default:
			all = append(all, toSecret(ca.Name))
		}
		if t.ClientCertificate != nil {
			all = append(all, toSecret(t.ClientCertificate.SecretRef.Name))
		}
	}
	return all
}

// secretName returns the name of the Secret with a provider's credentials; empty for none.
func secretName(p *v1alpha1.ClusterLogoutProvider) string {
	known, ok := typesOf[p.Spec.Type]
	if !ok {
		return ""
	}
	if c := known.credentialsOf(&p.Spec); c != nil {
		return c.SecretRef.Name
	}
	return ""
}

// secret reads a Secret; nil if the name is empty.
func (r *Resolver) secret(ctx context.Context, name string) (*corev1.Secret, error) {
	if name == "" {
		return nil, nil
	}
	var s corev1.Secret
	err := r.read(ctx, name, &s, "Secret", v1alpha1.ReasonSecretNotFound)
	return &s, err
}

// configMap reads a ConfigMap.
func (r *Resolver) configMap(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	var m corev1.ConfigMap
	err := r.read(ctx, name, &m, "ConfigMap", v1alpha1.ReasonInvalidConfigMap)
	return &m, err
}

// read reads an object of the operator's namespace. If it does not exist, the error is a *ConfigError.
func (r *Resolver) read(ctx context.Context, name string, into client.Object, kind, missing string) error {
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: r.SecretNamespace, Name: name}, into)
	if apierrors.IsNotFound(err) {
		return &ConfigError{missing, fmt.Sprintf("%s %q not found in namespace %q", kind, name, r.SecretNamespace)}
	}
	if err == nil && !into.GetDeletionTimestamp().IsZero() {
		return &ConfigError{missing, fmt.Sprintf("%s %q in namespace %q is being deleted", kind, name,
			r.SecretNamespace)}
	}
	return err
}
