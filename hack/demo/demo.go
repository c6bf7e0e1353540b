package main

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// demo logs the user out, and fails unless every result is as expected.
func (s *stage) demo(ctx context.Context) error {
	user := s.samples.logout.Spec
	e := evidence{sessionsBefore: len(s.fake.Sessions(user.AccountID, user.UserID))}

	s.begin("Applying config/samples/userlogout.yaml")
	watch, err := s.watch(ctx, s.samples.logout.Namespace, "userlogouts")
	if err != nil {
		return err
	}
	defer watch.close()
	if err := s.plane.Apply(ctx, s.samples.logoutManifest); err != nil {
		return err
	}
	e.logout, err = until(ctx, watch, func(l v1alpha1.UserLogout) bool {
		return meta.IsStatusConditionTrue(l.Status.Conditions, v1alpha1.ConditionFinished)
	})
	if err != nil {
		return fmt.Errorf("the object did not become Finished: %w", err)
	}

	s.begin("Stopping the operator, so that no more can come from it")
	e.operator = s.operator.stop()
	e.journal = s.fake.Journal()
	e.sessionsAfter = len(s.fake.Sessions(user.AccountID, user.UserID))
	return s.conclude(e)
}

// conclude shows the evidence and returns the verdict on it.
func (s *stage) conclude(e evidence) error {
	status, err := yaml.Marshal(e.logout.Status)
	if err != nil {
		return err
	}
	var journal []string
	for _, entry := range e.journal {
		journal = append(journal, line(entry))
	}
	s.show(fmt.Sprintf("Status of UserLogout %s/%s:", e.logout.Namespace, e.logout.Name), string(status))
	s.show("Journal of the service:", strings.Join(journal, "\n"))
	_, _ = fmt.Fprintf(s.out, "\n%d sessions → %d\n", e.sessionsBefore, e.sessionsAfter)
	return e.verdict()
}
