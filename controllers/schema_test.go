package controllers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// TestIDsThatAreRefused checks that the schema and the operator's own check agree, and refuse what they have to.
func TestIDsThatAreRefused(t *testing.T) {
	tt := newTenant(t)
	for _, id := range []struct{ name, id, message string }{
		{"empty", "", "equired"},
		{"blank", " ", "space"},
		{"space before", " a", "begin or end"},
		{"space after", "a ", "begin or end"},
		{"columns", "jane   True   LoggedOut", "two in a row"},
		{"tab", "a\tb", "white space"},
		{"no-break space", "a\u00a0b", "white space"},
		{"zero width space", "a\u200bb", "invisible"},
		{"ideographic space", "a\u3000b", "white space"},
		{"line separator", "a\u2028b", "white space"},
		{"combining grapheme joiner", "a\u034fb", "invisible"},
		{"Hangul fillers", "a\u115f\u1160b", "invisible"},
		{"Hangul filler", "a\u3164b", "invisible"},
		{"halfwidth Hangul filler", "a\uffa0b", "invisible"},
		{"Khmer inherent vowel", "a\u17b4b", "invisible"},
		{"braille blank", "a\u2800b", "invisible"},
		{"dot", ".", "dots only"},
		{"two dots", "..", "dots only"},
		{"many dots", ".....", "dots only"},
		{"a number from a template", "1.23456789e+09", "exponential"},
		{"a round number from a template", "1e+10", "exponential"},
		{"a number from a spreadsheet", "1.23457E+09", "exponential"},
		{"a number with a long exponent", "1.5e+100", "exponential"},
		{"257 characters", strings.Repeat("a", 257), "256"},
		{"null", "a\x00b", "invisible"},
		{"escape character", "a\x1bb", "invisible"},
		{"delete", "a\x7fb", "invisible"},
		{"C1 control", "a\u0085b", "invisible"},
	} {
		for field, set := range map[string]func(*v1alpha1.UserLogout){
			"spec.accountID": func(o *v1alpha1.UserLogout) { o.Spec.AccountID = id.id },
			"spec.userID":    func(o *v1alpha1.UserLogout) { o.Spec.UserID = id.id },
		} {
			refused(tt, cluster.Create(t.Context(), tt.newLogout(set)), field+" "+id.name, field, id.message)
		}
		if logout.CheckID(id.id) == nil {
			t.Errorf("%s passes the check in the process", id.name)
		}
	}
}

func TestIDsThatPass(t *testing.T) {
	tt := newTenant(t)
	for _, id := range []string{"a", ".a", "user@example.com", "a:b;c,d+e=f~g", "Zoë", "1234567890",
		"Company GmbH", `corp\jane`, "Okta_yzD0/3n+2Qk=", "AzureAD_x#EXT#@t.onmicrosoft.com", "o%hare@corp.example",
		"spiffe://corp/ns/jane?x", "{UserId}", "../a",
		"1e9", "12e+10", "1.5e+10x", "e+10", "1.5e+1", "0x1p-2",
		strings.Repeat("é", 256)} {
		obj := tt.newLogout(func(o *v1alpha1.UserLogout) { o.Spec.UserID = id; o.Spec.Suspend = ptr.To(true) })
		if err := cluster.Create(t.Context(), obj); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		if err := logout.CheckID(id); err != nil {
			t.Errorf("%q does not pass the check in the process: %v", id, err)
		}
	}
}

// TestIDsThatTheProviderRefuses: what the schema accepts but this type of provider cannot send ends before a call, with
// a message that says which field and why.
func TestIDsThatTheProviderRefuses(t *testing.T) {
	tt := newTenant(t, func(p *v1alpha1.ClusterLogoutProvider) { p.Spec.AccountIDs = []string{"*"} })
	for name, of := range map[string]struct {
		set  func(*v1alpha1.UserLogout)
		want string
	}{
		"account": {func(o *v1alpha1.UserLogout) { o.Spec.AccountID = "{UserId}" }, "spec.accountID must not contain any of { }"},
		"user":    {func(o *v1alpha1.UserLogout) { o.Spec.UserID = `corp\jane` }, `spec.userID must not contain any of / \ % ? # ;`},
	} {
		obj := tt.logout(of.set)
		got := awaitReason(tt, obj, v1alpha1.ReasonInvalidSpec)
		if m := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReady).Message; !strings.HasPrefix(m, of.want) ||
			!lifecycle.Finished(got) || got.Status.Attempts != 0 {
			t.Errorf("%s: %+v", name, got.Status)
		}
		wantCalls(tt, obj, 0)
	}
}

