// Package schema fuzzes the schemas of both kinds, as the API server applies them: the operator must be able to use
// every object that they accept, and every rejection must name the field.
package schema

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/awsauth"
	"github.com/logout-operator/logout-operator/internal/chime"
	"github.com/logout-operator/logout-operator/internal/httpcall"
	"github.com/logout-operator/logout-operator/internal/logout"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// crd is the schema of one kind.
type crd struct {
	schema *structural.Structural
	plain  validation.SchemaCreateValidator
	rules  *cel.Validator
}

func load(t testing.TB, plural string) crd {
	t.Helper()
	manifest, err := os.ReadFile("../../config/crd/bases/logout-operator.io_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(manifest, &definition); err != nil {
		t.Fatal(err)
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		t.Fatal(err)
	}
	var c crd
	if c.schema, err = structural.NewStructural(&props); err != nil {
		t.Fatal(err)
	}
	if c.plain, _, err = validation.NewSchemaValidator(&props); err != nil {
		t.Fatal(err)
	}
	c.rules = cel.NewValidator(c.schema, true, celconfig.PerCallLimit)
	return c
}

// create does what the API server does with a new object: it drops unknown fields and the status, fills in defaults and
// validates the rest. It returns the object as JSON; ok is whether the manifest is an object at all.
func (c crd) create(t testing.TB, manifest string) (stored []byte, refused field.ErrorList, ok bool) {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		return nil, nil, false
	}
	var obj map[string]any
	if err := utiljson.Unmarshal(asJSON, &obj); err != nil || obj == nil {
		return nil, nil, false
	}
	for key := range obj {
		if key != "spec" {
			delete(obj, key) // the API server checks it in the same way for all kinds
		}
	}
	pruning.Prune(obj, c.schema, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(obj, c.schema)
	defaulting.Default(obj, c.schema)
	refused = validation.ValidateCustomResource(nil, obj, c.plain)
	refused = append(refused, listtype.ValidateListSetsAndMaps(nil, c.schema, obj)...)
	if len(refused) == 0 {
		refused, _ = c.rules.Validate(context.Background(), nil, c.schema, obj, nil, celconfig.RuntimeCELCostBudget)
	}
	if stored, err = utiljson.Marshal(obj); err != nil {
		t.Fatal(err)
	}
	return stored, refused, true
}

// wantFields fails the test unless every rejection names a field and a reason.
func wantFields(t *testing.T, refused field.ErrorList) {
	t.Helper()
	for _, e := range refused {
		if e.Field != "spec" && !strings.HasPrefix(e.Field, "spec.") && !strings.Contains(e.Detail, " in spec.") {
			t.Errorf("refused without a field: %v", e)
		}
	}
}

// endpoint is a service that records its requests.
type endpoint struct {
	*httptest.Server
	had []*http.Request
}

func newEndpoint(f *testing.F) *endpoint {
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.had = append(e.had, r)
		w.WriteHeader(http.StatusNoContent)
	}))
	f.Cleanup(e.Close)
	return e
}

