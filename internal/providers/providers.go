// Package providers turns a ClusterLogoutProvider into the client of its
// service. It is the one place that knows every type of provider: types.go has
// the table, and each type a file of its own.
package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Client of one provider's service.
type Client interface {
	logout.Client
	// CheckCredentials returns an error fit for people if there are no
	// credentials to be had: a *logout.Error if whoever gives them has answered.
	// It may ask other services, but not the provider's.
	CheckCredentials(ctx context.Context) error
	// Close frees idle connections; calls under way go on.
	Close()
}

// ConfigError says why a provider cannot be used as it is configured. Its
// message is fit for a status.
type ConfigError struct {
	// Reason for the provider's Ready condition, from api/v1alpha1.
	Reason string
	// Message for people.
	Message string
}

// Error returns the message.
func (e *ConfigError) Error() string { return e.Message }

// Resolver makes and keeps the clients of all providers. A client is made anew
// when the provider's spec or its Secret has changed, and kept otherwise.
type Resolver struct {
	// Reader reads Secrets; a cache, because every attempt asks.
	Reader client.Reader
	// SecretNamespace is the only namespace whose Secrets are read.
	SecretNamespace string
	// AllowInsecure allows http endpoints on other hosts than the loopback.
	AllowInsecure bool

	mu      sync.Mutex
	clients map[string]entry // by the provider's name
}

type entry struct {
	version version
	spec    v1alpha1.ClusterLogoutProviderSpec
	secret  map[string][]byte
	client  Client
	changed time.Time // when it took the place of an earlier client; zero for the first

	// Of the last check of its credentials.
	checked bool
	problem *ConfigError
	recheck time.Time // zero if nothing was wrong
}

const (
	// checkTimeout bounds one check of credentials.
	checkTimeout = 10 * time.Second
	// recheckAfter is how soon to ask again for credentials that could not be
	// had: whatever gives them (STS, a token endpoint) is not watched.
	recheckAfter = 30 * time.Second
)

// version of everything a client is made from. It tells most changes and not all: an etcd that is restored from a
// copy gives out the same generations and resourceVersions once more, so the contents are compared, too.
type version struct {
	provider       types.UID
	generation     int64
	secret         types.UID
	secretRevision string
}

// Client returns the client for a provider. The error is a *ConfigError if the
// provider's configuration is at fault, else one of the API server.
func (r *Resolver) Client(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (Client, error) {
	if !p.DeletionTimestamp.IsZero() {
		return nil, &ConfigError{v1alpha1.ReasonDeleted, "it is being deleted"}
	}
	secret, err := r.secret(ctx, p)
	if err != nil {
		return nil, err
	}
	now := entry{version: version{provider: p.UID, generation: p.Generation}, spec: p.Spec}
	if secret != nil {
		now.version.secret, now.version.secretRevision, now.secret = secret.UID, secret.ResourceVersion, secret.Data
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, replaces := r.clients[p.Name]
	if replaces && old.same(now) {
		return old.client, nil
	}
	known, ok := typesOf[p.Spec.Type]
	if !ok {
		return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("this version of the operator cannot use type %q", p.Spec.Type)}
	}
	now.client, err = known.client(ctx, source{spec: &p.Spec, secret: secret, allowInsecure: r.AllowInsecure})
	if err != nil {
		return nil, err
	}
	now.spec = *p.Spec.DeepCopy()
	if replaces {
		old.client.Close()
		now.changed = time.Now().Round(0) // by the wall clock, as times in the API are
	}
	if r.clients == nil {
		r.clients = map[string]entry{}
	}
	r.clients[p.Name] = now
	return now.client, nil
}

// same reports whether both are made from the same.
func (e entry) same(as entry) bool {
	return e.version == as.version && maps.EqualFunc(e.secret, as.secret, bytes.Equal) &&
		equality.Semantic.DeepEqual(e.spec, as.spec)
}

// CheckCredentials says what is wrong with the credentials of a provider, nil
// for nothing, and when to ask again, zero for not before the provider changes.
// A client's credentials are checked once, and again only after a failure: 30
// seconds later, or as long after it as the failure asks for. In between, and
// until the time paused, which is when calls may be made again, the last result
// stands. So nothing that users do can make the operator ask for a token.
func (r *Resolver) CheckCredentials(
	ctx context.Context, p *v1alpha1.ClusterLogoutProvider, c Client, paused time.Time,
) (*ConfigError, time.Time) {
	now := time.Now()
	is := r.entryOf(p.Name, c)
	switch {
	case is.checked && (is.recheck.IsZero() || now.Before(is.recheck)):
		return is.problem, is.recheck
	case now.Before(paused):
		return is.problem, paused
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := c.CheckCredentials(ctx)
	is.checked, is.problem, is.recheck = true, nil, time.Time{}
	if err != nil {
		message, after := err.Error(), recheckAfter
		if failure, ok := errors.AsType[*logout.Error](err); ok {
			message, after = failure.Message, max(after, failure.RetryAfter)
		}
		is.problem, is.recheck = &ConfigError{v1alpha1.ReasonCredentialsUnavailable, message}, time.Now().Add(after)
	}
	r.noteCheck(p.Name, is)
	return is.problem, is.recheck
}

// entryOf returns what is kept of a provider's client; of another one, which is
// about to be taken over, nothing is known.
func (r *Resolver) entryOf(name string, c Client) entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is := r.clients[name]; is.client == c {
		return is
	}
	return entry{client: c}
}

// noteCheck keeps the result of a check, unless the client has been replaced.
func (r *Resolver) noteCheck(name string, checked entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is, ok := r.clients[name]; ok && is.client == checked.client {
		is.checked, is.problem, is.recheck = checked.checked, checked.problem, checked.recheck
		r.clients[name] = is
	}
}

// ChangedAt is when a provider of this name was last given another client, with
// other credentials or another address; zero for never in this process.
func (r *Resolver) ChangedAt(name string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clients[name].changed
}

// Forget drops the client of a provider that is gone.
func (r *Resolver) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.clients[name]; ok {
		old.client.Close()
		delete(r.clients, name)
	}
}

// SecretName returns the name of the Secret a provider uses; empty for none.
func SecretName(p *v1alpha1.ClusterLogoutProvider) string {
	known, ok := typesOf[p.Spec.Type]
	if !ok {
		return ""
	}
	if c := known.credentialsOf(&p.Spec); c != nil {
		return c.SecretRef.Name
	}
	return ""
}

func (r *Resolver) secret(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (*corev1.Secret, error) {
	name := SecretName(p)
	if name == "" {
		return nil, nil
	}
	var s corev1.Secret
	err := r.Reader.Get(ctx, types.NamespacedName{Namespace: r.SecretNamespace, Name: name}, &s)
	if apierrors.IsNotFound(err) {
		return nil, &ConfigError{v1alpha1.ReasonSecretNotFound, fmt.Sprintf("Secret %q not found in namespace %q", name, r.SecretNamespace)}
	}
	if err == nil && !s.DeletionTimestamp.IsZero() {
		return nil, &ConfigError{v1alpha1.ReasonSecretNotFound,
			fmt.Sprintf("Secret %q in namespace %q is being deleted", name, r.SecretNamespace)}
	}
	return &s, err
}
