package manifests

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"k8s.io/utils/ptr"

	"github.com/logout-operator/logout-operator/test/harness/controlplane"
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
