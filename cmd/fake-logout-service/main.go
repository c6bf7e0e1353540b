// Command fake-logout-service runs the fake LogoutUser service of package chimetest as a process of its own, for
// demonstrations and for tests of a deployed operator.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/logout-operator/logout-operator/test/chimetest"
)

// shutdownTimeout is how long calls under way may take to end.
const shutdownTimeout = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	os.Exit(exitStatus(err, os.Stderr))
}

// exitStatus prints err, if any, in one line. It returns 2 for a wrong command line, 1 for any other error, and 0 for
// none.
func exitStatus(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "fake-logout-service: %v (-h for help)\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(stderr, "fake-logout-service: %v\n", err)
	return 1
}

// run serves until ctx is done. When it is ready, it prints the URL to use as endpoint, and then each entry of the
// journal as a line of JSON.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	o, err := parse(args, getenv, stdout)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fake := chimetest.New(o.service)
	for _, u := range o.users {
		fake.SignIn(u.account, u.id, u.devices...)
	}
	if _, err := fmt.Fprintf(stdout, "http://%s%s\n", listener.Addr(), o.service.BasePath); err != nil {
		return errors.Join(fmt.Errorf("printing the URL: %w", err), listener.Close())
	}

	server := &http.Server{Handler: handler(fake), ReadHeaderTimeout: shutdownTimeout}
	// The printer outlives ctx, so that it prints the calls that end during the shutdown.
	printing, stopPrinting := context.WithCancel(context.WithoutCancel(ctx))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serve(server, listener) })
	group.Go(func() error { return printEntries(printing, fake, stdout) })
	group.Go(func() error {
		defer stopPrinting()
		<-ctx.Done()
		fake.Close()
		return shutdown(server)
	})
	return group.Wait()
}

func serve(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// handler returns the service with its admin API. It does not use a ServeMux, which would clean the paths before the
// service sees them.
func handler(fake *chimetest.Server) http.Handler {
	admin := fake.Admin()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, chimetest.AdminPrefix) {
			admin.ServeHTTP(w, r)
			return
		}
		fake.ServeHTTP(w, r)
	})
}

func printEntries(ctx context.Context, fake *chimetest.Server, stdout io.Writer) error {
	lines := json.NewEncoder(stdout)
	for e := range fake.Follow(ctx, 0) {
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("printing the journal: %w", err)
		}
	}
	return nil
}

// shutdown lets calls under way end, and cuts off those that do not end in time.
func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}
