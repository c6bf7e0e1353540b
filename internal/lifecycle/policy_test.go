package lifecycle

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

var never time.Time

func TestPolicy(t *testing.T) {
	provider := func(
		accounts []string, from v1alpha1.NamespacesFrom, selector *metav1.LabelSelector,
	) *v1alpha1.ClusterLogoutProvider {
		return &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "p"},
			Spec: v1alpha1.ClusterLogoutProviderSpec{
				AccountIDs: accounts, AllowedNamespaces: v1alpha1.AllowedNamespaces{From: from, Selector: selector}}}
	}
	namespace := func(labels map[string]string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "security", Labels: labels}}
	}
	deleting := namespace(map[string]string{"allowed": "true"})
	deleting.DeletionTimestamp = &metav1.Time{Time: at(3)}
	requirement := func(key string, operator metav1.LabelSelectorOperator) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key,
			Operator: operator}}}
	}
	labelled := &metav1.LabelSelector{MatchLabels: map[string]string{"allowed": "true"}}
	negative, broken := requirement("untrusted", metav1.LabelSelectorOpDoesNotExist), requirement("a", "Near")
	anybody := []string{"*"}
	for _, tt := range []struct {
		name      string
		provider  *v1alpha1.ClusterLogoutProvider
		namespace *metav1.PartialObjectMetadata
		refused   string // part of the message; empty if allowed
		since     time.Time
	}{
		{"any account, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), namespace(nil), "", never},
		{"this account", provider([]string{"other", "account"}, v1alpha1.NamespacesFromAll, nil), namespace(nil), "",
			never},
		{"another account", provider([]string{"other"}, v1alpha1.NamespacesFromAll, nil), namespace(nil), "accountIDs",
			never},
		{"no accounts", provider(nil, v1alpha1.NamespacesFromAll, nil), namespace(nil), "accountIDs", never},
		{"a pattern is no account", provider([]string{"acc*"}, v1alpha1.NamespacesFromAll, nil), namespace(nil),
			"accountIDs", never},
		{"matching label", provider(anybody, v1alpha1.NamespacesFromSelector, labelled),
			namespace(map[string]string{"allowed": "true"}), "", never},
		{"no label", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), namespace(nil),
			"labels do not match", never},
		{"other value", provider(anybody, v1alpha1.NamespacesFromSelector, labelled),
			namespace(map[string]string{"allowed": "false"}), "labels do not match", never},
		{"no such label", provider(anybody, v1alpha1.NamespacesFromSelector, negative), namespace(nil), "", never},
		{"no selector matches nothing", provider(anybody, v1alpha1.NamespacesFromSelector, nil), namespace(nil),
			"labels do not match", never},
		{"broken selector", provider(anybody, v1alpha1.NamespacesFromSelector, broken), namespace(nil), "selector",
			never},
		{"unknown namespace, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), nil, "", never},
		{"unknown namespace", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), nil,
			"has not seen namespace", at(1)},
		{"unknown namespace, negative selector", provider(anybody, v1alpha1.NamespacesFromSelector, negative), nil,
			"has not seen namespace", at(1)},
		{"unknown namespace, empty selector", provider(anybody, v1alpha1.NamespacesFromSelector,
			&metav1.LabelSelector{}), nil, "has not seen namespace", at(1)},
		{"unknown namespace, broken selector", provider(anybody, v1alpha1.NamespacesFromSelector, broken), nil,
			"selector", never},
		{"deleting namespace", provider(anybody, v1alpha1.NamespacesFromSelector, labelled), deleting, "being deleted",
			at(3)},
		{"deleting namespace, all namespaces", provider(anybody, v1alpha1.NamespacesFromAll, nil), deleting,
			"being deleted", at(3)},
		{"a choice of a later version", provider(anybody, "Names", labelled),
			namespace(map[string]string{"allowed": "true"}), "has the unsupported value", never},
		{"no choice", provider(anybody, "", nil), namespace(nil), "has the unsupported value", never},
	} {
		obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "security",
			CreationTimestamp: metav1.Time{Time: at(1)}},
			Spec: v1alpha1.UserLogoutSpec{AccountID: "account"}}
		got := Policy(tt.provider, tt.namespace, obj)
		if (got == nil) != (tt.refused == "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if got != nil && (got.Reason != v1alpha1.ReasonNotAllowed || !strings.Contains(got.Message, tt.refused) ||
			!got.Since.Equal(tt.since)) {
			t.Errorf("%s: refused as %+v, want a message with %q, since %s", tt.name, got, tt.refused, tt.since)
		}
	}
}

// TestRefusedBriefly checks that a refusal that ends within moments is not written, and that one that lasts is.
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
		d := DecideBlocked(obj, Refusal{Reason: v1alpha1.ReasonNotAllowed, Message: "no", Since: tt.since}, tt.at)
		if (d.Do == Write) != tt.write || !d.At.Equal(tt.next) {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
}
