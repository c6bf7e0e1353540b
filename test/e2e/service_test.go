package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

const serviceNamespace = "e2e-service"

// account is the account of all users.
const account = "acme"

// service is the fake service, which runs as a pod. Tests script and inspect it through the API server's proxy.
type service struct{ endpoint string }

// startService runs the service until the test is over. Its endpoint is an IP address, because not every cluster has
// DNS.
func startService(t *testing.T) *service {
	t.Helper()
	apply(t, render(t, "test/e2e/manifests/service", "fake", fakeImage))
	awaitOne(t, "the fake service to run", &appsv1.DeploymentList{},
		client.ObjectKey{Namespace: serviceNamespace, Name: "fake"},
		func(d *appsv1.Deployment) bool { return d.Status.ReadyReplicas == 1 })
	var found corev1.Service
	if err := admin.Get(t.Context(), client.ObjectKey{Namespace: serviceNamespace, Name: "fake"}, &found); err != nil {
		t.Fatal(err)
	}
	return &service{endpoint: "http://" + found.Spec.ClusterIP + ":" + strconv.Itoa(int(found.Spec.Ports[0].Port)) +
		"/console"}
}

// signIn registers the user and signs them in on one device.
func (s *service) signIn(ctx context.Context, user string) error {
	return s.post(ctx, "signin", map[string]any{"account": account, "user": user, "devices": []string{"phone"}})
}

// answer sets the answers to the next calls; without answers, the service's own.
func (s *service) answer(t *testing.T, answers ...chimetest.Answer) {
	t.Helper()
	if err := s.post(t.Context(), "script", map[string]any{"answers": answers}); err != nil {
		t.Fatal(err)
	}
}

// accept sets the keys that may sign calls.
func (s *service) accept(t *testing.T, keys ...key) {
	t.Helper()
	accepted := map[string]string{}
	for _, k := range keys {
		accepted[k.id] = k.secret
	}
	if err := s.post(t.Context(), "credentials", map[string]any{"keys": accepted}); err != nil {
		t.Fatal(err)
	}
}

// journal returns all calls that have been answered or cut so far.
func (s *service) journal(t *testing.T) []chimetest.Entry {
	t.Helper()
	data, err := clientset.CoreV1().Services(serviceNamespace).ProxyGet("http", "fake", "http",
		chimetest.AdminPrefix+"journal", nil).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var entries []chimetest.Entry
	if err := json.Unmarshal(data, &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

func (s *service) post(ctx context.Context, path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return clientset.CoreV1().RESTClient().Verb(http.MethodPost).Namespace(serviceNamespace).Resource("services").Name(
		"http:fake:http").
		SubResource("proxy").Suffix(chimetest.AdminPrefix + path).Body(data).Do(ctx).Error()
}
