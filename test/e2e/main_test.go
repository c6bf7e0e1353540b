package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/test/harness/await"
)

var failovers = flag.Int("failovers", 2, "how often the leader is deleted, and how often it is killed")

// Settings from the environment.
var (
	kubeconfig = os.Getenv("KUBECONFIG")
	image      = os.Getenv("E2E_IMAGE")
	fakeImage  = os.Getenv("E2E_FAKE_IMAGE")
)

// Access to the cluster as its administrator.
var (
	cluster   *rest.Config
	clientset *kubernetes.Clientset
	admin     client.WithWatch
	scheme    = runtime.NewScheme()
)

func TestMain(m *testing.M) {
	flag.Parse()
	await.Patience = 2 * time.Minute // the lease of a killed leader lasts for one minute
	if wanted() {
		if err := connect(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	began := time.Now()
	code := m.Run()
	if wanted() {
		measured = append(measured, []string{"all", "time", text(time.Since(began))})
		printFigures(os.Stdout)
	}
	os.Exit(code)
}

func wanted() bool { return kubeconfig != "" && image != "" && fakeImage != "" }

// needsCluster skips the test if there is no cluster for it.
func needsCluster(t *testing.T) {
	t.Helper()
	if !wanted() {
		t.Skip("needs a cluster: set KUBECONFIG, E2E_IMAGE and E2E_FAKE_IMAGE (see doc.go)")
	}
}

func connect() (err error) {
	ctrl.SetLogger(logr.Discard()) // of the informers in this process
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if cluster, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig(); err != nil {
		return err
	}
	cluster.QPS = -1
	if clientset, err = kubernetes.NewForConfig(cluster); err != nil {
		return err
	}
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme,
		v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	admin, err = client.NewWithWatch(cluster, client.Options{Scheme: scheme})
	return err
}
