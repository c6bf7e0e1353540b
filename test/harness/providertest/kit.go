package providertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/logout/logouttest"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// attemptTime is how long an attempt may take.
const attemptTime = 10 * time.Second

// kit holds the parts that test one behaviour: a service, and a client of it built as the operator builds it.
type kit struct {
	testing.TB
	p        Fixture
	server   *Server
	object   *v1alpha1.ClusterLogoutProvider
	secret   *corev1.Secret
	resolver *providers.Resolver
	objects  []client.Object // others that the provider references
}

func newKit(t testing.TB, p Fixture) *kit { return newKitAt(t, p, NewServer(t, p)) }

func newKitAt(t testing.TB, p Fixture, server *Server) *kit {
	k := &kit{TB: t, p: p, server: server}
	k.secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "operators", Name: "credentials"}}
	k.setSecret(p.Secrets[0])
	k.object = &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "p", Generation: 1},
		Spec: p.Spec(k.server.URL, k.secret.Name)}
	k.resolver = &providers.Resolver{Reader: reader{k}, SecretNamespace: k.secret.Namespace}
	t.Cleanup(func() { k.resolver.Forget(k.object.Name) })
	return k
}

// reader reads the kit's objects, in place of a cluster.
type reader struct{ k *kit }

func (r reader) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	for _, obj := range append(r.k.objects, r.k.secret) {
		if reflect.TypeOf(obj) == reflect.TypeOf(into) && client.ObjectKeyFromObject(obj) == key {
			reflect.ValueOf(into).Elem().Set(reflect.ValueOf(obj.DeepCopyObject()).Elem())
			return nil
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: fmt.Sprintf("%T", into)}, key.Name)
}

func (reader) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("unexpected list")
}

func (k *kit) setSecret(data map[string]string) {
	k.secret.Data = map[string][]byte{}
	for key, value := range data {
		k.secret.Data[key] = []byte(value)
	}
	k.secret.ResourceVersion += "1"
}

// environment guards the process's environment, which a client reads only when it is built: kits that need different
// environments can run in parallel.
var environment sync.Mutex

// build returns the client for the object, built in the environment that its type needs.
func (k *kit) build() (providers.Client, error) {
	environment.Lock()
	defer environment.Unlock()
	if k.p.Environment != nil {
		for name, value := range k.p.Environment(k.server.URL) {
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
			defer func() { _ = os.Unsetenv(name) }()
		}
	}
	return k.resolver.Client(k.Context(), k.object)
}

func (k *kit) client() providers.Client {
	k.Helper()
	c, err := k.build()
	if err != nil {
		k.Fatal(err)
	}
	return c
}

// attempt makes one attempt, and checks the rules for all attempts: at most one call of the service, and a result that
// can be put into a status.
func (k *kit) attempt() (logout.Receipt, *logout.Error) {
	k.Helper()
	before := len(k.server.Calls())
	receipt, failure := k.attemptFor(k.p.AccountID, k.p.UserID)
	if n := len(k.server.Calls()) - before; n > 1 || failure == nil && n != 1 {
		k.Errorf("%d logout calls on the wire in one attempt", n)
	}
	return receipt, failure
}

func (k *kit) attemptFor(accountID, userID string) (logout.Receipt, *logout.Error) {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), attemptTime)
	defer cancel()
	return k.attemptWith(ctx, accountID, userID)
}

// untilTold is the context of an attempt. Its deadline passes a moment after timeUp is called by a service that has the
// request: then the call has certainly been made, and cannot be taken for one of the next attempt.
func (k *kit) untilTold() (ctx context.Context, timeUp func() *time.Timer) {
	over := make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	k.Cleanup(end)
	return told{context.Background(), over}, func() *time.Timer { return time.AfterFunc(shortTime, end) }
}

type told struct {
	context.Context
	over chan struct{}
}

func (c told) Done() <-chan struct{} { return c.over }

func (c told) Err() error {
	select {
	case <-c.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func (k *kit) attemptWith(ctx context.Context, accountID, userID string) (logout.Receipt, *logout.Error) {
	k.Helper()
	receipt, err := k.client().Logout(ctx, accountID, userID)
	return receipt, k.failure(receipt, err)
}

// failure checks the result of an attempt.
func (k *kit) failure(receipt logout.Receipt, err error) *logout.Error {
	k.Helper()
	logouttest.CheckSecrets(k, &logout.Error{RequestID: receipt.RequestID}, k.p.SecretValues()...)
	return logouttest.Failure(k, err, k.p.SecretValues()...)
}

// succeeds makes an attempt that must be confirmed.
func (k *kit) succeeds(what string) {
	k.Helper()
	if receipt, failure := k.attempt(); failure != nil || receipt.RequestID != k.p.RequestID ||
		receipt.HTTPStatusCode == 0 {
		k.Errorf("%s: %+v, %+v", what, receipt, failure)
	}
}

// fails makes an attempt that must fail with the reason.
func (k *kit) fails(what string, reason logout.Reason) logout.Error {
	k.Helper()
	_, failure := k.attempt()
	if failure == nil || failure.Reason != reason {
		k.Fatalf("%s: %+v, want %s", what, failure, reason)
	}
	return *failure
}

// answered makes an attempt that gets the answer and must fail with the reason.
func (k *kit) answered(what string, a Answer, reason logout.Reason) logout.Error {
	k.Helper()
	before := len(k.server.Calls())
	k.server.Answer(a)
	failure := k.fails(what, reason)
	if failure.HTTPStatusCode == 0 || len(k.server.Calls()) != before+1 {
		k.Errorf("%s: %+v after %d calls", what, failure, len(k.server.Calls())-before)
	}
	return failure
}
