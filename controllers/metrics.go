package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// outcomesUnstored counts the calls that were made and whose outcome the API
// server refused for good, by the reason of its refusal.
var outcomesUnstored = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "logout_operator_outcomes_unstored_total",
	Help: "Calls whose outcome could not be stored in the object's status, by the API server's reason.",
}, []string{"reason"})

func init() { metrics.Registry.MustRegister(outcomesUnstored) }
