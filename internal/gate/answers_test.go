package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// TestGoodBesideAnswers checks that a service that answers one tenant with 503 or 429, however long it asks for, does
// not stop another tenant whom it serves now and then, even if it also serves the first tenant's other users. A tenant
// with three namespaces or more can stop all others as long as the service asks for, but only a few times in an hour.
func TestGoodBesideAnswers(t *testing.T) {
	for name, kind := range answers {
		for _, namespaces := range some(1, 3, 20) {
			for _, servedToo := range some(0, 5) { // of ten
				t.Run(fmt.Sprint(name, " ", namespaces, " ", servedToo), func(t *testing.T) {
					inWorld(t, slow, func(ctx context.Context, w *world) {
						const every = 45 * time.Second
						var all, good []*thing
						for i := range 60 {
							good = append(good,
								crowdOf("good", fmt.Sprint("good", i), 1, time.Duration(i)*every, nil)...)
						}
						for i := range 60 * 10 {
							is := &kind
							if rand.N(10) < servedToo {
								is = nil
							}
							all = append(all, crowdOf(fmt.Sprint("bad", i%namespaces), fmt.Sprint("bad", i), 1,
								time.Duration(i)*every/10, is)...)
						}
						w.run(ctx, append(all, good...))
						// a probe for each, and a pause of all for each guess
						within(t, 10*time.Second+probes(namespaces)+guesses(namespaces, kind), good)
						for _, o := range good {
							if o.comes > 20*time.Minute && o.comes < time.Hour && o.done > 10*time.Second {
								t.Errorf("%s, which came after %s, waited %s", o.key, o.comes, o.done)
							}
						}
					})
				})
			}
		}
	}
}

// TestKnownAfterAPause checks that a pause of all calls, in which nobody can be served, does not use up what is known of
// those that were served before.
func TestKnownAfterAPause(t *testing.T) {
	for _, kind := range []string{"503 that asks", "429 that asks"} {
		for _, namespaces := range some(1, 20, 60) {
			t.Run(fmt.Sprint(kind, " ", namespaces), func(t *testing.T) {
				inWorld(t, slow, func(ctx context.Context, w *world) {
					const fails, works = 5 * time.Minute, 16 * time.Minute
					began, kind := time.Now(), answers[kind]
					w.fails = func() *failing {
						if d := time.Since(began); d < fails || d > works {
							return nil
						}
						return &refused
					}
					var all, good []*thing
					for i := range namespaces {
						all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 50, 15*time.Minute, &kind)...)
					}
					for i := range 90 {
						good = append(good, crowdOf("good", fmt.Sprint("good", i), 1, time.Duration(i)*20*time.Second, nil)...)
					}
					w.run(ctx, append(all, good...))
					// those that were called in the outage wait by their own backoff, too
					good = slices.DeleteFunc(good, func(o *thing) bool { return o.comes < works })
					within(t, 15*time.Second+10*time.Second+probes(namespaces)+guesses(namespaces, kind), good)
				})
			})
		}
	}
}

// TestThrottledNowAndThen checks that a tenant that is served, and throttled twice now and then, does not slow another
// tenant for long, whatever the rhythm.
func TestThrottledNowAndThen(t *testing.T) {
	for name, pause := range map[string]func() time.Duration{
		"6.5 s":           func() time.Duration { return 6500 * time.Millisecond },
		"13 s":            func() time.Duration { return 13 * time.Second },
		"20 s":            func() time.Duration { return 20 * time.Second },
		"12 to 20 s":      func() time.Duration { return 12*time.Second + rand.N(8*time.Second) },
		"13 s on average": func() time.Duration { return time.Duration(rand.ExpFloat64() * 13 * float64(time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(ctx context.Context, w *world) {
				kind := answers["429"]
				evil, stop := context.WithCancel(ctx)
				done := make(chan struct{})
				go func() {
					defer close(done)
					for n := 0; passes(evil, pause()); n++ {
						for i, bad := range []*failing{nil, &kind, &kind} {
							w.once(evil, &thing{key: types.NamespacedName{Namespace: "bad", Name: fmt.Sprint(n, i)}, bad: bad})
						}
					}
				}()
				const alone = 5 * time.Minute
				began := time.Now()
				w.run(ctx, crowdOf("good", "good", int(alone.Seconds()*slow.PerSecond), 0, nil))
				took := time.Since(began)
				stop()
				<-done
				if took > 2*alone {
					t.Errorf("took %s, %s alone", took, alone)
				}
			})
		})
	}
}

