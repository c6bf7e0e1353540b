package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
	"github.com/logout-operator/logout-operator/internal/lifecycle"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// fill makes the labels of an object so large, as a tenant can, that the object takes up all that etcd can store, to
// the byte.
func fill(t *testing.T, obj *v1alpha1.UserLogout) {
	t.Helper()
	add := func(name string, count, length int) error {
		labels := make([]string, count)
		for i := range labels {
			labels[i] = fmt.Sprintf("%q: %q", fmt.Sprintf("%sexample.com/%s-%d",
				strings.Repeat(strings.Repeat("a", 60)+".", 3), name, i), strings.Repeat("b", length))
		}
		patch := fmt.Sprintf(`{"metadata": {"labels": {%s}}}`, strings.Join(labels, ","))
		return TestCluster.Patch(t.Context(), obj.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
	var refused error
	for count := 4096; count > 0; count /= 2 {
		if err := add(fmt.Sprintf("many-%d", count), count, 63); err != nil {
			refused = err
		}
	}
	for length := 63; length >= 0; length-- { // fill up the last bytes
		if err := add(fmt.Sprintf("last-%d", length), 1, length); err == nil {
			break
		}
	}
	if refused == nil {
		t.Fatal("never full")
	}
	t.Logf("full: %s: %.200s", apierrors.ReasonForError(refused), refused)
}

// TestObjectFilledUpInTheCall checks that an object that a tenant fills up during its call still gets its outcome, in a
// smaller form.
func TestObjectFilledUpInTheCall(t *testing.T) {
	for name, answer := range map[string]error{
		"logged out": nil,
		"refused": &logout.Error{Reason: logout.NotFound, HTTPStatusCode: 404, Message: strings.Repeat("m", 256),
			Code: strings.Repeat("c", 256)},
		"throttled": &logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503,
			Message: strings.Repeat("m", 256), RetryAfter: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var forms []string
			tr := newTrial(t, interceptor.Funcs{SubResourcePatch: func(
				ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch,
				opts ...client.SubResourcePatchOption,
			) error {
				data, _ := patch.Data(obj)
				err := c.SubResource(sub).Patch(ctx, obj, patch, opts...)
				forms = append(forms, fmt.Sprintf("%s: %v", data, err))
				return err
			}})
			tr.answer = answer
			tr.during = func() {
				fill(t, tr.obj) // slow on a busy machine
				patience := time.AfterFunc(time.Minute, tr.attempts.cancel)
				t.Cleanup(func() { patience.Stop() })
			}
			if err := tr.run(); err != nil {
				t.Fatal(err)
			}
			if len(forms) > 3 || !strings.HasSuffix(forms[len(forms)-1], ": <nil>") {
				t.Errorf("%d tries, the last: %.2000s", len(forms), forms[len(forms)-1])
			}
			if told := tr.told(); len(told) != 1 || strings.Contains(told[0], v1alpha1.ReasonStatusUnstored) {
				t.Errorf("events %q", told)
			}
			if answer == nil && lifecycle.Ready(tr.live().Status).Reason != v1alpha1.ReasonLoggedOut {
				t.Errorf("status %+v", tr.live().Status)
			}
		})
	}
}

// TestNewObjectIsFull checks that no call is made for an object without room for a claim, that an event says why, and
// that the operator reports no error of its own.
func TestNewObjectIsFull(t *testing.T) {
	tooLarge := &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 500,
		Message: "etcdserver: request is too large"}}
	tr := newTrial(t, interceptor.Funcs{SubResourceUpdate: func(
		context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption,
	) error {
		return tooLarge
	}})
	for name, try := range map[string]func() error{
		"claim": tr.run,
		"write": func() (err error) {
			tr.result, err = tr.write(t.Context(), tr.obj.DeepCopy(),
				lifecycle.Decision{Do: lifecycle.Write, Status: refused(tr.obj, time.Now())})
			return err
		},
	} {
		if err := try(); err != nil || tr.calls != 0 || tr.result.RequeueAfter < time.Minute {
			t.Errorf("%s: %d calls, result %+v, error %v", name, tr.calls, tr.result, err)
		}
		if told := tr.told(); len(told) != 1 || !strings.Contains(told[0], "too large") {
			t.Errorf("%s: events %q", name, told)
		}
	}
}

// newRanOut returns a trial with a copied claim that has run out by the time it is stored. answer answers the tries to
// store the outcome, which do not reach the API server: there, the operator in the background suspends the object at
// once.
func newRanOut(t *testing.T, claim *v1alpha1.UserLogout, answer func() error) *trial {
	tr := newTrial(t, interceptor.Funcs{
		SubResourceUpdate: func(
			ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption,
		) error {
			err := c.SubResource(sub).Update(ctx, obj, opts...)
			obj.(*v1alpha1.UserLogout).DeepCopyInto(claim)
			return err
		},
		SubResourcePatch: func(
			context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption,
		) error {
			return answer()
		},
	})
	tr.VisibilityTimeout = -time.Minute
	return tr
}

