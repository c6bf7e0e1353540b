package operatortest

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Manifests joins manifests to one text, which a control plane can apply.
func Manifests(each ...string) []byte { return []byte(strings.Join(each, "\n---\n")) }

// Tenant is a namespace. [DefaultProvider] serves it if it is allowed.
func Tenant(name string, allowed bool) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: %s, labels: {logout-operator.io/allowed: "%t"}}
`, name, allowed)
}

// DefaultProvider is the cluster's default provider: an Amazon Chime at the endpoint, for the users of the account
// named account. It signs with the [Secret] named credentials. perSecond and burst are its rateLimit.
func DefaultProvider(endpoint string, perSecond, burst int) string {
	return fmt.Sprintf(`
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: default}
spec:
  type: AmazonChime
  amazonChime: {endpoint: %q, credentials: {secretRef: {name: credentials}}}
  accountIDs: [account]
  allowedNamespaces: {from: Selector, selector: {matchLabels: {logout-operator.io/allowed: "true"}}}
  rateLimit: {requestsPerSecond: %d, burst: %d}
`, endpoint, perSecond, burst)
}

// Secret holds the keys that a provider signs with.
func Secret(name string, keys aws.Credentials) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s}
stringData: {AWS_ACCESS_KEY_ID: %q, AWS_SECRET_ACCESS_KEY: %q}
`, name, Namespace, keys.AccessKeyID, keys.SecretAccessKey)
}

// Scraper is a ServiceAccount in a namespace that may read the operator's metrics.
func Scraper(namespace, name string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: %[2]s, namespace: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: logout-operator-metrics-reader}
subjects: [{kind: ServiceAccount, name: %[2]s, namespace: %[1]s}]
`, namespace, name)
}
