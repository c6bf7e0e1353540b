package chart_test

import (
	"strings"
	"testing"
)

func TestValuesThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ value, names string }{
		{`replica=3`, "'replica'"},
		{`image={"tagg": "v1"}`, "'/image': additional properties 'tagg'"},
		{`image={"repository": "Registry/logout-operator"}`, "/image/repository"},
		{`image={"tag": "a tag"}`, "/image/tag"},
		{`image={"digest": "sha256:abc"}`, "/image/digest"},
		{`image={"pullPolicy": "Sometimes"}`, "/image/pullPolicy"},
		{`image={"pullSecrets": ["registry"]}`, "/image/pullSecrets/0"},
		{`replicas=0`, "/replicas"},
		{`replicas="two"`, "/replicas"},
		{`podDisruptionBudget={"minAvailable": 1}`, "'minAvailable'"},
		{`resources={"request": {}}`, "'request'"},
		{`resources={"limits": {"memory": "256 MB"}}`, "/resources/limits/memory"},
		{`nodeSelector={"disk": true}`, "/nodeSelector/disk"},
		{`tolerations=[{"effect": "Never"}]`, "/tolerations/0/effect"},
		{`affinity={"nodeAntiAffinity": {}}`, "'nodeAntiAffinity'"},
		{`topologySpreadConstraints=[{"maxSkew": 1}]`, "/topologySpreadConstraints/0"},
		{`priorityClassName="High"`, "/priorityClassName"},
		{`podLabels={"a": 1}`, "/podLabels/a"},
		{`podAnnotations=["a"]`, "/podAnnotations"},
		{`serviceAccount={"name": ""}`, "/serviceAccount/name"},
		{`serviceAccount={"name": "a\" || true || \"b"}`, "/serviceAccount/name"},
		{`serviceAccount={"create": "no"}`, "/serviceAccount/create"},
		{`env={"AWS_REGION": "us-east-1"}`, "/env"},
		{`env=[{"name": "POD_NAMESPACE", "value": "elsewhere"}]`, "/env/0/name"},
		{`env=[{"name": "NO_PROXY", "value": "10.0.0.1"}]`, "/env/0/name"},
		{`noProxy="10.0.0.1"`, "/noProxy"},
		{`noProxy=["a,b"]`, "/noProxy/0"},
		{`volumes=[{"configMap": {"name": "ca"}}]`, "/volumes/0"},
		{`volumeMounts=[{"name": "ca", "mountpath": "/ca"}]`, "/volumeMounts/0"},
		{`networkPolicy={"egressPorts": []}`, "/networkPolicy/egressPorts"},
		{`networkPolicy={"egressPorts": ["https"]}`, "/networkPolicy/egressPorts/0"},
		{`workers=0`, "/workers"},
		{`callTimeout=10`, "/callTimeout"},
		{`callTimeout="0s"`, "/callTimeout"},
		{`callTimeout="1m30s"`, "/callTimeout"},
		{`visibilityTimeout="soon"`, "/visibilityTimeout"},
		{`visibilityTimeout="19s"`, "visibilityTimeout (19s) must be at least twice callTimeout (10s)"},
		{`callTimeout="16s"`, "visibilityTimeout (30s) must be at least twice callTimeout (16s)"},
		{`leaderElectionLeaseDuration="1m"`, "/leaderElectionLeaseDuration"},
		{`leaderElectionRetryPeriod=2`, "/leaderElectionRetryPeriod"},
		{`leaderElectionLeaseDuration="40s"`,
			"leaderElectionLeaseDuration (40s) must be above leaderElectionRenewDeadline (40s)"},
		{`leaderElectionRenewDeadline="6s"`,
			"leaderElectionRenewDeadline (6s), and that above 1.2 times leaderElectionRetryPeriod (5s)"},
		{`allowInsecureEndpoints="false"`, "/allowInsecureEndpoints"},
		{`logLevel="loud"`, "/logLevel"},
		{`crds={"keep": "yes"}`, "/crds/keep"},
		{`statusPolicy=false`, "/statusPolicy"},
		{`tenantRoles={"enable": true}`, "'enable'"},
		{`networkPolicy={"enabled": 1}`, "/networkPolicy/enabled"},
		{`prometheus={"rules": true}`, "/prometheus/rules"},
		{`prometheus={"labels": {"release": 1}}`, "/prometheus/labels/release"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			_, err := helm(t, templateArgs("--set-json="+tt.value)...)
			if err == nil || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("got %v, want an error with %q", err, tt.names)
			}
		})
	}
}

func TestClusterThatIsTooOld(t *testing.T) {
	_, err := helm(t, "template", release, chart, "--kube-version=1.31.9")
	if err == nil || !strings.Contains(err.Error(), "1.32") {
		t.Errorf("got %v, want an error with 1.32", err)
	}
}
