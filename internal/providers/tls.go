package providers

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/httpcall"
)

// defaultBundleKey is the key of a CA bundle in a spec without one, which was written under another CRD.
const defaultBundleKey = "ca.crt"

// tlsObjects holds the objects that spec.tls references.
type tlsObjects struct {
	holder      client.Object // has the CA bundle; nil if the spec references none
	key, bundle string        // the bundle, and its key in the holder
	certificate *corev1.Secret
}

// same reports whether clients of both are the same. Other keys do not count: cert-manager writes some.
func (o tlsObjects) same(as tlsObjects) bool {
	return o.bundle == as.bundle && bytes.Equal(o.certified(corev1.TLSCertKey), as.certified(corev1.TLSCertKey)) &&
		bytes.Equal(o.certified(corev1.TLSPrivateKeyKey), as.certified(corev1.TLSPrivateKeyKey))
}

// certified returns a value of the client certificate's Secret.
func (o tlsObjects) certified(key string) []byte {
	if o.certificate == nil {
		return nil
	}
	return o.certificate.Data[key]
}

// readTLS reads the objects that spec.tls references.
func (r *Resolver) readTLS(ctx context.Context, spec *v1alpha1.TLS) (o tlsObjects, err error) {
	if spec == nil {
		return o, nil
	}
	if ref := spec.CABundleRef; ref != nil {
		if o, err = r.readBundle(ctx, ref); err != nil {
			return o, err
		}
	}
	if c := spec.ClientCertificate; c != nil {
		o.certificate, err = r.secret(ctx, c.SecretRef.Name)
	}
	return o, err
}

// readBundle reads the CA bundle that a spec references.
func (r *Resolver) readBundle(ctx context.Context, ref *v1alpha1.CABundleReference) (o tlsObjects, err error) {
	o.key = cmp.Or(ref.Key, defaultBundleKey)
	switch ref.Kind {
	case v1alpha1.CABundleKindConfigMap:
		var m *corev1.ConfigMap
		if m, err = r.configMap(ctx, ref.Name); err == nil {
			o.holder, o.bundle = m, m.Data[o.key]
		}
	case v1alpha1.CABundleKindSecret:
		var s *corev1.Secret
		if s, err = r.secret(ctx, ref.Name); err == nil {
			o.holder, o.bundle = s, string(s.Data[o.key])
		}
	default:
		err = invalidSpec("spec.tls.caBundleRef.kind: unsupported value %q", ref.Kind)
	}
	if err == nil && o.bundle == "" {
		err = o.invalidBundle(errors.New("is missing or empty"))
	}
	return o, err
}

// parsedTLS is the last result of parsing.
type parsedTLS struct {
	spec    *v1alpha1.TLS
	objects tlsObjects
	config  httpcall.TLS
	err     error
}

// parseTLS parses what was read for a provider, unless it is what it parsed last. Every object of a provider that
// cannot be used asks for its client, and a bundle may have hundreds of certificates. The caller must hold the lock.
func (r *Resolver) parseTLS(provider string, o tlsObjects, spec *v1alpha1.TLS) (httpcall.TLS, error) {
	last, ok := r.parsed[provider]
	if !ok || !last.objects.same(o) || !equality.Semantic.DeepEqual(last.spec, spec) {
		last = parsedTLS{spec: spec.DeepCopy(), objects: o}
		last.config, last.err = o.parse(spec, time.Now())
		if r.parsed == nil {
			r.parsed = map[string]parsedTLS{}
		}
		r.parsed[provider] = last
	}
	return last.config, last.err
}

// parse returns the TLS configuration of a client. The error is a *ConfigError.
func (o tlsObjects) parse(spec *v1alpha1.TLS, now time.Time) (config httpcall.TLS, err error) {
	if spec == nil {
		return config, nil
	}
	if bundle := cmp.Or(o.bundle, spec.CABundle); bundle != "" {
		if config.CAs, err = httpcall.ParseCAs(bundle); err != nil {
			return config, o.invalidBundle(err)
		}
	}
	if o.certificate != nil {
		if config.Certificate, err = httpcall.CertificateFrom(o.certificate.Data, now); err != nil {
			return config, invalidSecret(o.certificate, err)
		}
	}
	return config, nil
}

// invalidBundle returns the error for a CA bundle that cannot be used.
func (o tlsObjects) invalidBundle(why error) error {
	switch holder := o.holder.(type) {
	case *corev1.ConfigMap:
		return &ConfigError{v1alpha1.ReasonInvalidConfigMap,
			fmt.Sprintf("ConfigMap %q in namespace %q: key %s %v", holder.Name, holder.Namespace, o.key, why)}
	case *corev1.Secret:
		return invalidSecret(holder, fmt.Errorf("key %s %w", o.key, why))
	}
	return invalidSpec("spec.tls.caBundle %v", why)
}
