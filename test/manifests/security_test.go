package manifests

import (
	"context"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestRestricted: the operator's pods comply with the level restricted of the Pod Security Standards.
func TestRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	evaluate := func(d *appsv1.Deployment) policy.AggregateCheckResult {
		return policy.AggregateCheckResults(
			evaluator.EvaluatePod(restricted, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec))
	}
	deployment := deploymentOf(t)
	if result := evaluate(deployment); !result.Allowed {
		t.Errorf("refused: %s", result.ForbiddenDetail())
	}
	deployment.Spec.Template.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = ptr.To(true)
	if result := evaluate(deployment); result.Allowed {
		t.Error("a pod that may gain privileges is let pass: nothing is checked")
	}
}

// restrictedV2 refuses what OpenShift's constraint restricted-v2 refuses in a namespace whose range of users begins at
// 1000700000: https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/authentication_and_authorization/managing-pod-security-policies
const restrictedV2 = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: restricted-v2}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [CREATE]}
  variables:
  - name: pod
    expression: object.spec.securityContext
  - name: ids
    expression: >-
      (has(variables.pod.runAsUser) ? [variables.pod.runAsUser] : []) +
      (has(variables.pod.fsGroup) ? [variables.pod.fsGroup] : []) +
      (has(variables.pod.supplementalGroups) ? variables.pod.supplementalGroups : []) +
      object.spec.containers.filter(c, has(c.securityContext) && has(c.securityContext.runAsUser)).map(c,
      c.securityContext.runAsUser)
  validations:
  - expression: variables.ids.all(id, 1000700000 <= id && id < 1000710000)
    message: "a user or group out of range"
  - expression: >-
      !has(object.spec.volumes) || object.spec.volumes.all(v, has(v.configMap) || has(v.csi) || has(v.downwardAPI) ||
      has(v.emptyDir) || has(v.ephemeral) || has(v.persistentVolumeClaim) || has(v.projected) || has(v.secret))
    message: "a volume of another kind"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: restricted-v2}
spec: {policyName: restricted-v2, validationActions: [Deny]}
`

// TestOpenShift: OpenShift, which lets pods run only as users that it chooses, accepts the operator's pods.
func TestOpenShift(t *testing.T) {
	if err := plane.Apply(t.Context(), []byte(restrictedV2)); err != nil {
		t.Fatal(err)
	}
	create := func(edit func(*corev1.PodSpec)) error {
		template := deploymentOf(t).Spec.Template
		pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
		pod.Namespace, pod.Name = operatortest.Namespace, "restricted-v2"
		edit(&pod.Spec)
		return admin.Create(t.Context(), pod, client.DryRunAll)
	}
	for what, edit := range map[string]func(*corev1.PodSpec){
		"user":                  func(s *corev1.PodSpec) { s.SecurityContext.RunAsUser = ptr.To[int64](65532) },
		"user of the container": func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.RunAsUser = ptr.To[int64](65532) },
		"group of files":        func(s *corev1.PodSpec) { s.SecurityContext.FSGroup = ptr.To[int64](65532) },
	} {
		refused := func(context.Context) (bool, error) { // the policy takes effect a moment after it is stored
			err := create(edit)
			return err != nil && strings.Contains(err.Error(), "out of range"), nil
		}
		if err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, refused); err != nil {
			t.Errorf("a pod with a fixed %s is let pass: nothing is checked", what)
		}
	}
	if err := create(func(*corev1.PodSpec) {}); err != nil {
		t.Error(err)
	}
}

// deploymentOf returns the Deployment of config/default.
func deploymentOf(t *testing.T) *appsv1.Deployment {
	t.Helper()
	for _, obj := range controlplane.MustDecode(t, render(t, "default")) {
		if obj.GetKind() != "Deployment" {
			continue
		}
		d := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, d, true); err != nil {
			t.Fatal(err)
		}
		return d
	}
	t.Fatal("config/default has no Deployment")
	return nil
}
