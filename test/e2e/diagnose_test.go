package e2e

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// diagnose logs the operator's output if the test has failed. Cleanups that were registered earlier run after it.
func diagnose(t *testing.T) {
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		var providers v1alpha1.ClusterLogoutProviderList
		if err := admin.List(ctx, &providers); err == nil {
			for _, p := range providers.Items {
				t.Logf("provider %s: %+v", p.Name, p.Status)
			}
		}
		var pods corev1.PodList
		if err := admin.List(ctx, &pods, client.InNamespace(operatortest.Namespace)); err != nil {
			t.Logf("no pods: %v", err)
		}
		for _, p := range pods.Items {
			t.Logf("pod %s: %s %+v", p.Name, p.Status.Phase, p.Status.ContainerStatuses)
			options := &corev1.PodLogOptions{TailLines: ptr.To[int64](40)}
			log, err := clientset.CoreV1().Pods(p.Namespace).GetLogs(p.Name, options).DoRaw(ctx)
			t.Logf("log of %s (%v):\n%s", p.Name, err, log)
		}
	})
}

// noteImage records the size of the operator's image, if the nodes report it.
func noteImage(t *testing.T) {
	t.Helper()
	var nodes corev1.NodeList
	if err := admin.List(t.Context(), &nodes); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		for _, i := range n.Status.Images {
			for _, name := range i.Names {
				if name == image {
					note(t, "bytes of the image, as "+n.Name+" has it", i.SizeBytes)
				}
			}
		}
	}
}
