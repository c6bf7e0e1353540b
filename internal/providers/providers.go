// Package providers creates the client of a service from a ClusterLogoutProvider. It is the only package that knows
// every type of provider: types.go has the table, and each type a file of its own.
package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Client of one provider's service.
type Client interface {
	logout.Client
	// CheckCredentials returns an error, in words for a status, if it cannot get credentials. The error is a
	// *logout.Error if the server that issues them has answered. It may call other services, but not the provider's.
	CheckCredentials(ctx context.Context) error
	// Close closes idle connections. Calls under way continue.
	Close()
}

// ConfigError says why the configuration of a provider cannot be used. Its message is fit for a status.
type ConfigError struct {
	// Reason for the provider's Ready condition, from api/v1alpha1.
	Reason string
	// Message for people.
	Message string
}

// Error returns the message.
func (e *ConfigError) Error() string { return e.Message }

// Resolver creates and keeps the clients of all providers. It replaces a client when something has changed that it is
// created from: a label of the Secret or a rate limit does not make the breaker forget what it knows of the service.
type Resolver struct {
	// Reader reads Secrets and ConfigMaps. It is a cache, because every attempt reads from it.
	Reader client.Reader
	// SecretNamespace is the only namespace whose Secrets and ConfigMaps are read.
	SecretNamespace string
	// AllowInsecure allows http endpoints on hosts other than the loopback.
	AllowInsecure bool

	mu      sync.Mutex
	clients map[string]entry // by the provider's name
	parsed  map[string]parsedTLS
}

type entry struct {
	provider types.UID
	// spec is what the client is created from.
	spec    v1alpha1.ClusterLogoutProviderSpec
	secret  map[string][]byte
	tls     tlsObjects
	client  Client
	changed time.Time // when it replaced an earlier client; zero for the first

	// The result of the last check of its credentials.
	checked bool
	problem *ConfigError
	recheck time.Time // zero if the check succeeded
}

const (
	// checkTimeout limits one check of credentials.
	checkTimeout = 10 * time.Second
	// recheckAfter is how soon to check again after credentials could not be obtained: the server that issues them
	// (STS, a token endpoint) is not watched.
	recheckAfter = 30 * time.Second
)

// Client returns the client for a provider. The error is a *ConfigError if the provider's configuration is wrong,
// otherwise an error of the API server.
func (r *Resolver) Client(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (Client, error) {
	if !p.DeletionTimestamp.IsZero() {
		return nil, &ConfigError{v1alpha1.ReasonDeleted, "the provider is being deleted"}
	}
	secret, err := r.secret(ctx, secretName(p))
	if err != nil {
		return nil, err
	}
	now := entry{provider: p.UID, spec: p.Spec}
	if now.tls, err = r.readTLS(ctx, p.Spec.TLS); err != nil {
		return nil, err
	}
	now.spec.RateLimit, now.spec.AllowedNamespaces = v1alpha1.RateLimit{}, v1alpha1.AllowedNamespaces{}
	if secret != nil {
		now.secret = secret.Data
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, replaces := r.clients[p.Name]
	if replaces && old.same(now) {
		return old.client, nil
	}
	known, ok := typesOf[p.Spec.Type]
	if !ok {
		return nil, &ConfigError{v1alpha1.ReasonInvalidSpec,
			fmt.Sprintf("spec.type: unsupported value %q", p.Spec.Type)}
	}
	connection, err := r.parseTLS(p.Name, now.tls, p.Spec.TLS)
	if err != nil {
		return nil, err
	}
	now.client, err = known.client(ctx, source{spec: &p.Spec, secret: secret, allowInsecure: r.AllowInsecure,
		tls: connection})
	if err != nil {
		return nil, err
	}
	now.spec = *now.spec.DeepCopy()
	if replaces {
		old.client.Close()
		now.changed = time.Now().Round(0) // by the wall clock, like times in the API
	}
	if r.clients == nil {
		r.clients = map[string]entry{}
	}
	r.clients[p.Name] = now
	return now.client, nil
}

// same reports whether both are created from the same configuration. It compares contents, as an etcd that is restored
// from a backup issues the same generations and resourceVersions again.
func (e entry) same(as entry) bool {
	return e.provider == as.provider && maps.EqualFunc(e.secret, as.secret, bytes.Equal) && e.tls.same(as.tls) &&
		equality.Semantic.DeepEqual(e.spec, as.spec)
}

// CheckCredentials returns what is wrong with the credentials of a provider, or nil, and when to check again; zero
// means not before the provider changes. It checks a client's credentials once, and again only after a failure: 30
// seconds later, or after the failure's Retry-After if that is longer. Until then, and while calls are paused (until
// paused), it returns the last result. So users cannot make the operator request tokens.
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
	before := is.problem
	is.checked, is.problem, is.recheck = true, nil, time.Time{}
	if err != nil {
		message, after := err.Error(), recheckAfter
		if failure, ok := errors.AsType[*logout.Error](err); ok {
			message, after = failure.Text(), max(after, failure.RetryAfter)
			if before != nil && strings.HasPrefix(before.Message, failure.Message) {
				message = before.Message // the server's words may have a trace ID, which is no news
			}
		}
		is.problem, is.recheck = &ConfigError{v1alpha1.ReasonCredentialsUnavailable, message}, time.Now().Add(after)
	}
	r.noteCheck(p.Name, is)
	return is.problem, is.recheck
}

// entryOf returns the entry of a provider's client. It is empty if the client has been replaced meanwhile.
func (r *Resolver) entryOf(name string, c Client) entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is := r.clients[name]; is.client == c {
		return is
	}
	return entry{client: c}
}

// noteCheck stores the result of a check, unless the client has been replaced.
func (r *Resolver) noteCheck(name string, checked entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is, ok := r.clients[name]; ok && is.client == checked.client {
		is.checked, is.problem, is.recheck = checked.checked, checked.problem, checked.recheck
		r.clients[name] = is
	}
}

// ChangedAt returns when the client of this provider was last replaced, because its credentials or its address changed;
// zero if never in this process.
func (r *Resolver) ChangedAt(name string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clients[name].changed
}

// Forget drops the client of a provider that was deleted.
func (r *Resolver) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.parsed, name)
	if old, ok := r.clients[name]; ok {
		old.client.Close()
		delete(r.clients, name)
	}
}
