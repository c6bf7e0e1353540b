// Package providers turns a ClusterLogoutProvider into the client of its
// service. It is the one place that knows every type of provider.
package providers

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/chime"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// Keys of the Secret that secretRef names: the names the AWS tools give their
// environment variables.
const (
	KeyAccessKeyID     = "AWS_ACCESS_KEY_ID"
	KeySecretAccessKey = "AWS_SECRET_ACCESS_KEY" //nolint:gosec // the name of a key, not a credential
	KeySessionToken    = "AWS_SESSION_TOKEN"     //nolint:gosec // likewise
)

// Client of one provider's service.
type Client interface {
	logout.Provider
	// CheckCredentials returns an error fit for people if there are no
	// credentials to be had. It may ask other services, but not the provider's.
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
	client  Client
	changed time.Time // when it took the place of an earlier client; zero for the first
}

// version of everything a client is made from.
type version struct {
	provider       types.UID
	generation     int64
	secret         types.UID
	secretRevision string
}

// Client returns the client for a provider. The error is a *ConfigError if the
// provider's configuration is at fault, else one of the API server.
func (r *Resolver) Client(ctx context.Context, p *v1alpha1.ClusterLogoutProvider) (Client, error) {
	secret, err := r.secret(ctx, p)
	if err != nil {
		return nil, err
	}
	v := version{provider: p.UID, generation: p.Generation}
	if secret != nil {
		v.secret, v.secretRevision = secret.UID, secret.ResourceVersion
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old, ok := r.clients[p.Name]
	if ok && old.version == v {
		return old.client, nil
	}
	c, err := r.newClient(ctx, p, secret)
	if err != nil {
		return nil, err
	}
	is := entry{version: v, client: c}
	if ok {
		old.client.Close()
		is.changed = time.Now().Round(0) // by the wall clock, as times in the API are
	}
	if r.clients == nil {
		r.clients = map[string]entry{}
	}
	r.clients[p.Name] = is
	return c, nil
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
	if c := p.Spec.AmazonChime; c != nil && c.Credentials != nil {
		return c.Credentials.SecretRef.Name
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
	return &s, err
}

// newClient makes the client for the provider's type.
func (r *Resolver) newClient(ctx context.Context, p *v1alpha1.ClusterLogoutProvider, secret *corev1.Secret) (Client, error) {
	spec := p.Spec.AmazonChime
	if spec == nil {
		return nil, &ConfigError{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("this version of the operator cannot use type %q", p.Spec.Type)}
	}
	if err := chime.CheckEndpoint(spec.Endpoint, r.AllowInsecure); err != nil {
		return nil, &ConfigError{v1alpha1.ReasonInvalidEndpoint, "spec.amazonChime.endpoint: " + err.Error()}
	}
	config := chime.Config{Endpoint: spec.Endpoint, Region: spec.Region, AllowInsecure: r.AllowInsecure}
	if secret != nil {
		credentials, err := credentialsFrom(secret)
		if err != nil {
			return nil, err
		}
		config.Credentials = credentials
	}
	if role := spec.AssumeRole; role != nil {
		config.AssumeRole = &chime.AssumeRole{RoleARN: role.RoleARN, ExternalID: role.ExternalID}
	}
	c, err := chime.New(ctx, config)
	switch {
	case err != nil && secret != nil:
		return nil, &ConfigError{v1alpha1.ReasonInvalidSecret, fmt.Sprintf("Secret %q in namespace %q: %v", secret.Name, secret.Namespace, err)}
	case err != nil:
		return nil, &ConfigError{v1alpha1.ReasonCredentialsUnavailable, err.Error()}
	}
	return c, nil
}

func credentialsFrom(secret *corev1.Secret) (*chime.Credentials, error) {
	for _, key := range []string{KeyAccessKeyID, KeySecretAccessKey} {
		if len(secret.Data[key]) == 0 {
			return nil, &ConfigError{v1alpha1.ReasonInvalidSecret,
				fmt.Sprintf("Secret %q in namespace %q has no key %s, or it is empty", secret.Name, secret.Namespace, key)}
		}
	}
	return &chime.Credentials{
		AccessKeyID:     string(secret.Data[KeyAccessKeyID]),
		SecretAccessKey: string(secret.Data[KeySecretAccessKey]),
		SessionToken:    string(secret.Data[KeySessionToken]),
	}, nil
}
