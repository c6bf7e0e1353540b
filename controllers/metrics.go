package controllers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// These are the metrics of the operator (docs/metrics.md). No label holds an ID or the name of an object, except the
// names of providers, which only administrators create and which are few.
var (
	calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "logout_operator_calls_total",
		Help: "Calls made, by provider and by outcome (LoggedOut, or the reason of the failure).",
	}, []string{"provider", "reason"})
	callDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "logout_operator_call_duration_seconds",
		Help:    "Time of a call until its response or until the operator gave up, by provider.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"provider"})
	// repeats counts the attempts made because the outcome of the one before is unknown.
	repeats = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "logout_operator_repeats_total",
		Help: "Attempts made because the outcome of the previous one is unknown, by provider.",
	}, []string{"provider"})
	// finishes measures in whole seconds, as the API stores times.
	finishes = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "logout_operator_finish_duration_seconds",
		Help:    "Time from creation to finish of UserLogouts, by provider (empty if it does not exist) and by final reason.",
		Buckets: []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600},
	}, []string{"provider", "reason"})
	// outcomesUnstored counts calls whose outcome settle could not store, by the reason of the API server's last error.
	outcomesUnstored = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "logout_operator_outcomes_unstored_total",
		Help: "Calls whose outcome could not be stored in the object's status, by the API server's reason.",
	}, []string{"reason"})
	// eventsDropped has no label: namespaces are many.
	eventsDropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "logout_operator_events_dropped_total",
		Help: "Events that were not written: too many were waiting, or the API server did not take them.",
	})
)

func init() {
	metrics.Registry.MustRegister(calls, callDuration, repeats, finishes, outcomesUnstored, eventsDropped)
}

// countCall counts a call and its outcome.
func countCall(provider string, failure *logout.Error, took time.Duration) {
	reason := v1alpha1.ReasonLoggedOut
	if failure != nil {
		reason = string(failure.Reason)
	}
	calls.WithLabelValues(provider, reason).Inc()
	callDuration.WithLabelValues(provider).Observe(took.Seconds())
}

// countFinish counts an object if the status that was just stored has finished it. A tenant can name any provider, so
// the name of one that does not exist is not used as a label.
func (r *userLogoutReconciler) countFinish(
	ctx context.Context, obj *v1alpha1.UserLogout, before, after v1alpha1.UserLogoutStatus,
) {
	if before.CompletionTime != nil || after.CompletionTime == nil {
		return
	}
	provider := obj.Spec.ProviderRef.Name
	if r.client.Get(ctx, client.ObjectKey{Name: provider}, &v1alpha1.ClusterLogoutProvider{}) != nil {
		provider = ""
	}
	finishes.WithLabelValues(provider, lifecycle.Ready(after).Reason).Observe(
		after.CompletionTime.Sub(obj.CreationTimestamp.Time).Seconds())
}

// forgetProvider drops the time series of a deleted provider.
func forgetProvider(provider string) {
	labels := prometheus.Labels{"provider": provider}
	calls.DeletePartialMatch(labels)
	callDuration.DeletePartialMatch(labels)
	repeats.DeletePartialMatch(labels)
	finishes.DeletePartialMatch(labels)
}

// These metrics are computed at each scrape.
var (
	objectsDesc = prometheus.NewDesc("logout_operator_objects",
		"UserLogouts by state: Waiting (for a slot), Calling, Retrying (after a failure, or until something outside is fixed), Suspended, Succeeded, Failed.",
		[]string{"state"}, nil)
	oldestDesc = prometheus.NewDesc("logout_operator_oldest_unfinished_age_seconds",
		"Age of the oldest UserLogout that has not finished and is not suspended; 0 if there is none.", nil, nil)
	callsPausedDesc = prometheus.NewDesc("logout_operator_calls_paused",
		"1 while all calls to the provider are paused because its service fails, otherwise 0.",
		[]string{"provider"}, nil)
	gateRateDesc = prometheus.NewDesc("logout_operator_gate_rate",
		"Maximum calls a second to the provider, lowered while its service throttles.", []string{"provider"}, nil)
	namespacesDesc = prometheus.NewDesc("logout_operator_namespaces_paused",
		"Namespaces whose calls to the provider are paused because of failures that may be their own.",
		[]string{"provider"}, nil)
	waitingDesc = prometheus.NewDesc("logout_operator_slots_waiting",
		"UserLogouts that wait for a slot to call the provider.", []string{"provider"}, nil)
	underWayDesc = prometheus.NewDesc("logout_operator_attempts_under_way",
		"Attempts between claim and stored outcome, by provider.", []string{"provider"}, nil)
)

// collector computes metrics from the known objects and the gates.
type collector struct {
	unfinished *unfinishedObjects
	finished   *finishedObjects
	gates      *gate.Gates
}

// serveMetrics adds a collector to the served metrics. It replaces the collector of an earlier manager in the same
// process.
func serveMetrics(c *collector) {
	metrics.Registry.Unregister(c)
	metrics.Registry.MustRegister(c)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{objectsDesc, oldestDesc, callsPausedDesc, gateRateDesc, namespacesDesc,
		waitingDesc, underWayDesc} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for provider, s := range c.gates.States() {
		paused := 0.0
		if s.Pause != nil {
			paused = 1
		}
		gauge(callsPausedDesc, paused, provider)
		gauge(gateRateDesc, s.PerSecond, provider)
		gauge(namespacesDesc, float64(s.Namespaces), provider)
		gauge(waitingDesc, float64(s.Waiting), provider)
		gauge(underWayDesc, float64(s.Calls), provider)
	}
	for _, reason := range []string{v1alpha1.ReasonSucceeded, v1alpha1.ReasonFailed} {
		gauge(objectsDesc, float64(c.finished.count(reason)), reason)
	}
	if !c.unfinished.complete() {
		return
	}
	states, oldest := lifecycle.Census(c.unfinished.All(), time.Now())
	for state, n := range states {
		gauge(objectsDesc, float64(n), state)
	}
	gauge(oldestDesc, oldest.Seconds())
}