// TestNoCredentials checks that all calls pause if the token endpoint refuses, whatever it answers and whoever was served
// before: no call can be made.
func TestNoCredentials(t *testing.T) {
	for name, kind := range answers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(ctx context.Context, w *world) {
				kind.NoCredentials, kind.ProviderWide = true, true
				w.once(ctx, &thing{key: named("refused"), bad: &kind})
				if w.gates.States()["p"].Pause == nil {
					t.Error("calls are not paused")
				}
			})
		})
	}
}

// TestThrottledInABlip checks that a 429 for one tenant does not prolong everybody's short pause to what it asks for.
func TestThrottledInABlip(t *testing.T) {
	inWorld(t, slow, func(ctx context.Context, w *world) {
		kind := answers["429 that asks"]
		go func() {
			passes(ctx, 10*time.Second)
			w.once(ctx, &thing{key: named("blip"), bad: &refused})
		}()
		var all, good []*thing
		for i := range 60 {
			comes := time.Duration(i) * time.Second
			good = append(good, crowdOf("good", fmt.Sprint("good", i), 1, comes, nil)...)
			all = append(all, crowdOf("bad", fmt.Sprint("bad", i), 1, comes+time.Second/2, &kind)...)
		}
		w.run(ctx, append(all, good...))
		within(t, 25*time.Second, good)
	})
}

// TestLoneLogout checks how long a logout that comes alone, a quarter of an hour after the last, waits for a pause that
// the answer to another tenant has caused.
func TestLoneLogout(t *testing.T) {
	for name, kind := range answers {
		for _, namespaces := range some(1, 3) {
			t.Run(fmt.Sprint(name, " ", namespaces), func(t *testing.T) {
				inWorld(t, slow, func(ctx context.Context, w *world) {
					var all, good []*thing
					for i := range 12 {
						comes := time.Duration(i) * 15 * time.Minute
						good = append(good, crowdOf("good", fmt.Sprint("good", i), 1, comes, nil)...)
					}
					for i := range namespaces {
						all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 50, 0, &kind)...)
					}
					w.run(ctx, append(all, good...))
					within(t, 15*time.Second+probes(namespaces)+time.Duration(namespaces+1)*kind.RetryAfter, good)
				})
			})
		}
	}
}

// TestOutagesInARow checks that a service that fails for everybody again and again is spared each time, above all if there
// are ten minutes in between, and that all namespaces are called soon after each outage.
func TestOutagesInARow(t *testing.T) {
	const lasts, rounds = 2 * time.Minute, 4
	for name, kind := range failures() {
		for _, namespaces := range some(1, 20) {
			for _, every := range some(7*time.Minute, 13*time.Minute) {
				t.Run(fmt.Sprint(name, " ", namespaces, " ", every), func(t *testing.T) {
					inWorld(t, gate.Limit{PerSecond: 100, Burst: 5}, func(ctx context.Context, w *world) {
						began := time.Now()
						w.fails = func() *failing {
							if time.Since(began)%every < every-lasts {
								return nil
							}
							return &kind
						}
						var all []*thing
						for i := range int(rounds * every / time.Second) {
							all = append(all,
								crowdOf(fmt.Sprint(i%namespaces), fmt.Sprint(i), 1, time.Duration(i)*time.Second, nil)...)
						}
						w.calls = nil
						w.run(ctx, all)
						var calls [rounds + 1]int // in each outage
						for _, c := range w.calls {
							if since := c.at.Sub(began); since%every >= every-lasts {
								calls[since/every]++
							}
						}
						// those that were called often in the outage wait by their own backoff
						within(t, lasts+kind.RetryAfter+kind.took*2+80*time.Second, all)
						most := mostCalls(lasts, kind) + 8
						if every < 10*time.Minute { // two calls for each object that comes in the outage
							most += 2 * int(lasts/time.Second)
						}
						if slices.Max(calls[:]) > most {
							t.Errorf("%v calls in each outage, want %d at most", calls, most)
						}
					})
				})
			}
		}
	}
}
