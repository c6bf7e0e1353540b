// Package app assembles the program: the manager, its cache and servers, the reconcilers, and the shutdown.
package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/controllers"
	"github.com/logout-operator/logout-operator/internal/schema"
)

// Options are the options of the program.
type Options struct {
	controllers.Options
	// LeaderElect makes the program wait until it holds the lease, so that standby replicas can run.
	LeaderElect bool
	// Lease holds the times of the leader election.
	Lease Lease
	// MetricsAddress is where metrics are served, over TLS and to callers that RBAC allows; "0" for nowhere.
	MetricsAddress string
	// HealthAddress is where /healthz and /readyz are served; "0" for nowhere.
	HealthAddress string
	// Logger is used for all logs.
	Logger logr.Logger
}

// Lease holds the times of the leader election, as client-go names them.
type Lease struct {
	// Duration is how long after its last renewal another replica may take the lease, and so how long there is no
	// leader after a crash. A lease that was released can be taken at once.
	Duration time.Duration
	// RenewDeadline is how long the leader tries to renew the lease before it gives up and exits, and so how long an
	// outage of the API server it survives.
	RenewDeadline time.Duration
	// RetryPeriod is the pause between two attempts to take or renew it.
	RetryPeriod time.Duration
}

// validate returns an error for times that client-go would refuse, or with which two replicas could lead at a time.
func (l Lease) validate() error {
	switch {
	case l.RetryPeriod <= 0:
		return fmt.Errorf("--leader-election-retry-period must be above zero, not %s", l.RetryPeriod)
	case l.Duration%time.Second != 0:
		return fmt.Errorf("--leader-election-lease-duration must be in whole seconds, as a Lease has them, not %s",
			l.Duration)
	case l.RenewDeadline.Seconds() <= leaderelection.JitterFactor*l.RetryPeriod.Seconds():
		return fmt.Errorf(
			"--leader-election-renew-deadline (%s) must be above %g times --leader-election-retry-period (%s), "+
				"or the lease could be lost between two attempts to renew it",
			l.RenewDeadline, leaderelection.JitterFactor, l.RetryPeriod)
	case l.Duration <= l.RenewDeadline:
		return fmt.Errorf("--leader-election-lease-duration (%s) must be above --leader-election-renew-deadline (%s), "+
			"or two replicas could lead at a time",
			l.Duration, l.RenewDeadline)
	}
	return nil
}

// storeGrace is how long a stop waits after the end of the last call for its outcome to be stored.
const storeGrace = 10 * time.Second

// Validate returns an error for options that are out of range or contradict each other.
func (o Options) Validate() error {
	if err := o.Options.Validate(); err != nil {
		return err
	}
	return o.Lease.validate()
}

// Run runs the operator until ctx is done, and then until the outcomes of the calls under way are stored. It returns an
// error if the operator could not start, lost its lease, or had to give up outcomes.
func Run(ctx context.Context, cluster *rest.Config, o Options) error {
	mgr, err := newManager(cluster, o)
	if err != nil {
		return err
	}
	if o.Schema, err = schema.New(mgr.GetConfig(), mgr.GetHTTPClient(), o.Logger.WithName("schema"),
		v1alpha1.GroupVersion,
		schema.Kind{Name: "UserLogout", Type: v1alpha1.UserLogout{}, Selectable: []string{controllers.CompletionTime}},
		schema.Kind{Name: "ClusterLogoutProvider", Type: v1alpha1.ClusterLogoutProvider{}}); err != nil {
		return err
	}
	if err := errors.Join(mgr.Add(o.Schema), mgr.AddReadyzCheck("crd", o.Schema.Ready)); err != nil {
		return err
	}
	drain, err := controllers.Setup(mgr, o.Options)
	if err != nil {
		return err
	}
	stop := func() (abandoned int) {
		bound, cancel := context.WithTimeout(context.Background(), o.CallTimeout+storeGrace)
		defer cancel()
		return drain(bound)
	}
	// On SIGTERM the manager waits for the workers. This bounds how long they try to store their outcomes.
	defer context.AfterFunc(ctx, func() { stop() })()
	err = mgr.Start(ctx)
	// After a lost lease the manager does not wait for the workers.
	if abandoned := stop(); abandoned > 0 {
		err = errors.Join(err, fmt.Errorf("%d outcomes could not be stored in time; their attempts will be repeated",
			abandoned))
	}
	return err
}

func newManager(cluster *rest.Config, o Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	cluster = rest.CopyConfig(cluster)
	cluster.QPS = -1 // the API server's priority and fairness sets the limit; the gate paces the calls
	mgr, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme: scheme,
		Logger: o.Logger,
		Cache:  controllers.CacheOptions(o.Options),
		Controller: config.Controller{
			// names have to be unique only for metrics, and tests run several managers
			SkipNameValidation: ptr.To(true),
		},
		LeaderElection:                o.LeaderElect,
		LeaderElectionID:              "logout-operator.logout-operator.io",
		LeaderElectionNamespace:       o.Namespace,
		LeaseDuration:                 &o.Lease.Duration,
		RenewDeadline:                 &o.Lease.RenewDeadline,
		RetryPeriod:                   &o.Lease.RetryPeriod,
		LeaderElectionReleaseOnCancel: true, // the program ends right after, so a standby can take over at once
		GracefulShutdownTimeout:       ptr.To(o.CallTimeout + 2*storeGrace),
		// Servers with bounds serve both: see serverAt.
		Metrics:                server.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
	})
	if err != nil {
		return nil, err
	}
	if mgr, err = withProbes(mgr, o.HealthAddress); err != nil {
		return nil, err
	}
	return mgr, errors.Join(
		withMetrics(mgr, o.MetricsAddress),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("cache", func(req *http.Request) error {
			ctx, cancel := context.WithTimeout(req.Context(), time.Second)
			defer cancel()
			if !mgr.GetCache().WaitForCacheSync(ctx) {
				return errors.New("the cache is not filled yet")
			}
			return nil
		}))
}
