package cognito

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// noPool is the ID of no user pool.
const noPool = region + "_NOSUCHPOOL"

const providerManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: ClusterLogoutProvider
metadata: {name: %[1]s}
spec:
  type: AmazonCognito
  amazonCognito: {region: %[2]s, endpoint: %[3]q, credentials: {secretRef: {name: %[1]s}}%[5]s}
  accountIDs: [%[4]s, ` + noPool + `]
  allowedNamespaces: {from: All}
`

const logoutManifest = `
apiVersion: logout-operator.io/v1alpha1
kind: UserLogout
metadata: {name: %[2]s, namespace: default}
spec:
  providerRef: {name: %[1]s}
  accountID: %[3]s
  userID: %[4]q
`

// TestLogout: with the permission that docs/providers.md names, and no other, all tokens of the user end, and those of
// nobody else.
func TestLogout(t *testing.T) {
	s := start(t)
	p := s.newPool()
	p.newUser("jane")
	p.newUser("john")
	laptop, phone, johns := p.signIn("jane"), p.signIn("jane"), p.signIn("john")
	for name, session := range map[string]session{"laptop": laptop, "phone": phone, "John": johns} {
		p.mustWork(name, session, "both")
	}
	startOperator(t)
	applySecret(t, "logout", s.newIdentity("operator", allow(documented(t))))
	applyProvider(t, "logout", p, "")

	ends(t, "logout", "offboard-jane", p.id, "jane", v1alpha1.ReasonLoggedOut, http.StatusOK)
	p.mustWork("the laptop", laptop, "none")
	p.mustWork("the phone", phone, "none")
	p.mustWork("John", johns, "both")

	ends(t, "logout", "offboard-jane-again", p.id, "jane", v1alpha1.ReasonLoggedOut, http.StatusOK)
	back := p.signIn("jane")
	p.mustWork("Jane, who is back,", back, "both")
	ends(t, "logout", "offboard-jane-at-last", p.id, "jane", v1alpha1.ReasonLoggedOut, http.StatusOK)
	p.mustWork("Jane, who was back,", back, "none")

	// The user is known, but disabled: what is left of their tokens can still be ended.
	p.manage("AdminDisableUser", map[string]any{"UserPoolId": p.id, "Username": "john"})
	ends(t, "logout", "offboard-john", p.id, "john", v1alpha1.ReasonLoggedOut, http.StatusOK)
	p.mustWork("John", johns, "none")

	ends(t, "logout", "unknown-user", p.id, "jim", v1alpha1.ReasonNotFound, http.StatusBadRequest)
	ends(t, "logout", "unknown-pool", noPool, "jane", v1alpha1.ReasonNotFound, http.StatusBadRequest)
}

// TestMissingPermission: a logout by an identity that may do something else waits, and says which permission is missing.
// It is carried out once somebody has granted that.
func TestMissingPermission(t *testing.T) {
	s := start(t)
	p := s.newPool()
	p.newUser("jane")
	janes := p.signIn("jane")
	startOperator(t)
	applySecret(t, "permission", s.newIdentity("operator", allow("cognito-idp:AdminUserGlobalSignOutX")))
	applyProvider(t, "permission", p, "")

	obj := tried(t, "permission", "permission", p.id, "jane", v1alpha1.ReasonUnauthorized, http.StatusForbidden)
	mustWait(t, obj, "AccessDenied", "User: arn:aws:iam::"+amazon+":user/operator is not authorized to perform: "+
		"cognito-idp:AdminUserGlobalSignOut")
	p.mustWork("Jane", janes, "both")

	s.permit("operator", allow(documented(t)))
	if obj = becomes(t, "permission", v1alpha1.ReasonLoggedOut); obj.Status.Attempts < 2 {
		t.Errorf("%+v", obj.Status)
	}
	p.mustWork("Jane", janes, "none")
}

// TestWrongKeys: keys that AWS rejects are no fault of the object, which is tried again once the Secret is right.
func TestWrongKeys(t *testing.T) {
	s := start(t)
	p := s.newPool()
	p.newUser("jane")
	right := s.newIdentity("operator", allow(documented(t)))
	startOperator(t)
	for name, wrong := range map[string]struct {
		keys        aws.Credentials
		code, words string
	}{
		// The service's words are left out, because they may quote what was signed.
		"wrong-secret": {aws.Credentials{AccessKeyID: right.AccessKeyID,
			SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, "SignatureDoesNotMatch", ""},
		"unknown-key": {aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: right.SecretAccessKey},
			"InvalidClientTokenId", "The security token included in the request is invalid."},
	} {
		janes := p.signIn("jane")
		applySecret(t, name, wrong.keys)
		applyProvider(t, name, p, "")
		obj := tried(t, name, name, p.id, "jane", v1alpha1.ReasonUnauthorized, http.StatusForbidden)
		mustWait(t, obj, wrong.code, wrong.words)
		p.mustWork("Jane", janes, "both")

		applySecret(t, name, right)
		becomes(t, name, v1alpha1.ReasonLoggedOut)
		p.mustWork("Jane", janes, "none")
	}
}

// TestAssumeRole: the operator assumes a role by STS, whose trust policy requires an external ID, and signs with it.
func TestAssumeRole(t *testing.T) {
	s := start(t)
	p := s.newPool()
	p.newUser("jane")
	janes := p.signIn("jane")
	const role = "arn:aws:iam::" + amazon + ":role/logout"
	keys := s.newIdentity("operator", fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": %q}]}`, role))
	s.iam("CreateRole", "RoleName", "logout", "AssumeRolePolicyDocument", `{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::`+amazon+`:user/operator"},
		"Condition": {"StringEquals": {"sts:ExternalId": "corp"}}}]}`)
	t.Setenv("AWS_ENDPOINT_URL_STS", s.url)
	startOperator(t)
	applySecret(t, "role", keys)
	const assume = ", assumeRole: {roleARN: '" + role + "', externalID: %s}"

	applyProvider(t, "role", p, fmt.Sprintf(assume, "other"))
	provider := &v1alpha1.ClusterLogoutProvider{ObjectMeta: metav1.ObjectMeta{Name: "role"}}
	provider = await.Object(t, cluster.Admin, provider, "refused", func(o *v1alpha1.ClusterLogoutProvider) bool {
		ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == v1alpha1.ReasonCredentialsUnavailable
	})
	message := meta.FindStatusCondition(provider.Status.Conditions, v1alpha1.ConditionReady).Message
	// The SDK does not find moto's code, AccessDenied, because moto has <Errors> around it, which STS has not.
	if !strings.Contains(message, "STS AssumeRole: failed (") {
		t.Errorf("the provider says %q", message)
	}

	applyProvider(t, "role", p, fmt.Sprintf(assume, "corp"))
	obj := tried(t, "role", "role", p.id, "jane", v1alpha1.ReasonUnauthorized, http.StatusForbidden)
	mustWait(t, obj, "AccessDenied", "User: arn:aws:sts::"+amazon+":assumed-role/logout/logout-operator is not "+
		"authorized to perform: cognito-idp:AdminUserGlobalSignOut")
	p.mustWork("Jane", janes, "both")

	s.iam("PutRolePolicy", "RoleName", "logout", "PolicyName", "only", "PolicyDocument", allow(documented(t)))
	becomes(t, "role", v1alpha1.ReasonLoggedOut)
	p.mustWork("Jane", janes, "none")
}