// refused checks that the API server's refusal names the field and the rule.
func refused(t *tenant, err error, what string, parts ...string) {
	t.Helper()
	if !apierrors.IsInvalid(err) {
		t.Errorf("%s: %v, want a refusal", what, err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: refused with %q, which does not say %q", what, err, part)
		}
	}
}

// TestWhatPassesCanBeRead checks that the operator can decode every object that the API server takes; a single one that
// it cannot decode would keep it from reading the others. The format date-time allows more than encoding/json does: a
// small t, 99 hours of offset.
func TestWhatPassesCanBeRead(t *testing.T) {
	tt := newTenant(t)
	for _, field := range []struct {
		name   string
		values []any
		passes int // how many of them pass, from the first on
	}{
		{"notAfter", []any{
			"2096-11-22T12:00:00Z", "2096-11-22T12:00:00.5+01:00", "2999-12-31T23:59:59-23:59",
			"2096-11-22t12:00:00Z", "2096-11-22T12:00:00z", "2096-11-22T12:00:00,5Z", "2096-11-22T12:00:00+99:99",
			"2096-11-22T24:00:00Z", "2096-02-30T12:00:00Z", "2096-11-22T23:59:60Z", "9999-12-31T23:59:59-01:00",
			"0000-01-01T00:00:00Z", "2096-11-22", "",
		}, 3},
		{"activeDeadlineSeconds", []any{int64(1 << 30), 60.0, int64(1 << 32), 1.5}, 2},
		{"ttlSecondsAfterFinished", []any{int64(1 << 30), 60.0, int64(1 << 32), 1.5}, 2},
	} {
		for i, value := range field.values {
			obj := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
				"accountID": "a", "userID": "b", "suspend": true, field.name: value,
			}}}
			obj.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UserLogout"))
			obj.SetNamespace(tt.namespace)
			obj.SetName(unique(t))
			if err := cluster.Create(t.Context(), obj); i >= field.passes {
				refused(tt, err, fmt.Sprintf("%s: %v", field.name, value), field.name)
			} else if err != nil {
				t.Errorf("%s: %v: %v", field.name, value, err)
			}
			var list v1alpha1.UserLogoutList
			if err := cluster.List(t.Context(), &list, client.InNamespace(tt.namespace)); err != nil {
				t.Errorf("%s: %v: %v", field.name, value, err)
			}
			if err := cluster.Delete(t.Context(), obj); client.IgnoreNotFound(err) != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestSpecIsImmutable(t *testing.T) {
	tt := newTenant(t)
	in := func(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(time.Now().Add(d))) }
	obj := tt.logout(func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(true); o.Spec.NotAfter = in(time.Hour) })
	bare := tt.logout(func(o *v1alpha1.UserLogout) { o.Spec.Suspend = ptr.To(true) })
	for _, edit := range []struct {
		name, field string
		of          *v1alpha1.UserLogout
		change      func(*v1alpha1.UserLogoutSpec)
	}{
		{"account", "spec.accountID", obj, func(s *v1alpha1.UserLogoutSpec) { s.AccountID = "b" }},
		{"user", "spec.userID", obj, func(s *v1alpha1.UserLogoutSpec) { s.UserID = "b" }},
		{"provider", "spec.providerRef", obj, func(s *v1alpha1.UserLogoutSpec) { s.ProviderRef.Name = "b" }},
		{"provider left out", "spec.providerRef", obj,
			func(s *v1alpha1.UserLogoutSpec) { s.ProviderRef = v1alpha1.ProviderReference{} }},
		{"notAfter", "spec.notAfter", obj, func(s *v1alpha1.UserLogoutSpec) { s.NotAfter = in(2 * time.Hour) }},
		{"notAfter taken away", "spec.notAfter", obj, func(s *v1alpha1.UserLogoutSpec) { s.NotAfter = nil }},
		{"notAfter added", "spec.notAfter", bare, func(s *v1alpha1.UserLogoutSpec) { s.NotAfter = in(time.Hour) }},
		{"deadline", "spec.activeDeadlineSeconds", obj,
			func(s *v1alpha1.UserLogoutSpec) { s.ActiveDeadlineSeconds = 5 }},
	} {
		changed := edit.of.DeepCopy()
		edit.change(&changed.Spec)
		refused(tt, cluster.Patch(t.Context(), changed, client.MergeFrom(edit.of)), edit.name, edit.field, "immutable",
			"create a new object")
	}
	patch(tt, obj, func(o *v1alpha1.UserLogout) { o.Spec.TTLSecondsAfterFinished = ptr.To(int32(1)) })
	wantCalls(tt, obj, 0)
}

