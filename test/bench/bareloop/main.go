// Command bareloop is the baseline for measurements of the operator: workers that take one UserLogout after the other
// from a list, write the claim, make the signed call and write the outcome, each as the operator does, and nothing
// else: no watch, no queue, no limit, no event, no second attempt. It runs until it is killed, so that its memory can
// be measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/chime"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	if err == nil {
		<-ctx.Done()
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bareloop:", err)
		os.Exit(1)
	}
}

// loop is the state that all workers share.
type loop struct {
	objects client.Client
	service *chime.Client
}

func run(ctx context.Context) error {
	kubeconfig := flag.String("kubeconfig", "", "the access to the API server")
	tenant := flag.String("tenant", "", "the namespace of the UserLogouts to carry out")
	workers := flag.Int("workers", 1, "how many attempts are under way at a time")
	endpoint := flag.String("endpoint", "", "the service")
	var keys awsauth.Keys
	flag.StringVar(&keys.AccessKeyID, "access-key-id", "", "to sign calls with")
	flag.StringVar(&keys.SecretAccessKey, "secret-access-key", "", "to sign calls with")
	for _, name := range []string{"namespace", "metrics-bind-address", "health-probe-bind-address"} {
		_ = flag.String(name, "", "ignored: every operator that a test starts gets it")
	}
	flag.Parse()

	l, err := newLoop(ctx, *kubeconfig, *endpoint, &keys)
	if err != nil {
		return err
	}
	var list v1alpha1.UserLogoutList
	if err := l.objects.List(ctx, &list, client.InNamespace(*tenant)); err != nil {
		return err
	}
	next := make(chan *v1alpha1.UserLogout, len(list.Items))
	for i := range list.Items {
		next <- &list.Items[i]
	}
	close(next)
	group, ctx := errgroup.WithContext(ctx)
	for range *workers {
		group.Go(func() error {
			for obj := range next {
				if err := l.logOut(ctx, obj); err != nil {
					return fmt.Errorf("%s: %w", obj.Name, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func newLoop(ctx context.Context, kubeconfig, endpoint string, keys *awsauth.Keys) (*loop, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // as in the operator
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	objects, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	service, err := chime.New(ctx, chime.Config{Endpoint: httpcall.MustParseEndpoint(endpoint),
		Auth: awsauth.Config{Region: "us-east-1", Keys: keys}})
	return &loop{objects: objects, service: service}, err
}

// visibility is how long a claim lasts: the operator's default.
const visibility = 30 * time.Second

// logOut does one claim, one call and one outcome.
func (l *loop) logOut(ctx context.Context, obj *v1alpha1.UserLogout) error {
	claimedAt := time.Now()
	claim := obj.DeepCopy()
	claim.Status = lifecycle.Claimed(obj, claimedAt, visibility)
	if err := l.objects.Status().Update(ctx, claim); err != nil {
		return err
	}
	receipt, err := l.service.Logout(ctx, claim.Spec.AccountID, claim.Spec.UserID)
	if err != nil {
		return err
	}
	patch, err := outcomePatch(claim, lifecycle.LoggedOut(claim, claimedAt, receipt, time.Now()))
	if err != nil {
		return err
	}
	stored := &v1alpha1.UserLogout{}
	stored.Namespace, stored.Name = claim.Namespace, claim.Name
	return l.objects.Status().Patch(ctx, stored, patch)
}

// outcomePatch replaces the status if the claim is still stored.
func outcomePatch(claim *v1alpha1.UserLogout, outcome v1alpha1.UserLogoutStatus) (client.Patch, error) {
	type op struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	data, err := json.Marshal([]op{
		{"test", "/metadata/uid", claim.UID},
		{"test", "/status/attempts", claim.Status.Attempts},
		{"test", "/status/nextAttemptTime", claim.Status.NextAttemptTime},
		{"replace", "/status", outcome},
	})
	return client.RawPatch(types.JSONPatchType, data), err
}
