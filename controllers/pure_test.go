package controllers

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/logout"
)

func equalObjects(a, b *v1alpha1.UserLogout) bool { return equality.Semantic.DeepEqual(a, b) }

func equalStatus(a, b v1alpha1.UserLogoutStatus) bool { return equality.Semantic.DeepEqual(a, b) }

func TestBackoff(t *testing.T) {
	retry := &logout.Error{Class: logout.Retry}
	for _, tt := range []struct {
		name    string
		attempt int32
		failure *logout.Error
		random  float64
		want    time.Duration
	}{
		{"first, least", 1, retry, 0, 0},
		{"first, most", 1, retry, 1, time.Second},
		{"fifth", 5, retry, 0.5, 8 * time.Second},
		{"capped", 10, retry, 1, 5 * time.Minute},
		{"no overflow", 1 << 30, retry, 1, 5 * time.Minute},
		{"Retry-After is the least", 1, &logout.Error{RetryAfter: 20 * time.Second}, 1, 20 * time.Second},
		{"Retry-After below the backoff", 10, &logout.Error{RetryAfter: 20 * time.Second}, 0, 20 * time.Second},
		{"Retry-After, most", 10, &logout.Error{RetryAfter: 20 * time.Second}, 1, 5 * time.Minute},
		{"slowly", 1, &logout.Error{Class: logout.RetrySlowly}, 0, 30 * time.Second},
		{"slowly, late", 9, &logout.Error{Class: logout.RetrySlowly}, 1, 256 * time.Second},
	} {
		if got := backoff(tt.attempt, tt.failure, tt.random); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		failure := &logout.Error{
			Class:      rapid.SampledFrom([]logout.Class{logout.Retry, logout.RetrySlowly}).Draw(t, "class"),
			RetryAfter: time.Duration(rapid.Int64Range(0, int64(logout.MaxRetryAfter)).Draw(t, "retryAfter")),
		}
		got := backoff(rapid.Int32Range(1, 1<<30).Draw(t, "attempt"), failure, rapid.Float64Range(0, 1).Draw(t, "random"))
		if got < failure.RetryAfter || got > backoffCap {
			t.Fatalf("backoff %s with Retry-After %s", got, failure.RetryAfter)
		}
	})
}

// TestReasonsAreDocumented: what a provider reports is what the API documents.
func TestReasonsAreDocumented(t *testing.T) {
	for reason, documented := range map[logout.Reason]string{
		logout.BadRequest: v1alpha1.ReasonBadRequest, logout.NotFound: v1alpha1.ReasonNotFound, logout.Forbidden: v1alpha1.ReasonForbidden,
		logout.Unauthorized: v1alpha1.ReasonUnauthorized, logout.Throttled: v1alpha1.ReasonThrottled,
		logout.ServiceUnavailable: v1alpha1.ReasonServiceUnavailable, logout.ServiceFailure: v1alpha1.ReasonServiceFailure,
		logout.EndpointUnreachable: v1alpha1.ReasonEndpointUnreachable, logout.UnexpectedResponse: v1alpha1.ReasonUnexpectedResponse,
	} {
		if string(reason) != documented {
			t.Errorf("%s is documented as %s", reason, documented)
		}
	}
}

func TestPolicy(t *testing.T) {
	provider := func(accounts []string, from v1alpha1.NamespacesFrom, selector *metav1.LabelSelector) *v1alpha1.ClusterLogoutProvider {
		return &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: v1alpha1.ClusterLogoutProviderSpec{
			AccountIDs: accounts, AllowedNamespaces: v1alpha1.AllowedNamespaces{From: from, Selector: selector}}}
	}
	labelled := &metav1.LabelSelector{MatchLabels: map[string]string{"allowed": "true"}}
	broken := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	for _, tt := range []struct {
		name     string
		provider *v1alpha1.ClusterLogoutProvider
		labels   map[string]string
		refused  string // part of the message; empty: allowed
	}{
		{"any account, all namespaces", provider([]string{"*"}, v1alpha1.NamespacesFromAll, nil), nil, ""},
		{"this account", provider([]string{"other", "account"}, v1alpha1.NamespacesFromAll, nil), nil, ""},
		{"another account", provider([]string{"other"}, v1alpha1.NamespacesFromAll, nil), nil, "accountIDs"},
		{"a pattern is no account", provider([]string{"acc*"}, v1alpha1.NamespacesFromAll, nil), nil, "accountIDs"},
		{"matching label", provider([]string{"*"}, v1alpha1.NamespacesFromSelector, labelled), map[string]string{"allowed": "true"}, ""},
		{"no label", provider([]string{"*"}, v1alpha1.NamespacesFromSelector, labelled), nil, "labels do not match"},
		{"other value", provider([]string{"*"}, v1alpha1.NamespacesFromSelector, labelled), map[string]string{"allowed": "false"}, "labels do not match"},
		{"no selector matches nothing", provider([]string{"*"}, v1alpha1.NamespacesFromSelector, nil), map[string]string{"allowed": "true"}, "labels do not match"},
		{"broken selector", provider([]string{"*"}, v1alpha1.NamespacesFromSelector, broken), nil, "selector"},
	} {
		got := policy(tt.provider, "security", tt.labels, "account")
		if (got == nil) != (tt.refused == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if got != nil && (got.reason != v1alpha1.ReasonNotAllowed || !strings.Contains(got.message, tt.refused)) {
			t.Errorf("%s: refused as %+v, want a message with %q", tt.name, got, tt.refused)
		}
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newInflight()
		if !f.begin() {
			t.Fatal("refused before any drain")
		}
		time.AfterFunc(5*time.Second, f.end)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if n := f.drain(ctx); n != 0 || time.Since(start) != 5*time.Second {
			t.Errorf("abandoned %d after %s", n, time.Since(start))
		}
		if f.begin() {
			t.Error("an attempt began after the drain")
		}
		if n := f.drain(ctx); n != 0 {
			t.Errorf("second drain abandoned %d", n)
		}
	})
}

func TestDrainGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newInflight()
		f.begin()
		f.begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if n := f.drain(ctx); n != 2 {
			t.Errorf("abandoned %d, want 2", n)
		}
		if f.ctx.Err() == nil {
			t.Error("the attempts abandoned were not told")
		}
		f.end()
		f.end()
		if n := f.drain(t.Context()); n != 2 {
			t.Errorf("a later drain forgets those abandoned: %d, want 2", n)
		}
	})
}
