package chart_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

const deploymentKey = "Deployment " + namespace + " logout-operator"

// deploymentOf decodes it strictly: a field in the wrong place is an error.
func deploymentOf(t *testing.T, objects map[string]*unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	obj := objects[deploymentKey]
	if obj == nil {
		t.Fatalf("no Deployment among %q", slices.Sorted(maps.Keys(objects)))
	}
	d := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, d, true); err != nil {
		t.Fatal(err)
	}
	return d
}

func argsOf(t *testing.T, objects map[string]*unstructured.Unstructured) []string {
	t.Helper()
	return deploymentOf(t, objects).Spec.Template.Spec.Containers[0].Args
}

func TestImage(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		values []string
		want   string
	}{
		"mirror": {[]string{"--set=image.repository=registry.example.com:5000/team/logout-operator"},
			"registry.example.com:5000/team/logout-operator:v0.1.0"},
		"tag": {[]string{"--set=image.tag=v0.2.0"}, "ghcr.io/logout-operator/logout-operator:v0.2.0"},
		"digest": {[]string{"--set=image.tag=v0.2.0", "--set=image.digest=" + digest},
			"ghcr.io/logout-operator/logout-operator@" + digest},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deploymentOf(t, render(t, tt.values...)).Spec.Template.Spec.Containers[0].Image; got != tt.want {
				t.Errorf("image %s, want %s", got, tt.want)
			}
		})
	}
}

// TestPod sets every value for the pod at once.
func TestPod(t *testing.T) {
	d := deploymentOf(t, render(t,
		"--set=replicas=3",
		`--set-json=image={"pullPolicy": "Always", "pullSecrets": [{"name": "registry"}]}`,
		`--set-json=resources={"limits": {"memory": "1Gi"}}`,
		`--set-json=nodeSelector={"disk": "ssd"}`,
		`--set-json=tolerations=[{"key": "a", "operator": "Exists"}]`,
		`--set-json=affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": []}]}}}`,
		`--set-json=topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]`,
		"--set=priorityClassName=high",
		`--set-json=podLabels={"team": "security", "app.kubernetes.io/name": "another"}`,
		`--set-json=podAnnotations={"example.com/a": "true"}`,
		"--set=serviceAccount.name=mine",
		`--set-json=env=[{"name": "AWS_REGION", "value": "us-east-1"}]`,
		"--set=callTimeout=15s",
	))
	pod := d.Spec.Template.Spec
	container := pod.Containers[0]
	for name, ok := range map[string]bool{
		"replicas":                     *d.Spec.Replicas == 3,
		"image.pullPolicy":             container.ImagePullPolicy == corev1.PullAlways,
		"image.pullSecrets":            pod.ImagePullSecrets[0].Name == "registry",
		"resources.limits":             container.Resources.Limits.Memory().String() == "1Gi",
		"resources are merged":         container.Resources.Requests.Cpu().String() == "50m",
		"nodeSelector":                 pod.NodeSelector["disk"] == "ssd",
		"tolerations":                  pod.Tolerations[0].Key == "a",
		"affinity":                     pod.Affinity.NodeAffinity != nil,
		"affinity is merged":           pod.Affinity.PodAntiAffinity != nil,
		"topologySpreadConstraints":    pod.TopologySpreadConstraints[0].TopologyKey == "zone",
		"priorityClassName":            pod.PriorityClassName == "high",
		"podLabels":                    d.Spec.Template.Labels["team"] == "security",
		"podLabels spare the selector": d.Spec.Template.Labels["app.kubernetes.io/name"] == "logout-operator",
		"podAnnotations":               d.Spec.Template.Annotations["example.com/a"] == "true",
		"serviceAccount.name":          pod.ServiceAccountName == "mine",
		"env": container.Env[2].Name == "AWS_REGION" && container.Env[1].Name == "NO_PROXY" &&
			container.Env[0].Name == "POD_NAMESPACE",
		"terminationGracePeriodSeconds": *pod.TerminationGracePeriodSeconds == 35,
	} {
		if !ok {
			t.Errorf("%s has no effect", name)
		}
	}
}

