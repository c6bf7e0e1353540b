package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// defaultNamespace allows logouts in the namespace that kubectl uses unless told otherwise.
const defaultNamespace = `
apiVersion: v1
kind: Namespace
metadata:
  name: default
  labels: {logout-operator.io/allowed: "true"}
`

// hints suggests commands to try.
const hints = `
  export KUBECONFIG=%[1]s

  kubectl get ulo -A -w
  kubectl apply -f config/samples/userlogout.yaml
  kubectl -n %[2]s wait --for=condition=Finished --timeout=5m ulo/%[3]s
  kubectl -n %[2]s describe ulo %[3]s
  kubectl -n %[2]s delete ulo %[3]s

UserLogouts are allowed in the namespaces %[2]s and default.

The fake service, scripted (test/chimetest has all that it can answer) and asked:

  curl -s %[4]s/script -d '{"account": "%[5]s", "user": "%[6]s", "answers": [{"code": "ThrottledClientException", "times": 2}]}'
  curl -s %[4]s/signin -d '{"account": "%[5]s", "user": "%[6]s", "devices": [%[7]s]}'
  curl -s '%[4]s/sessions?account=%[5]s&user=%[6]s'
  curl -s %[4]s/journal

The operator logs to %[8]s
`

// dev explains how to use the running programs, and shows the service's calls until ctx is done.
func (s *stage) dev(ctx context.Context) error {
	kubeconfig := filepath.Join(s.dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, s.plane.Kubeconfig, 0o600); err != nil {
		return err
	}
	if err := s.plane.Apply(ctx, []byte(defaultNamespace)); err != nil {
		return err
	}
	logout := s.samples.logout
	s.begin("Ready until Ctrl-C. To be tried in another terminal:")
	_, _ = fmt.Fprintf(s.out, hints, kubeconfig, logout.Namespace, logout.Name,
		s.fake.admin, logout.Spec.AccountID, logout.Spec.UserID, `"`+strings.Join(devices, `", "`)+`"`, s.operator.log)
	_, _ = fmt.Fprintln(s.out, "\nCalls of the service:")
	for entry := range s.fake.Follow(ctx, 0) {
		s.event(line(entry))
	}
	s.begin("Stopping everything, once the calls in progress have ended")
	return s.operator.stop()
}
