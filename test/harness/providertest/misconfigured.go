package providertest

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/providers"
)

// misconfigured: the error of a misconfigured provider names the field or key, and the client sends nothing.
func (k *kit) misconfigured() {
	good := k.object.Spec
	for _, field := range k.p.URLs {
		for url, word := range map[string]string{
			"http://login.example":            "https://",
			"https://user:pass@login.example": "password",
			"https://login.example/?a=b":      "query",
			"https://login.example/#a":        "fragment",
			"login":                           "absolute URL",
		} {
			if word == "query" && strings.HasSuffix(field, "tokenURL") {
				k.object.Spec = k.p.Set(good, field, url)
				k.object.Generation++
				if _, err := k.build(); err != nil { // RFC 6749 lets a token endpoint have a query
					k.Errorf("%s with a query: %v", field, err)
				}
				continue
			}
			k.object.Spec = k.p.Set(good, field, url)
			k.refuses(v1alpha1.ReasonInvalidEndpoint, k.p.Field(field), word)
		}
	}
	k.object.Spec = v1alpha1.ClusterLogoutProviderSpec{Type: good.Type}
	k.refuses(v1alpha1.ReasonInvalidSpec, "spec."+k.p.Member())
	k.object.Spec = v1alpha1.ClusterLogoutProviderSpec{Type: "Telegraph"}
	k.refuses(v1alpha1.ReasonInvalidSpec, "Telegraph")
	k.object.Spec = good
	for key := range k.p.Secrets[0] {
		for _, value := range []string{"", "two\nlines", "is\x01hidden"} {
			data := maps.Clone(k.p.Secrets[0])
			data[key] = value
			if value == "" && slices.Contains(k.p.OptionalKeys, key) {
				continue
			}
			k.setSecret(data)
			words := []string{k.secret.Name}
			if value == "" {
				words = append(words, key)
			}
			k.refuses(v1alpha1.ReasonInvalidSecret, words...)
		}
	}
	k.setSecret(k.p.Secrets[0])
	k.succeeds("fixed")
}

// refuses checks that there is no client, and that the reason contains all words.
func (k *kit) refuses(reason string, words ...string) {
	k.Helper()
	k.object.Generation++
	_, err := k.build()
	problem, ok := errors.AsType[*providers.ConfigError](err)
	if !ok || problem.Reason != reason {
		k.Errorf("got %v, want %s with %q", err, reason, words)
		return
	}
	for _, word := range words {
		if !strings.Contains(problem.Message, word) {
			k.Errorf("%s: %q does not say %q", reason, problem.Message, word)
		}
	}
	for _, secret := range append(k.p.SecretValues(), "lines", "hidden", "pass@") {
		if strings.Contains(problem.Message, secret) {
			k.Errorf("%q quotes %q", problem.Message, secret)
		}
	}
}

// Set returns a spec with another value in a field of the member; nil removes the field.
func (p Fixture) Set(
	spec v1alpha1.ClusterLogoutProviderSpec, field string, value any,
) v1alpha1.ClusterLogoutProviderSpec {
	return edit(spec, value, append([]string{p.Member()}, strings.Split(field, ".")...)...)
}

// Without returns a spec without the type's member.
func (p Fixture) Without(spec v1alpha1.ClusterLogoutProviderSpec) v1alpha1.ClusterLogoutProviderSpec {
	return edit(spec, nil, p.Member())
}

// With returns a spec with the type's member in addition to its own.
func (p Fixture) With(
	spec v1alpha1.ClusterLogoutProviderSpec, endpoint, secret string,
) v1alpha1.ClusterLogoutProviderSpec {
	own := p.Spec(endpoint, secret)
	return edit(spec, toMap(&own)[p.Member()], p.Member())
}

// edit sets a value of a spec by its path; nil removes it.
func edit(spec v1alpha1.ClusterLogoutProviderSpec, value any, path ...string) v1alpha1.ClusterLogoutProviderSpec {
	object := toMap(&spec)
	if value == nil {
		unstructured.RemoveNestedField(object, path...)
	} else if err := unstructured.SetNestedField(object, value, path...); err != nil {
		panic(err)
	}
	var changed v1alpha1.ClusterLogoutProviderSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &changed); err != nil {
		panic(err)
	}
	return changed
}

func toMap(spec *v1alpha1.ClusterLogoutProviderSpec) map[string]any {
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		panic(err) // it is a type of this project
	}
	return object
}