// logOut calls the endpoint, under a base path, and checks that it got exactly one request, for this account and user.
func (e *endpoint) logOut(t *testing.T, base, accountID, userID string) {
	t.Helper()
	c, err := chime.New(t.Context(), chime.Config{Endpoint: httpcall.MustParseEndpoint(e.URL + base),
		Auth: awsauth.Config{Region: "us-east-1",
			Keys: &awsauth.Keys{AccessKeyID: "AKIDEXAMPLE",
				SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}}})
	if err != nil {
		t.Fatalf("base path %q: %v", base, err)
	}
	defer c.Close()
	e.had = nil
	_, err = c.Logout(t.Context(), accountID, userID)
	if c.CheckIDs(accountID, userID) != nil {
		if err == nil || len(e.had) != 0 {
			t.Errorf("%q, %q: %v after %d requests", accountID, userID, err, len(e.had))
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(e.had) != 1 {
		t.Fatalf("%d requests", len(e.had))
	}
	r := e.had[0]
	if body, err := io.ReadAll(r.Body); r.Method != http.MethodPost || r.URL.RawQuery != "operation=logout" ||
		r.ContentLength != 0 || len(body) != 0 || err != nil {
		t.Errorf("%s %s with %d bytes, %v", r.Method, r.RequestURI, len(body), err)
	}
	segments := strings.Split(r.URL.EscapedPath(), "/")
	if n := strings.Count(strings.TrimSuffix(base, "/"), "/") + 5; len(segments) != n {
		t.Fatalf("base path %q: %s has %d segments, want %d", base, r.RequestURI, len(segments), n)
	}
	for i, want := range []string{"accounts", accountID, "users", userID} {
		if got, err := url.PathUnescape(segments[len(segments)-4+i]); err != nil || got != want {
			t.Errorf("%s: segment %q, want %q", r.RequestURI, got, want)
		}
	}
	if slices.Contains(segments[len(segments)-4:], "..") || slices.Contains(segments[len(segments)-4:], ".") {
		t.Errorf("%s", r.RequestURI)
	}
}

// FuzzUserLogout: an object that the schema accepts can be decoded and called for, and also passes the validation in
// the process.
func FuzzUserLogout(f *testing.F) {
	c, service := load(f, "userlogouts"), newEndpoint(f)
	for _, seed := range []string{
		"spec: {accountID: a, userID: b}",
		"spec: {accountID: 12a3456b-7c89, userID: Zoë, notAfter: 2026-11-22T12:00:00Z, activeDeadlineSeconds: 60, suspend: true, ttlSecondsAfterFinished: 0}",
		"spec: {accountID: a, userID: b, notAfter: 2026-11-22t12:00:00.5+01:00}",
		"spec: {accountID: a, userID: b, notAfter: '2026-11-22T12:00:00+99:99'}",
		"spec: {accountID: a, userID: b, notAfter: '2026-11-22 12:00:00Z'}",
		"spec: {accountID: a, userID: b, notAfter: '0000-01-01T00:00:00Z'}",
		"spec: {accountID: a, userID: b, notAfter: '2026-11-22T24:00:00Z'}",
		"spec: {accountID: a, userID: b, notAfter: '2026-12-31T23:59:60Z'}",
		"spec: {accountID: a, userID: b, activeDeadlineSeconds: 4294967297}",
		"spec: {accountID: a, userID: b, activeDeadlineSeconds: 1.0, ttlSecondsAfterFinished: 2147483648}",
		"spec: {accountID: a, userID: b, providerRef: {name: ''}}",
		"spec: {accountID: a, userID: b, providerRef: null, suspend: null, unknown: 1}",
		"spec: {accountID: '{UserId}', userID: '..'}",
		`spec: {accountID: "a\u202e", userID: "a\ue000\u2028"}`,
		"spec: {accountID: \"a\\x85b\", userID: 1}",
		"spec: null",
		"spec: [a]",
		"{}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, manifest string) {
		stored, refused, ok := c.create(t, manifest)
		if !ok {
			return
		}
		wantFields(t, refused)
		if len(refused) > 0 {
			return
		}
		var obj v1alpha1.UserLogout
		if err := utiljson.Unmarshal(stored, &obj); err != nil {
			t.Fatalf("cannot be decoded: %v: %s", err, stored)
		}
		s := obj.Spec
		if err := errors.Join(logout.CheckID(s.AccountID), logout.CheckID(s.UserID)); err != nil {
			t.Errorf("does not pass the check in the process: %v: %s", err, stored)
		}
		if s.ActiveDeadlineSeconds < 1 || s.ProviderRef.Name == "" || s.TTLSecondsAfterFinished != nil &&
			*s.TTLSecondsAfterFinished < 0 {
			t.Errorf("as the operator sees it: %+v", s)
		}
		service.logOut(t, "", s.AccountID, s.UserID)
	})
}

// secrets contains every Secret that a provider may name, and every ConfigMap, which is empty.
type secrets struct{ client.Reader }

func (secrets) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	secret, ok := into.(*corev1.Secret)
	if !ok {
		return nil
	}
	secret.Data = map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("AKIDEXAMPLE"),
		"AWS_SECRET_ACCESS_KEY": []byte("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}
	return nil
}

// FuzzClusterLogoutProvider: a provider that the schema accepts results in a client with safe requests, or in a
// condition that describes the error.
func FuzzClusterLogoutProvider(f *testing.F) {
	c, service := load(f, "clusterlogoutproviders"), newEndpoint(f)
	const rest = ", accountIDs: [a], allowedNamespaces: {from: All}}"
	for _, seed := range []string{
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://service.chime.aws.amazon.com/console'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'http://localhost:8080/a%2Fb/', region: eu-west-1, credentials: {secretRef: {name: s}}}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://a:b@c', assumeRole: {roleARN: 'arn:aws:iam::1:role/r', externalID: xx}}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c/?x=y#z'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://[::1]/{UserId}/..'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c//a/./b/..'}" + rest,
		"spec: {type: Telegraph, amazonChime: {endpoint: chime, region: US EAST}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, accountIDs: [a, a], allowedNamespaces: {from: Selector, selector: {matchLabels: {a: b}}}, rateLimit: {requestsPerSecond: 0, burst: 99999999999}}",
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, accountIDs: ['*'], allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Near}]}}}",
		"spec: {type: AmazonCognito, amazonCognito: {region: eu-central-1}" + rest,
		"spec: {type: AmazonCognito, amazonCognito: {region: eu-central-1, endpoint: 'https://c/..'}, amazonChime: {endpoint: 'https://c'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {caBundle: '-----BEGIN CERTIFICATE-----'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {caBundle: '-----BEGIN PRIVATE KEY-----'}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {caBundle: a, caBundleRef: {kind: ConfigMap, name: a}}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {caBundleRef: {kind: Secret, name: a, key: 'a/b'}}" + rest,
		"spec: {type: AmazonChime, amazonChime: {endpoint: 'https://c'}, tls: {clientCertificate: {secretRef: {name: s}}}" + rest,
		"spec: {type: AmazonChime}",
		"spec: {}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, manifest string) {
		stored, refused, ok := c.create(t, manifest)
		if !ok {
			return
		}
		wantFields(t, refused)
		if len(refused) > 0 {
			return
		}
		var p v1alpha1.ClusterLogoutProvider
		if err := utiljson.Unmarshal(stored, &p); err != nil {
			t.Fatalf("cannot be decoded: %v: %s", err, stored)
		}
		if r := p.Spec.RateLimit; r.RequestsPerSecond < 1 || r.Burst < 1 {
			t.Errorf("rate limit %+v", r)
		}
		// No test asks the machine for an identity.
		named := &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: "s"}}
		if m := p.Spec.AmazonChime; m != nil {
			m.Credentials = named
		}
		if m := p.Spec.AmazonCognito; m != nil {
			m.Credentials = named
		}
		made, err := (&providers.Resolver{Reader: secrets{}}).Client(t.Context(), &p)
		if err != nil {
			var misconfigured *providers.ConfigError
			if !errors.As(err, &misconfigured) || misconfigured.Reason == "" || misconfigured.Message == "" {
				t.Errorf("%v: %s", err, stored)
			}
			return
		}
		made.Close()
		if p.Spec.AmazonChime == nil {
			return
		}
		u, err := url.Parse(p.Spec.AmazonChime.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		service.logOut(t, u.EscapedPath(), "account", "user")
	})
}
