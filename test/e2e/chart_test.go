package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/test/harness/gotool"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

const release = "logout-operator"

// TestChart installs the chart with Helm, logs a user out, upgrades the release, and uninstalls it.
func TestChart(t *testing.T) {
	needsCluster(t)
	refuseUsedCluster(t)
	service := startService(t)
	helm := newHelm(t)
	values := append(imageValues(image), "--set", "allowInsecureEndpoints=true", "--set", "crds.keep=false")

	began := time.Now()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatortest.Namespace,
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce": "restricted",
		}}}
	removeAtEnd(t, []client.Object{namespace})
	if err := admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = helm.run(context.Background(), "uninstall", release, "--ignore-not-found", "--wait") })
	diagnose(t)
	helm.must(t, append([]string{"install", release, helm.chart, "--wait"}, values...)...)
	before := replicas(t)
	note(t, "installed and two replicas ready after", time.Since(began))

	r := newRig(t, service)
	r.logOutOne(t, "before-upgrade")
	r.count(t, []string{"before-upgrade"}).check(t, 0, 0)

	began = time.Now()
	helm.must(t, append([]string{"upgrade", release, helm.chart, "--wait", "--set", "logLevel=debug"}, values...)...)
	after := replicas(t, before[0].Name, before[1].Name)
	note(t, "upgraded after", time.Since(began))
	leader(t, after)
	r.logOutOne(t, "after-upgrade")
	r.count(t, []string{"before-upgrade", "after-upgrade"}).check(t, 0, 0)

	began = time.Now()
	helm.must(t, "uninstall", release, "--wait")
	uninstall(t, []client.Object{namespace})
	note(t, "uninstalled, and nothing left, after", time.Since(began))
}

// helm runs the Helm that hack/helm pins.
type helm struct{ root, chart string }

// newHelm skips the test if there is no chart.
func newHelm(t *testing.T) helm {
	t.Helper()
	root, err := gotool.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	chart := filepath.Join(root, "charts", "logout-operator")
	if _, err := os.Stat(chart); err != nil {
		t.Skip("there is no chart")
	}
	for _, home := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(home, t.TempDir())
	}
	return helm{root, chart}
}

func (h helm) run(ctx context.Context, args ...string) (string, error) {
	return gotool.Run(ctx, h.root,
		append([]string{"tool", "-modfile=hack/helm/go.mod", "helm", "--namespace", operatortest.Namespace},
			args...)...)
}

func (h helm) must(t *testing.T, args ...string) {
	t.Helper()
	if _, err := h.run(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}

// imageValues are the chart's values for an image whose name ends with a tag, a digest or both.
func imageValues(image string) (values []string) {
	repository, digest, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		values = append(values, "--set-string", "image.tag="+repository[i+1:])
		repository = repository[:i]
	}
	if digest != "" {
		values = append(values, "--set-string", "image.digest="+digest)
	}
	return append(values, "--set-string", "image.repository="+repository)
}
