package keycloak

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// The administrator of all realms.
const adminName, adminPassword = "admin", "admin-password-EXAMPLE"

// server is a Keycloak on loopback. Its database is a file, so that it keeps everything over a restart.
type server struct {
	url   string // without a slash at the end
	ready string // the URL that tells whether it is ready
	token string // an access token of the administrator
	log   operatortest.Log

	program string
	flags   []string
	running *exec.Cmd     // nil if it is stopped
	exited  chan struct{} // closed when it is gone
}

// newServer returns a Keycloak of the distribution in home, which is not changed: what it writes is in dir.
func newServer(home, dir string) (*server, error) {
	own := filepath.Join(dir, "keycloak")
	if err := os.Mkdir(own, 0o700); err != nil {
		return nil, err
	}
	for _, name := range []string{"conf", "lib", "providers", "themes"} {
		if err := os.Symlink(filepath.Join(home, name), filepath.Join(own, name)); err != nil {
			return nil, err
		}
	}
	address, err := operatortest.FreeAddress()
	if err != nil {
		return nil, err
	}
	management, err := operatortest.FreeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	_, managementPort, _ := net.SplitHostPort(management)
	return &server{
		url: "http://" + address, ready: "http://" + management + "/health/ready",
		program: filepath.Join(home, "bin", "kc.sh"),
		flags: []string{"start", "--optimized", "--cache=local", "--hostname-strict=false", "--http-enabled=true",
			"--http-host=127.0.0.1", "--http-port=" + port, "--http-management-port=" + managementPort,
			"-Dkc.home.dir=" + own},
	}, nil
}

// start starts the server, and returns when it is ready and the administrator is signed in.
func (s *server) start(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.running, s.exited = exec.Command(s.program, s.flags...), make(chan struct{})
	s.running.Env = append(os.Environ(), "JAVA_OPTS_KC_HEAP=-Xms64m -Xmx512m",
		"KC_BOOTSTRAP_ADMIN_USERNAME="+adminName, "KC_BOOTSTRAP_ADMIN_PASSWORD="+adminPassword)
	s.running.Stdout, s.running.Stderr = &s.log, &s.log
	if err := s.running.Start(); err != nil {
		return err
	}
	go func(wait func() error, exited chan<- struct{}) {
		cancel(errors.Join(errors.New("it ended"), wait())) // it has a status of its own after SIGTERM
		close(exited)
	}(s.running.Wait, s.exited)
	if err := s.awaitReady(ctx); err != nil {
		return fmt.Errorf("starting Keycloak: %w\n%s", errors.Join(err, context.Cause(ctx)), s.log.Tail(20_000))
	}
	return s.signInAdmin(ctx)
}

func (s *server) awaitReady(ctx context.Context) error {
	const interval, patience = 100 * time.Millisecond, 10 * time.Minute
	return wait.PollUntilContextTimeout(ctx, interval, patience, true, func(ctx context.Context) (bool, error) {
		a, err := send(ctx, http.MethodGet, s.ready, "", nil)
		return err == nil && a.status == http.StatusOK, nil // an error: it does not listen yet
	})
}

// signInAdmin fetches a token for the administrator that lasts for all tests.
func (s *server) signInAdmin(ctx context.Context) error {
	grant := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {adminName},
		"password": {adminPassword}}
	for range 2 { // the first one lasts for a minute
		a, err := send(ctx, http.MethodPost, s.tokens("master"), "", grant)
		if err != nil {
			return err
		}
		got := tokens{}
		if a.status != http.StatusOK || a.decode(&got) != nil {
			return fmt.Errorf("signing in the administrator: %s", a)
		}
		s.token = got.Access
		a, err = send(ctx, http.MethodPut, s.url+"/admin/realms/master", s.token,
			map[string]any{"accessTokenLifespan": int(time.Hour.Seconds())})
		if err != nil {
			return err
		}
		if a.status != http.StatusNoContent {
			return fmt.Errorf("prolonging the administrator's token: %s", a)
		}
	}
	return nil
}

// stop ends the server, and returns when it is gone. It may be stopped already.
func (s *server) stop() error {
	if s.running == nil {
		return nil
	}
	p := s.running.Process
	s.running = nil
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) { // kc.sh passes it on
		return err
	}
	<-s.exited
	return nil
}

// tokens is the URL of a realm's token endpoint.
func (s *server) tokens(realm string) string {
	return s.url + "/realms/" + url.PathEscape(realm) + "/protocol/openid-connect/token"
}