func TestProvidersThatAreRefused(t *testing.T) {
	tt := newTenant(t)
	for _, bad := range []struct {
		name   string
		change func(*v1alpha1.ClusterLogoutProviderSpec)
		parts  []string
	}{
		{"unknown type", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.Type = "Telegraph" },
			[]string{"spec.type", "AmazonChime"}},
		{"no union member", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime = nil },
			[]string{"amazonChime is required"}},
		{"no endpoint", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime.Endpoint = "" },
			[]string{"spec.amazonChime.endpoint"}},
		{"endpoint that is no URL", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime.Endpoint = "chime" },
			[]string{"spec.amazonChime.endpoint", "absolute URL"}},
		{"endpoint of another scheme",
			func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime.Endpoint = "ftp://chime" },
			[]string{"spec.amazonChime.endpoint", "absolute URL"}},
		{"region that is none", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime.Region = "us east" },
			[]string{"spec.amazonChime.region", "us-east-1"}},
		{"TLS without a setting", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.TLS = &v1alpha1.TLS{} },
			[]string{"spec.tls", "at least 1 propert"}},
		{"two CA bundles", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundle: certificate, CABundleRef: bundleIn("ConfigMap", "ca.crt")}
		}, []string{"spec.tls.caBundle", "not both"}},
		{"CA bundle that is a path", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundle: "/etc/ssl/ca.pem"}
		}, []string{"spec.tls.caBundle", "at least one certificate"}},
		{"private key", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundle: certificate + "-----BEGIN RSA PRIVATE KEY-----"}
		}, []string{"spec.tls.caBundle", "must not contain a private key"}},
		{"CA bundle that is too long", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundle: certificate + strings.Repeat("a", 64<<10)}
		}, []string{"spec.tls.caBundle", "65536"}},
		{"CA bundle in another kind", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundleRef: bundleIn("Bundle", "ca.crt")}
		}, []string{"spec.tls.caBundleRef.kind", "ConfigMap"}},
		{"key that is a path", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{CABundleRef: bundleIn("Secret", "ca/crt")}
		}, []string{"spec.tls.caBundleRef.key", "letters, digits"}},
		{"client certificate without a Secret", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.TLS = &v1alpha1.TLS{ClientCertificate: &v1alpha1.ClientCertificate{
				SecretRef: v1alpha1.SecretReference{Name: "Not_A_Name"}}}
		}, []string{"spec.tls.clientCertificate.secretRef.name", "valid object name"}},
		{"no accounts", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AccountIDs = nil },
			[]string{"spec.accountIDs"}},
		{"account twice", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AccountIDs = []string{"a", "a"} },
			[]string{"spec.accountIDs"}},
		{"user pool of another region", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			s.Type, s.AmazonChime = v1alpha1.AmazonCognitoProviderType, nil
			s.AmazonCognito = &v1alpha1.AmazonCognitoProvider{Region: "eu-central-1"}
			s.AccountIDs = []string{"eu-central-1_A", "*", "eu-central-10_A"}
		}, []string{"spec.accountIDs", "begin with the region"}},
		{"Attribute without an attribute", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			revocation(s).SubjectFormat = v1alpha1.SubjectFormatAttribute
		}, []string{"spec.globalTokenRevocation.attribute", "attribute is required"}},
		{"attribute without Attribute", func(s *v1alpha1.ClusterLogoutProviderSpec) { revocation(s).Attribute = "mail" },
			[]string{"spec.globalTokenRevocation.attribute", "forbidden otherwise"}},
		{"a failure that is to confirm", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			revocation(s).AcceptedStatusCodes = []int32{204, 404}
		}, []string{"spec.globalTokenRevocation.acceptedStatusCodes", "299"}},
		{"a parameter that the operator sets", func(s *v1alpha1.ClusterLogoutProviderSpec) {
			revocation(s).ClientCredentials = &v1alpha1.ClientCredentials{TokenURL: "https://login.example/token",
				Parameters: []v1alpha1.TokenParameter{{Name: "client_secret", Value: "x"}}}
		}, []string{"spec.globalTokenRevocation.clientCredentials.parameters[0].name", "which the operator sets"}},
		{"no namespaces",
			func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AllowedNamespaces = v1alpha1.AllowedNamespaces{} },
			[]string{"spec.allowedNamespaces"}},
		{"selector without Selector",
			func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AllowedNamespaces.From = v1alpha1.NamespacesFromAll },
			[]string{"spec.allowedNamespaces", "selector is required when from is Selector"}},
		{"Selector without selector",
			func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AllowedNamespaces.Selector = nil },
			[]string{"spec.allowedNamespaces", "selector is required when from is Selector"}},
		{"negative rate", func(s *v1alpha1.ClusterLogoutProviderSpec) { s.RateLimit.RequestsPerSecond = -1 },
			[]string{"spec.rateLimit.requestsPerSecond"}},
		{"Secret without a name",
			func(s *v1alpha1.ClusterLogoutProviderSpec) { s.AmazonChime.Credentials.SecretRef.Name = "" },
			[]string{"spec.amazonChime.credentials.secretRef"}},
	} {
		p := &v1alpha1.ClusterLogoutProvider{}
		if err := cluster.Get(t.Context(), client.ObjectKey{Name: tt.provider}, p); err != nil {
			t.Fatal(err)
		}
		p.ObjectMeta = metav1.ObjectMeta{Name: unique(t)}
		bad.change(&p.Spec)
		refused(tt, cluster.Create(t.Context(), p), bad.name, bad.parts...)
	}
}

