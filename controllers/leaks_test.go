package controllers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/providertest"
)

// operatorLog is the complete log of the operator.
var operatorLog lockedBuffer

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// findLeaks searches everything that the operator wrote during the tests (statuses, events, logs and metrics) for the
// credentials of the tests.
func findLeaks(ctx context.Context) error {
	gathered, err := metrics.Registry.Gather()
	if err != nil {
		return err
	}
	places := map[string]string{"log": operatorLog.String(), "metrics": fmt.Sprint(gathered)}
	for name, list := range map[string]client.ObjectList{
		"UserLogouts": &v1alpha1.UserLogoutList{}, "providers": &v1alpha1.ClusterLogoutProviderList{},
		"events": &eventsv1.EventList{}} {
		if err := cluster.List(ctx, list); err != nil {
			return err
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		places[name] = string(text)
	}
	secrets := []string{credentials.SecretAccessKey, roleCredentials.SecretAccessKey, roleCredentials.SessionToken,
		malformedKey, "AWS4-HMAC-SHA256"}
	for _, p := range providertest.All {
		secrets = append(secrets, p.SecretValues()...)
	}
	var leaks []error
	// a few tests do not write to all places
	everything := flag.Lookup("test.run").Value.String() == ""
	for place, text := range places {
		if everything && !strings.Contains(text, "logout") {
			leaks = append(leaks, fmt.Errorf("nothing of the operator in the %s: this search proves nothing", place))
		}
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				leaks = append(leaks, fmt.Errorf("%q is in the %s", secret, place))
			}
		}
	}
	return errors.Join(leaks...)
}
