package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/apiproxy"
	"github.com/logout-operator/logout-operator/test/await"
	"github.com/logout-operator/logout-operator/test/figures"
	"github.com/logout-operator/logout-operator/test/operatortest"
)

// TestStandbyIsIdle: an operator that stands by knows the objects and does nothing about them. Its work queue holds
// none of those that there have been.
func TestStandbyIsIdle(t *testing.T) {
	n := either(100, 6000)
	p, other := apiproxy.New(t, plane.Config), apiproxy.New(t, plane.Config)
	startOperator(t, p, "--leader-elect", manyWorkers)
	standby := launch(t, other, "--leader-elect")
	standby.log.awaitText(t, "Serving metrics server")
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
	awaitGauge(t, standby, "the standby to know what is gone", func(succeeded float64) bool { return succeeded <= before })
	figures.AtMost(
		t,
		"objects in the work queue of a standby",
		int(standby.gauge(t, "workqueue_depth", "controller", "userlogout")),
		0,
		true,
	)
}

// awaitGauge returns when the number of objects that have succeeded, as an operator knows it, is as wanted.
func awaitGauge(t *testing.T, o *operator, what string, ok func(float64) bool) {
	t.Helper()
	looked := func(context.Context) (bool, error) {
		return ok(o.gauge(t, "logout_operator_objects", "state", "Succeeded")), nil
	}
	if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, await.Patience, true, looked); err != nil {
		t.Fatalf("waited for %s in vain: %v", what, err)
	}
}

// gauge returns the sum of an operator's gauges of a name that have a label.
func (o *operator) gauge(t *testing.T, name, label, value string) (sum float64) {
	t.Helper()
	access, err := plane.ServiceAccountConfig(t.Context(), operatortest.Namespace, "prometheus")
	if err != nil {
		t.Fatal(err)
	}
	families, err := operatortest.Scrape(t.Context(), o.metrics, access.BearerToken)
	if err != nil {
		t.Fatal(fmt.Errorf("scraping: %w", err))
	}
	for _, m := range families[name].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == label && l.GetValue() == value {
				sum += m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
