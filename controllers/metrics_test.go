package controllers

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/schema"
)

// TestMetricsAreDocumented checks that the table in docs/metrics.md lists the metrics that are served, and that no
// label could hold an ID or an object's name.
func TestMetricsAreDocumented(t *testing.T) {
	countCall("documented", &logout.Error{Reason: logout.Throttled}, time.Second)
	repeats.WithLabelValues("documented").Inc()
	finishes.WithLabelValues("documented", v1alpha1.ReasonLoggedOut).Observe(1)
	outcomesUnstored.WithLabelValues("documented").Inc()
	t.Cleanup(func() { forgetProvider("documented"); outcomesUnstored.DeleteLabelValues("documented") })
	// The program does this, too.
	if _, err := schema.New(&rest.Config{Host: "https://localhost"}, http.DefaultClient, logr.Discard(),
		v1alpha1.GroupVersion, schema.Kind{Name: "UserLogout", Type: v1alpha1.UserLogout{}}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(logout_operator_[a-z_]+)`").FindAllStringSubmatch(string(page),
		-1) {
		documented[m[1]] = true
	}
	served := map[string]bool{}
	// The operator knows all objects soon.
	for tick := time.Tick(100 * time.Millisecond); !served["logout_operator_oldest_unfinished_age_seconds"]; <-tick {
		families, err := metrics.Registry.(prometheus.Gatherer).Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "logout_operator_") {
				continue
			}
			served[f.GetName()] = true
			for _, m := range f.Metric {
				for _, l := range m.Label {
					if !slices.Contains([]string{"kind", "provider", "reason", "state"}, l.GetName()) {
						t.Errorf("%s has label %s", f.GetName(), l.GetName())
					}
				}
			}
		}
	}
	for name := range served {
		if !documented[name] {
			t.Errorf("%s is not documented", name)
		}
	}
	// These are served only while there is a gate.
	for _, name := range []string{"attempts_under_way", "calls_paused", "gate_rate", "namespaces_paused",
		"slots_waiting"} {
		served["logout_operator_"+name] = true
	}
	for name := range documented {
		if !served[name] {
			t.Errorf("%s is documented, and not served", name)
		}
	}
}
