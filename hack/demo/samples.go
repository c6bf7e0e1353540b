package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// samples are the objects of config/samples.
type samples struct {
	provider v1alpha1.ClusterLogoutProvider
	logout   v1alpha1.UserLogout
	// logoutManifest is logout as written in its file.
	logoutManifest []byte
}

func readSamples(dir string) (samples, error) {
	var s samples
	if _, err := readSample(filepath.Join(dir, "provider_amazonchime.yaml"), &s.provider); err != nil {
		return s, err
	}
	manifest, err := readSample(filepath.Join(dir, "userlogout.yaml"), &s.logout)
	s.logoutManifest = manifest
	return s, err
}

func readSample(file string, into any) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return content, nil
}

// configuration is the provider, with the fake service as its endpoint, and the objects that it needs.
func (s samples) configuration(fake *fakeService) ([]byte, error) {
	provider := s.provider.DeepCopy()
	provider.Spec.AmazonChime.Endpoint = fake.endpoint
	manifest, err := yaml.Marshal(provider)
	if err != nil {
		return nil, err
	}
	prerequisites := fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels: {logout-operator.io/allowed: "true"}
---
apiVersion: v1
kind: Secret
metadata:
  name: %s
  namespace: %s
stringData:
  AWS_ACCESS_KEY_ID: %q
  AWS_SECRET_ACCESS_KEY: %q
`, s.logout.Namespace,
		provider.Spec.AmazonChime.Credentials.SecretRef.Name, operatortest.Namespace,
		fake.credentials.AccessKeyID, fake.credentials.SecretAccessKey)
	return bytes.Join([][]byte{[]byte(prerequisites), manifest}, []byte("---\n")), nil
}