// documented returns the action of the policy in docs/providers.md.
func documented(t *testing.T) string {
	t.Helper()
	root, err := gotool.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "providers.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1) {
		var policy struct {
			Statement []struct{ Effect, Action, Resource string }
		}
		if err := json.Unmarshal(block[1], &policy); err == nil && len(policy.Statement) == 1 &&
			strings.HasPrefix(policy.Statement[0].Action, "cognito-idp:") {
			return policy.Statement[0].Action
		}
	}
	t.Fatal("docs/providers.md has no policy for Cognito")
	return ""
}

// ends applies a UserLogout and waits until it has finished at the first attempt.
func ends(t *testing.T, provider, name, pool, user, reason string, status int32) {
	t.Helper()
	if obj := tried(t, provider, name, pool, user, reason, status); !finished(obj) || obj.Status.Attempts != 1 {
		t.Errorf("%s: %+v", name, obj.Status)
	}
}

// tried applies a UserLogout and waits for a reason that an answer with this status caused.
func tried(t *testing.T, provider, name, pool, user, reason string, status int32) *v1alpha1.UserLogout {
	t.Helper()
	apply(t, fmt.Sprintf(logoutManifest, provider, name, pool, user))
	obj := becomes(t, name, reason)
	if obj.Status.LastAttempt == nil || obj.Status.LastAttempt.HTTPStatusCode != status {
		t.Errorf("%s: %+v, want HTTP %d", name, obj.Status.LastAttempt, status)
	}
	return obj
}

// becomes waits until a UserLogout has this reason.
func becomes(t *testing.T, name, reason string) *v1alpha1.UserLogout {
	t.Helper()
	obj := &v1alpha1.UserLogout{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	return await.Object(t, cluster.Admin, obj, reason, func(o *v1alpha1.UserLogout) bool {
		ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == reason
	})
}

// mustWait checks that an object is not finished, and that it says why: the service's code and words.
func mustWait(t *testing.T, obj *v1alpha1.UserLogout, code, words string) {
	t.Helper()
	last := obj.Status.LastAttempt
	want := "the service does not accept the credentials (HTTP 403, " + code + ")"
	if words != "" {
		want += "; the service says: " + words
	}
	if finished(obj) || last == nil || last.Code != code || last.Message != want {
		t.Errorf("%s: %+v; want %q", obj.Name, last, want)
	}
}

func finished(obj *v1alpha1.UserLogout) bool {
	return meta.IsStatusConditionTrue(obj.Status.Conditions, v1alpha1.ConditionFinished)
}

// applyProvider applies a provider for the pool, which uses the Secret of the same name. The role is what to add to its
// amazonCognito.
func applyProvider(t *testing.T, name string, p pool, role string) {
	t.Helper()
	apply(t, fmt.Sprintf(providerManifest, name, region, p.url, p.id, role))
}

func applySecret(t *testing.T, name string, keys aws.Credentials) {
	t.Helper()
	apply(t, operatortest.Secret(name, keys))
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if err := plane.Apply(t.Context(), []byte(manifest)); err != nil {
		t.Fatal(err)
	}
}

// startOperator starts an operator that ends with the test.
func startOperator(t *testing.T) {
	t.Helper()
	suite.Start(t, operatortest.Options{Binary: cluster.Binary, Access: cluster.Access})
}
