package faults

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/test/harness/figures"
	"github.com/logout-operator/logout-operator/test/harness/suite"
)

// guard is a check in the operator that prevents repeated calls. Without it, a scenario must fail.
type guard struct {
	name     string
	source   string // file
	is, gets string // text in the source, and its replacement
	scenario string // must fail
	because  string // the scenario's message, as a regular expression
}

var guards = []guard{
	{"the resourceVersion as the claim's precondition", "controllers/attempt.go",
		"	sent := claim.Status.DeepCopy()\n",
		`	sent, live := claim.Status.DeepCopy(), &v1alpha1.UserLogout{}
	key := ctrl.Request{}.NamespacedName
	key.Namespace, key.Name = claim.Namespace, claim.Name
	if err := r.apiReader.Get(ctx, key, live); err != nil {
		return err
	}
	claim.ResourceVersion = live.ResourceVersion
`,
		"TestStaleCache/finished_by_another_operator", "repeats: 1, want at most 0"},
	{"the deadline counted from the claim", "controllers/attempt.go",
		"	if err := r.claim(a.claim, a.callDeadline); errors.Is(err, errNotKept) {\n",
		`	err := r.claim(a.claim, now.Add(time.Hour))
	a.callDeadline = time.Now().Add(r.CallTimeout)
	if errors.Is(err, errNotKept) {
`,
		"TestLeaderPaused", "2 calls, want 1"},
	{"the UID check of the outcome", "controllers/outcome.go",
		"		{\"test\", \"/metadata/uid\", claim.UID},\n", "",
		"TestRecreatedUnderTwo", `outcomes stored in the wrong object: \d+, want at most 0`},
	{"the slot and the worker, held until the outcome is stored", "controllers/outcome.go",
		"	log := logr.FromContextOrDiscard(ctx).WithValues(\"attempt\", o.status.Attempts, \"reason\", lifecycle.Ready(o.status).Reason)\n",
		`	log := logr.FromContextOrDiscard(ctx)
	if r.attempts != nil {
		go func() { _ = r.store(context.WithoutCancel(ctx), o) }()
		return requeueAt(lifecycle.ClaimEnd(o.claim)), nil
	}
`,
		"TestOutcomesHeldBack", `calls whose outcome is not stored: \d+, want at most`},
}

// TestGuards proves that the scenarios detect a missing guard. It removes each guard from a copy of the operator's
// source and runs the scenario that checks it as a separate process with its own control plane. The scenario must fail
// for the right reason.
func TestGuards(t *testing.T) {
	root := moduleRoot(t)
	for _, g := range guards {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			without := newOverlay(t)
			without.change(t, filepath.Join(root, filepath.FromSlash(g.source)), g.is, g.gets)
			if !suite.Full() {
				without.compile(t, "./controllers")
				t.Skip("that it can be taken out is looked at; what happens then, only in full")
			}
			broken := without.build(t, "-race=true")
			// -test.v, because the reason is in the log.
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.v", "-operator="+broken,
				"-test.run=^"+strings.ReplaceAll(g.scenario, "/", "$/^")+"$")
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it has a control plane to stop
			cmd.WaitDelay = time.Minute
			output, err := cmd.CombinedOutput()
			missed := 0
			if err == nil || !regexp.MustCompile(g.because).Match(output) {
				missed = 1
				t.Errorf("without %s, %s does not fail with %q: %v\n%s", g.name, g.scenario, g.because, err, output)
			}
			figures.AtMost(t, "operators without it that "+g.scenario+" does not catch", missed, 0, true)
		})
	}
}
