package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/chimetest"
	"github.com/logout-operator/logout-operator/test/harness/apiproxy"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// TestStandbyIsIdle: a standby operator knows the objects and does not act on them. Its work queue contains none of the
// existing objects.
func TestStandbyIsIdle(t *testing.T) {
	n := suite.Either(100, 6000)
	p, other := apiproxy.New(t, plane.Config), apiproxy.New(t, plane.Config)
	leader := startOperator(t, p, "--leader-elect", manyWorkers)
	standby := launch(t, other, "--leader-elect")
	standby.Log.AwaitLine(t, 0, "starting server")
	awaitGauge(
		t,
		standby,
		"the standby to know what was there before",
		func(succeeded float64) bool { return succeeded > 0 },
	)
	before := standby.gauge(t, "logout_operator_objects", "state", "Succeeded")
	objects := make([]*v1alpha1.UserLogout, n)
	for i := range objects {
		objects[i] = create(t, nameFor(t, i))
	}
	awaitAll(t, objects)
	awaitGauge(
		t,
		standby,
		"the standby to know what has finished",
		func(succeeded float64) bool { return succeeded >= before+float64(n) },
	)
	for _, obj := range objects {
		if err := admin.Delete(t.Context(), obj, client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
	}
	awaitGauge(t, standby, "the standby to know what is gone", func(succeeded float64) bool {
		return succeeded <= before
	})
	leader.gauge(t, "workqueue_depth", "controller", "userlogout") // it exists where there is a queue
	depth, err := standby.Gauge(t.Context(), installed.Scraper, "workqueue_depth", "controller", "userlogout")
	if err != nil && !errors.Is(err, operatortest.ErrNotServed) {
		t.Fatal(err)
	}
	figures.AtMost(t, "objects in the work queue of a standby", int(depth), 0, true)
}

// TestRetryAfterOutlivesTheLeader: a standby that takes over respects the Retry-After that the service gave the leader.
func TestRetryAfterOutlivesTheLeader(t *testing.T) {
	const asked = 20 * time.Second
	p, other := apiproxy.New(t, plane.Config), apiproxy.New(t, plane.Config)
	leader := startOperator(t, p, "--leader-elect")
	standby := launch(t, other, "--leader-elect")
	standby.Log.AwaitLine(t, 0, "starting server")
	awaitGauge(t, standby, "the standby to know what was there before", func(succeeded float64) bool {
		return succeeded > 0
	})
	before := standby.gauge(t, "logout_operator_objects", "state", "Succeeded")
	e := newEndpoint(t, common()) // the standby sees it before any failure
	e.sign(t, validKeys[0])
	objects := e.create(t, 1)
	awaitGauge(t, standby, "the standby to know the first logout", func(succeeded float64) bool {
		return succeeded > before
	})

	throttled := e.next()
	e.Script(account, throttled.Spec.UserID, chimetest.Answer{Code: "ThrottledClientException",
		Header: map[string]string{"Retry-After": fmt.Sprint(asked.Seconds())}})
	objects = append(objects, e.created(t, throttled))
	e.awaitProvider(t, metav1.ConditionFalse, v1alpha1.ReasonThrottled)
	leader.SendTerm(t)
	standby.Log.AwaitLine(t, 0, "Successfully acquired lease")
	objects = append(objects, e.create(t, 3)...)
	e.verify(t, objects...)
	refused := time.Time{}
	for _, call := range e.Journal() {
		switch since := call.Time.Sub(refused); {
		case call.Status == 429:
			refused = call.Time
		case refused.IsZero():
		case since < asked:
			t.Errorf("a call %s after the service asked to be left alone for %s", since, asked)
		}
	}
}

// awaitGauge returns when an operator's number of succeeded objects is as wanted.
func awaitGauge(t *testing.T, o *operator, what string, ok func(float64) bool) {
	t.Helper()
	await.Eventually(t, what, func(ctx context.Context) error {
		succeeded, err := o.Gauge(ctx, installed.Scraper, "logout_operator_objects", "state", "Succeeded")
		if err == nil && !ok(succeeded) {
			err = fmt.Errorf("%g objects have succeeded", succeeded)
		}
		return err
	})
}

// gauge returns the sum of an operator's gauges with this name and label.
func (o *operator) gauge(t *testing.T, name, label, value string) float64 {
	t.Helper()
	sum, err := o.Gauge(t.Context(), installed.Scraper, name, label, value)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