// TestObjectsThatCanBeLeftOut: each switch adds or removes its own objects and no others.
func TestObjectsThatCanBeLeftOut(t *testing.T) {
	standard := slices.Sorted(maps.Keys(render(t)))
	for value, kinds := range map[string][]string{
		"replicas=1":                        {"PodDisruptionBudget"},
		"podDisruptionBudget.enabled=false": {"PodDisruptionBudget"},
		"serviceAccount.create=false":       {"ServiceAccount"},
		"crds.enabled=false":                {"CustomResourceDefinition", "CustomResourceDefinition"},
		"metadataPolicy.enabled=false":      {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
		"statusPolicy.enabled=false":        {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
		"allowInsecureEndpoints=true":       {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
		"tenantRoles.enabled=false":         {"ClusterRole", "ClusterRole"},
	} {
		got := render(t, "--set="+value)
		var missing []string
		for _, key := range standard {
			if got[key] == nil {
				missing = append(missing, strings.Fields(key)[0])
			}
		}
		if !slices.Equal(missing, kinds) || len(got) != len(standard)-len(kinds) {
			t.Errorf("%s: %q are missing, want %q", value, missing, kinds)
		}
	}
}

// TestOtherNamesOfTheAccount: everything that names the ServiceAccount uses its configured name and the namespace of
// the release.
func TestOtherNamesOfTheAccount(t *testing.T) {
	out := mustHelm(t, "template", "another", chart, "--namespace=elsewhere", "--kube-version=1.32.0",
		"--set=serviceAccount.name=mine",
		"--set=networkPolicy.enabled=true")
	if strings.Contains(out, namespace) {
		t.Errorf("%s occurs in a release in another namespace", namespace)
	}
	objects := decode(t, out)
	for key, obj := range objects {
		subjects, _, _ := unstructured.NestedSlice(obj.Object, "subjects")
		for _, s := range subjects {
			if s := s.(map[string]any); s["name"] != "mine" || s["namespace"] != "elsewhere" {
				t.Errorf("%s is for %v", key, s)
			}
		}
	}
	validations, _, _ := unstructured.NestedSlice(objects["ValidatingAdmissionPolicy logout-operator-status"].Object,
		"spec", "validations")
	const want = `request.userInfo.username == "system:serviceaccount:elsewhere:mine"`
	if got := validations[0].(map[string]any)["expression"]; got != want {
		t.Errorf("the policy lets pass %v, want %s", got, want)
	}
}

func TestPrometheusLabels(t *testing.T) {
	objects := render(t, "--set=prometheus.serviceMonitor.enabled=true", "--set=prometheus.rules.enabled=true",
		"--set=prometheus.labels.release=mine")
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule"} {
		obj := objects[kind+" "+namespace+" logout-operator"]
		if obj == nil || obj.GetLabels()["release"] != "mine" ||
			obj.GetLabels()["app.kubernetes.io/name"] != "logout-operator" {
			t.Errorf("%s lacks a label: %v", kind, obj)
		}
	}
}

// TestDependency: Helm passes global values to charts that other charts depend on, and the schema must accept them.
func TestDependency(t *testing.T) {
	render(t, "--set=global.region=eu", "--set-json=affinity=null", "--set-json=resources=null")
}

// TestProxy: with a proxy, the API server is still called without it, whatever else is.
func TestProxy(t *testing.T) {
	container := deploymentOf(t, render(t,
		`--set-json=env=[{"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "proxy", "key": "url"}}}]`,
		`--set-json=noProxy=[".corp.example", "10.0.0.0/8"]`)).Spec.Template.Spec.Containers[0]
	values := map[string]string{}
	for _, e := range container.Env {
		values[e.Name] = e.Value
	}
	hosts := strings.Split(values["NO_PROXY"], ",")
	for _, want := range []string{"$(KUBERNETES_SERVICE_HOST)", ".svc", ".cluster.local", "127.0.0.1", "fd00:ec2::23",
		"fd00:ec2::254", ".corp.example", "10.0.0.0/8"} {
		if !slices.Contains(hosts, want) {
			t.Errorf("NO_PROXY is %q, without %s", hosts, want)
		}
	}
	if _, ok := values["HTTPS_PROXY"]; !ok {
		t.Errorf("environment %v", container.Env)
	}
}

func TestVolumes(t *testing.T) {
	pod := deploymentOf(t, render(t,
		`--set-json=volumes=[{"name": "ca", "configMap": {"name": "corporate-ca"}}]`,
		`--set-json=volumeMounts=[{"name": "ca", "mountPath": "/etc/corporate", "readOnly": true}]`)).Spec.Template.Spec
	if len(pod.Volumes) != 1 || pod.Volumes[0].ConfigMap == nil || pod.Volumes[0].ConfigMap.Name != "corporate-ca" ||
		len(pod.Containers[0].VolumeMounts) != 1 || pod.Containers[0].VolumeMounts[0].MountPath != "/etc/corporate" {
		t.Errorf("%+v, mounted at %+v", pod.Volumes, pod.Containers[0].VolumeMounts)
	}
}

// TestEgressPorts: DNS stays, and so does the rule for the node's identity.
func TestEgressPorts(t *testing.T) {
	obj := render(t, "--set=networkPolicy.enabled=true",
		"--set-json=networkPolicy.egressPorts=[443, 8443, 3128]")["NetworkPolicy "+namespace+" logout-operator"]
	if obj == nil {
		t.Fatal("no NetworkPolicy")
	}
	policy := &networkingv1.NetworkPolicy{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, policy, true); err != nil {
		t.Fatal(err)
	}
	var ports []string
	for _, p := range policy.Spec.Egress[0].Ports {
		ports = append(ports, string(*p.Protocol)+" "+p.Port.String())
	}
	if want := []string{"UDP 53", "TCP 53", "TCP 443", "TCP 8443", "TCP 3128"}; !slices.Equal(ports, want) ||
		len(policy.Spec.Egress) != 2 || len(policy.Spec.Egress[1].To) != 4 {
		t.Errorf("ports %q, want %q; %+v", ports, want, policy.Spec.Egress)
	}
}
