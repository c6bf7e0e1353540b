// Command logout-operator runs the operator.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/logout-operator/logout-operator/cmd/logout-operator/app"
	"github.com/logout-operator/logout-operator/internal/liblog"
)

// errUsage marks an error in the command line.
var errUsage = errors.New("see --help")

func main() {
	// A second SIGTERM has no effect, because outcomes are still being stored.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// exitCode prints err, if any, in one line, and returns the exit status: 2 for an error in the command line, 1 for any
// other error.
func exitCode(err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "logout-operator:", err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	options, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if err := checkProxies(); err != nil {
		return err
	}
	liblog.Redirect(slog.New(logr.ToSlogHandler(options.Logger)))
	ctrl.SetLogger(options.Logger)
	klog.SetLogger(options.Logger)
	app.LimitMemory(options.Logger)
	cluster, err := config.GetConfig()
	if err != nil {
		return fmt.Errorf("cannot load the cluster configuration: %w", err)
	}
	return app.Run(ctx, cluster, options)
}

// checkProxies rejects what net/http would ignore: without an error, calls would then go round the proxy. The error does
// not quote the value, which may have a password.
func checkProxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := os.Getenv(name)
		_, err := url.Parse(value)
		if _, bare := url.Parse("http://" + value); err != nil && bare != nil { // net/http takes both forms
			return fmt.Errorf("%s is not a URL: remove line breaks and spaces, and escape special characters of its password",
				name)
		}
	}
	return nil
}

func parse(args []string, stderr io.Writer) (app.Options, error) {
	var o app.Options
	var level slog.Level
	flags := flag.NewFlagSet("logout-operator", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // an error is one line; help is printed below
	config.RegisterFlags(flags)
	flags.IntVar(&o.Workers, "workers", 50,
		"how many attempts can be in progress at a time for one provider, and a fifth more for namespaces with few calls")
	flags.DurationVar(&o.CallTimeout, "call-timeout", 10*time.Second,
		"how long an attempt may take, from its claim to the end of its call")
	flags.DurationVar(&o.VisibilityTimeout, "visibility-timeout", 30*time.Second,
		"how long after its claim an attempt is retried if its outcome was lost; at least twice --call-timeout, at most 5m")
	flags.StringVar(&o.Namespace, "namespace", "logout-operator-system",
		"the operator's own namespace, which holds its Secrets and its lease")
	flags.BoolVar(&o.AllowInsecureEndpoints, "allow-insecure-endpoints", false,
		"allow providers with http:// endpoints on hosts other than the loopback")
	flags.BoolVar(&o.LeaderElect, "leader-elect", false,
		"wait for the lease before doing anything, so that several replicas can run")
	// Kubernetes' own controllers use 15, 10 and 2 seconds. A defragmentation of etcd can take half a minute, which is
	// longer. These defaults survive it; their price is a minute without a leader after a crash.
	flags.DurationVar(&o.Lease.Duration, "leader-election-lease-duration", time.Minute,
		"time without a renewal after which another replica may take the lease; after a crash there is no leader for that long")
	flags.DurationVar(&o.Lease.RenewDeadline, "leader-election-renew-deadline", 40*time.Second,
		"how long the leader tries to renew the lease before it exits; it survives an outage of the API server of that length; "+
			"below the lease duration")
	flags.DurationVar(&o.Lease.RetryPeriod, "leader-election-retry-period", 5*time.Second,
		"pause between two attempts to take or renew the lease; 1.2 times this must be below the renew deadline")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8443",
		"address to serve metrics on, over TLS and with authorization; 0 to serve none")
	flags.StringVar(&o.HealthAddress, "health-probe-bind-address", ":8081",
		"address to serve /healthz and /readyz on; 0 to serve none")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "least severe level to log: debug, info, warn or error")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		flags.Usage()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w (%w)", err, errUsage)
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q (%w)", flags.Arg(0), errUsage)
	}
	if err := o.Validate(); err != nil {
		return o, fmt.Errorf("%w (%w)", err, errUsage)
	}
	o.Logger = logr.FromSlogHandler(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
	return o, nil
}