// revocation makes a provider one of Global Token Revocation.
func revocation(s *v1alpha1.ClusterLogoutProviderSpec) *v1alpha1.GlobalTokenRevocationProvider {
	s.Type, s.AmazonChime = v1alpha1.GlobalTokenRevocationProviderType, nil
	s.GlobalTokenRevocation = &v1alpha1.GlobalTokenRevocationProvider{Endpoint: "https://login.example",
		SubjectFormat: v1alpha1.SubjectFormatOpaque,
		Credentials:   v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "credentials"}}}
	return s.GlobalTokenRevocation
}

func TestDefaults(t *testing.T) {
	tt := newTenant(t)
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: tt.namespace, Name: unique(t)},
		Spec: v1alpha1.UserLogoutSpec{AccountID: "a", UserID: "b", Suspend: ptr.To(true)}}
	tt.create(obj)
	if obj.Spec.ProviderRef != (v1alpha1.ProviderReference{Kind: "ClusterLogoutProvider", Name: "default"}) ||
		obj.Spec.ActiveDeadlineSeconds != 3600 {
		t.Errorf("defaults: %+v", obj.Spec)
	}
	var found v1alpha1.UserLogoutList
	if err := cluster.List(t.Context(), &found, client.InNamespace(tt.namespace),
		client.MatchingFields{"spec.userID": "b", "spec.accountID": "a"}); err != nil || len(found.Items) != 1 {
		t.Errorf("by field selector: %d objects, %v", len(found.Items), err)
	}
}

// TestNamesThatAreRefused checks that a field that names another object takes only names that an object can have. The
// name is used in messages, events and logs.
func TestNamesThatAreRefused(t *testing.T) {
	tt := newTenant(t)
	for name, passes := range map[string]bool{
		"default": true, "a.b-c": true, "0": true, strings.Repeat("a", 253): true,
		strings.Repeat("😀", 253): false, "Default": false, "a/b": false, "-a": false, "a..b": false, "a b": false,
		"a_b": false,
	} {
		obj := tt.newLogout(func(o *v1alpha1.UserLogout) { o.Spec.ProviderRef.Name = name })
		provider := func(spec v1alpha1.AmazonChimeProvider) *v1alpha1.ClusterLogoutProvider {
			spec.Endpoint = "https://service.example"
			return &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: unique(t)},
				Spec: v1alpha1.ClusterLogoutProviderSpec{
					Type: v1alpha1.AmazonChimeProviderType, AmazonChime: &spec, AccountIDs: []string{"*"},
					AllowedNamespaces: v1alpha1.AllowedNamespaces{From: v1alpha1.NamespacesFromAll}}}
		}
		secret := &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: name}}
		for field, create := range map[string]client.Object{
			"spec.providerRef.name":                       obj,
			"spec.amazonChime.credentials.secretRef.name": provider(v1alpha1.AmazonChimeProvider{Credentials: secret}),
			"spec.amazonChime.assumeRole.roleARN (in name)": provider(v1alpha1.AmazonChimeProvider{
				AssumeRole: &v1alpha1.AssumeRole{RoleARN: roleOf(name, passes)}}),
		} {
			err := cluster.Create(t.Context(), create, client.DryRunAll)
			field, _, _ := strings.Cut(field, " ")
			if passes && err != nil {
				t.Errorf("%s: %q is refused: %v", field, name, err)
			} else if !passes {
				says := "must be a valid object name"
				if strings.HasSuffix(field, "roleARN") {
					says = "must be the ARN of a role"
				}
				refused(tt, err, fmt.Sprintf("%s: %q", field, name), field, says)
			}
		}
	}
}

// roleOf returns the ARN of a role; if it must not pass, it is not an ARN at all.
func roleOf(name string, passes bool) string {
	if passes {
		return "arn:aws:iam::123456789012:role/" + name
	}
	return "arn:aws:iam::123456789012:user/" + name
}

const certificate = "-----BEGIN CERTIFICATE-----\n"

func bundleIn(kind v1alpha1.CABundleKind, key string) *v1alpha1.CABundleReference {
	return &v1alpha1.CABundleReference{Kind: kind, Name: "a", Key: key}
}