// TestOutcomeNobodyTakes checks an outcome that the API server does not take although it takes other writes. The worker
// gives it up when the claim has run out, no other call is made for the object, and the outcome is stored in the end.
func TestOutcomeNobodyTakes(t *testing.T) {
	for _, err := range []error{
		apierrors.NewInternalError(errors.New("failed calling webhook")),
		apierrors.NewTooManyRequestsError("quota"),
		apierrors.NewServiceUnavailable("down, for this one"),
		apierrors.NewConflict(group, "jane", errors.New("busy")),
		apierrors.NewUnauthorized("no"),
		errors.New("reset"),
	} {
		t.Run(string(apierrors.ReasonForError(err)), func(t *testing.T) {
			answer, claim := err, &v1alpha1.UserLogout{}
			tr := newRanOut(t, claim, func() error { return answer })
			tr.during = func() { time.AfterFunc(time.Second, func() { tr.written.note(time.Now()) }) }
			label := outcomesUnstored.WithLabelValues(refusalReason(err))
			before := testutil.ToFloat64(label)
			if err := tr.run(); err != nil || tr.result.RequeueAfter <= 0 {
				t.Errorf("result %+v, error %v", tr.result, err)
			}
			if n := testutil.ToFloat64(label) - before; n < 1 {
				t.Errorf("counted %v", n)
			}
			if told := tr.told(); len(told) != 1 || !strings.Contains(told[0], v1alpha1.ReasonStatusUnstored) {
				t.Errorf("events %q", told)
			}
			tr.slot().Release() // other objects can call

			kept, ok := tr.unstored.of(claim, time.Now())
			if !ok {
				t.Fatal("forgotten")
			}
			if result, err := tr.storeKept(t.Context(), kept, kept.next.Add(-time.Second)); err != nil ||
				result.RequeueAfter <= 0 || len(tr.told()) > 0 {
				t.Errorf("too early: result %+v, error %v", result, err)
			}
			if result, err := tr.storeKept(t.Context(), kept, kept.next); err != nil || result.RequeueAfter <= 0 {
				t.Errorf("still refused: result %+v, error %v", result, err)
			}
			answer = nil
			if _, err := tr.storeKept(t.Context(), kept, kept.next); err != nil {
				t.Error(err)
			}
			if told := tr.told(); len(told) != 1 || !strings.Contains(told[0], v1alpha1.ReasonLoggedOut) {
				t.Errorf("stored: events %q", told)
			}
			if _, ok := tr.unstored.of(claim, time.Now()); ok || tr.calls != 1 {
				t.Errorf("%d calls, still kept: %t", tr.calls, ok)
			}
		})
	}
}

// TestHoldsOnInAnOutage checks that the worker keeps trying after the claim has run out, as long as the API server
// takes no writes.
func TestHoldsOnInAnOutage(t *testing.T) {
	tries := 0
	tr := newRanOut(t, &v1alpha1.UserLogout{}, func() error {
		if tries++; tries < 5 {
			return apierrors.NewServiceUnavailable("down")
		}
		return nil
	})
	if err := tr.run(); err != nil || tries != 5 {
		t.Errorf("%d tries, error %v", tries, err)
	}
	if told := tr.told(); len(told) != 1 || !strings.Contains(told[0], v1alpha1.ReasonLoggedOut) {
		t.Errorf("events %q", told)
	}
}

func TestKeptOutcomes(t *testing.T) {
	claim := object(claimedAt(0))
	done, retry := outcome{claim: claim, status: object(claimedAt(0), loggedOutAt(1)).Status},
		outcome{claim: claim, status: object(claimedAt(0), throttledAt(1, 60)).Status}
	for _, tt := range []struct {
		name string
		kept outcome
		obj  *v1alpha1.UserLogout
		now  int
		want bool
	}{
		{"the claim", done, object(claimedAt(0)), 31, true},
		{"a cache that is behind", done, object(), 31, true},
		{"relabelled", done,
			object(claimedAt(0), func(o *v1alpha1.UserLogout) { o.Labels = map[string]string{"a": "b"} }), 31, true},
		{"re-created", done, object(func(o *v1alpha1.UserLogout) { o.UID = "2" }), 31, false},
		{"claimed anew", done, object(claimedAt(0), claimedAt(30)), 31, false},
		{"finished by somebody else", done, object(claimedAt(0), refusedAt(2)), 31, false},
		{"past the deadline", done, object(claimedAt(0)), 3601, true},
		{"to be retried", retry, object(claimedAt(0)), 31, true},
		{"to be retried, past the deadline", retry, object(claimedAt(0)), 3601, false},
		{"to be retried, deleted", retry, object(claimedAt(0), deleted), 31, false},
		{"deleted", done, object(claimedAt(0), deleted), 31, true},
	} {
		u := &unstored{}
		u.keep(tt.kept, at(30))
		if _, got := u.of(tt.obj, at(tt.now)); got != tt.want {
			t.Errorf("%s: kept %t, want %t", tt.name, got, tt.want)
		}
	}
	u := &unstored{}
	waits := []time.Duration{}
	for range 6 {
		waits = append(waits, u.keep(done, at(0)).Sub(at(0)))
	}
	if fmt.Sprint(waits) != "[30s 1m0s 2m0s 4m0s 5m0s 5m0s]" {
		t.Errorf("tries after %s", waits)
	}
	for i := range 2 * keptOutcomes {
		other := claim.DeepCopy()
		other.Name = fmt.Sprint(i)
		u.keep(outcome{claim: other}, at(0))
	}
	if len(u.kept) != keptOutcomes {
		t.Errorf("%d kept", len(u.kept))
	}
}
