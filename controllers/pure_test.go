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

var never time.Time

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
	namespace := func(labels map[string]string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "security", Labels: labels}}
	}
	deleting := namespace(map[string]string{"allowed": "true"})
	deleting.DeletionTimestamp = &metav1.Time{Time: at(3)}
	requirement := func(key string, operator metav1.LabelSelectorOperator) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator}}}
	}
	labelled := &metav1.LabelSelector{MatchLabels: map[string]string{"allowed": "true"}}
	negative, broken := requirement("untrusted", metav1.LabelSelectorOpDoesNotExist), requirement("a", "Near")
	anybody := []string{"*"}
	for _, tt := range []struct {
		name      string
		provider  *v1alpha1.ClusterLogoutProvider
		namespace *metav1.PartialObjectMetadata
		refused   string // part of the message; empty: allowed
		since     time.Time
	}{
		{"any account, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), namespace(nil), "", never},
		{"this account", provider([]string{"other", "account"}, v1alpha1.NamespacesFromAll, nil), namespace(nil), "", never},
		{"another account", provider([]string{"other"}, v1alpha1.NamespacesFromAll, nil), namespace(nil), "accountIDs", never},
		{"no accounts", provider(nil, v1alpha1.NamespacesFromAll, nil), namespace(nil), "accountIDs", never},
		{"a pattern is no account", provider([]string{"acc*"}, v1alpha1.NamespacesFromAll, nil), namespace(nil), "accountIDs", never},
		{"matching label", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), namespace(map[string]string{"allowed": "true"}), "", never},
		{"no label", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), namespace(nil), "labels do not match", never},
		{"other value", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), namespace(map[string]string{"allowed": "false"}), "labels do not match", never},
		{"no such label", provider(anybody, v1alpha1.NamespacesFromSelector, negative), namespace(nil), "", never},
		{"no selector matches nothing", provider(anybody, v1alpha1.NamespacesFromSelector, nil), namespace(nil), "labels do not match", never},
		{"broken selector", provider(anybody, v1alpha1.NamespacesFromSelector, broken), namespace(nil), "selector", never},
		{"unknown namespace, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), nil, "", never},
		{"unknown namespace", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), nil, "has not seen namespace", at(1)},
		{"unknown namespace, negative selector", provider(anybody, v1alpha1.NamespacesFromSelector, negative), nil, "has not seen namespace", at(1)},
		{"unknown namespace, empty selector", provider(anybody, v1alpha1.NamespacesFromSelector, &metav1.LabelSelector{}), nil, "has not seen namespace", at(1)},
		{"unknown namespace, broken selector", provider(anybody, v1alpha1.NamespacesFromSelector, broken), nil, "selector", never},
		{"deleting namespace", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), deleting, "being deleted", at(3)},
		{"deleting namespace, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), deleting, "being deleted", at(3)},
		{"a choice of a later version", provider(anybody, "Names", labelled), namespace(map[string]string{"allowed": "true"}), "does not know the value", never},
		{"no choice", provider(anybody, "", nil), namespace(nil), "does not know the value", never},
	} {
		obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "security", CreationTimestamp: metav1.Time{Time: at(1)}},
			Spec: v1alpha1.UserLogoutSpec{AccountID: "account"}}
		got := policy(tt.provider, tt.namespace, obj)
		if (got == nil) != (tt.refused == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if got != nil && (got.reason != v1alpha1.ReasonNotAllowed || !strings.Contains(got.message, tt.refused) || !got.since.Equal(tt.since)) {
			t.Errorf("%s: refused as %+v, want a message with %q, since %s", tt.name, got, tt.refused, tt.since)
		}
	}
}

// TestRefusedBriefly: what is over within moments is not written, and what lasts is.
func TestRefusedBriefly(t *testing.T) {
	obj := object(func(*v1alpha1.UserLogout) {})
	for _, tt := range []struct {
		name      string
		since, at time.Time
		write     bool
		next      time.Time
	}{
		{"told at once", never, at(10), true, at(3610)},
		{"new", at(10), at(10), false, at(10).Add(unsaidFor)},
		{"lasts", at(10), at(10).Add(unsaidFor), true, at(3610).Add(unsaidFor)},
		{"since a time to come", at(1000), at(10), true, at(3610)},
	} {
		d := decideBlocked(obj, refusal{reason: v1alpha1.ReasonNotAllowed, message: "no", since: tt.since}, tt.at)
		if (d.do == write) != tt.write || !d.at.Equal(tt.next) {
			t.Errorf("%s: %+v", tt.name, d)
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
