package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/logout-operator/logout-operator/internal/gate"
	"github.com/logout-operator/logout-operator/internal/logout"
)

// TestGoodBesideBad checks that a good object is called although other objects fail: within 10 s in another namespace,
// and within 60 s of its usual turn in the same namespace.
func TestGoodBesideBad(t *testing.T) {
	const comes = 20 * time.Second
	for name, kind := range kinds {
		for _, bad := range some(12, 25, 1000) {
			for _, proven := range some(false, true) {
				t.Run(fmt.Sprint(name, " ", bad, " proven ", proven), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
						defer cancel()
						w := newWorld(ctx, slow)
						if proven {
							w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
						}
						same, other := crowdOf("bad", "good", 4, comes, nil), crowdOf("other", "good", 4, comes, nil)
						all := append(crowdOf("bad", "bad", bad, 0, &kind), same...)
						w.run(ctx, append(all, other...))
						for i, o := range other {
							if most := 10*time.Second + time.Duration(i)*100*time.Millisecond; o.done == 0 ||
								o.done > most {
								t.Errorf("%s of another namespace after %s, want %s", o.key, o.done, most)
							}
						}
						turn := max(0, time.Duration(bad)*100*time.Millisecond-comes)
						for _, o := range same {
							if o.done == 0 || o.done > turn+time.Minute {
								t.Errorf("%s of the same namespace after %s, its turn is after %s", o.key, o.done, turn)
							}
						}
					})
				})
			}
		}
	}
}

// TestManyBadNamespaces checks that a tenant gains nothing from several namespaces or many accounts.
func TestManyBadNamespaces(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				w := newWorld(ctx, slow)
				w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
				var all []*thing
				for i := range 20 {
					for j, o := range crowdOf(fmt.Sprint("bad", i), "bad", 50, time.Duration(i)*time.Second, &kind) {
						o.account = fmt.Sprint("account", j)
						all = append(all, o)
					}
				}
				good := crowdOf("good", "good", 4, 40*time.Second, nil)
				w.run(ctx, append(all, good...))
				first := time.Hour
				for _, o := range good { // at worst, one probe for each
					first = min(first, o.done)
					if o.done == 0 || o.done > 10*time.Second+4*7500*time.Millisecond {
						t.Errorf("%s after %s", o.key, o.done)
					}
				}
				if first > 10*time.Second {
					t.Errorf("the first after %s", first)
				}
			})
		})
	}
}

// TestBacklogBesideManyBadNamespaces checks that a backlog goes on beside more failing namespaces than can be blamed at
// a time, and that these do not get more than their probes.
func TestBacklogBesideManyBadNamespaces(t *testing.T) {
	const namespaces, each, backlog = 60, 100, 300
	const alone = backlog * 100 * time.Millisecond
	for _, name := range []string{"500", "503"} {
		kind := failures()[name]
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(ctx context.Context, w *world) {
				var all []*thing
				for i := range namespaces {
					all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", each, time.Duration(i)*time.Second, &kind)...)
				}
				good := crowdOf("good", "good", backlog, 30*time.Second, nil)
				w.calls = nil
				w.run(ctx, append(all, good...))
				within(t, 2*alone+10*time.Second+probes(namespaces), good)
				// three each, a few more while all are paused now and then, and eight a minute
				if bad, most := len(w.calls)-backlog, 4*namespaces+mostCalls(2*alone+probes(namespaces), kind); bad > most {
					t.Errorf("%d calls of others, want %d at most", bad, most)
				}
			})
		})
	}
}

// TestManyNamespacesStayPaused checks that the namespaces that fail get no more than their probes, although there are so
// many that each is probed only every quarter of an hour, and another tenant is answered all the time.
func TestManyNamespacesStayPaused(t *testing.T) {
	const namespaces, lasts, found = 150, 40 * time.Minute, 10 * time.Minute
	inWorld(t, slow, func(ctx context.Context, w *world) {
		kind := kinds["500"]
		var all []*thing
		for i := range namespaces {
			all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 30, time.Duration(i)*time.Second, &kind)...)
		}
		for i := range int(lasts / (20 * time.Second)) {
			all = append(all, crowdOf("good", fmt.Sprint("good", i), 1, time.Duration(i)*20*time.Second, nil)...)
		}
		began, bad := time.Now(), 0
		w.calls = nil
		w.run(ctx, all)
		for _, c := range w.calls {
			if c.object.Namespace != "good" && c.at.Sub(began) > found {
				bad++
			}
		}
		if most := mostCalls(lasts-found, kind); bad > most {
			t.Errorf("%d calls in the last %s, want %d at most", bad, lasts-found, most)
		}
	})
}

// TestGoodBesideManyPaused checks that a good object that comes after the bad ones of its namespace is called although
// many other namespaces are paused, too.
func TestGoodBesideManyPaused(t *testing.T) {
	const namespaces = 30
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slow, func(ctx context.Context, w *world) {
				all := crowdOf("same", "bad", 10, 0, &kind)
				for i := range namespaces {
					all = append(all, crowdOf(fmt.Sprint("bad", i), "bad", 20, 0, &kind)...)
				}
				good := crowdOf("same", "good", 1, time.Minute, nil)
				w.run(ctx, append(all, good...))
				within(t, time.Minute+2*probes(namespaces), good)
			})
		})
	}
}

// TestBacklogBesideHangingCalls checks that many namespaces whose calls hang, but that are never paused because other
// calls of theirs are refused, leave places for one whose calls are quick.
func TestBacklogBesideHangingCalls(t *testing.T) {
	unknown := &failing{logout.Error{Reason: logout.NotFound, HTTPStatusCode: 404}, 10 * time.Millisecond}
	hang := kinds["hang"]
	for _, namespaces := range some(5, 12, 20, 30) {
		t.Run(fmt.Sprint(namespaces), func(t *testing.T) {
			inWorld(t, gate.Limit{PerSecond: 100, Burst: 5}, func(ctx context.Context, w *world) {
				evil, stop := context.WithCancel(ctx)
				var all sync.WaitGroup
				for i := range namespaces {
					for j := range 12 {
						all.Go(func() {
							passes(evil, time.Duration(i)*137*time.Millisecond)
							for n := 0; evil.Err() == nil; n++ {
								key := types.NamespacedName{Namespace: fmt.Sprint("bad", i), Name: fmt.Sprint(j, " ", n)}
								w.once(evil, &thing{key: key, bad: []*failing{&hang, unknown}[j%2]})
							}
						})
					}
				}
				good := crowdOf("good", "good", 300, time.Minute, nil)
				w.run(ctx, good)
				stop()
				all.Wait()
				within(t, 2*3*time.Second+10*time.Second+probes(namespaces), good)
			})
		})
	}
}

// TestAccountsTakeTurns checks that, in one namespace, an account that works is found although all users of another
// account fail.
func TestAccountsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		kind := kinds["403"]
		w := newWorld(ctx, slow)
		w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
		good := crowdOf("n", "good", 5, 0, nil)
		for _, o := range good {
			o.account = "works"
		}
		// The good objects are neither the first nor the last.
		all := append(crowdOf("n", "first", 500, 0, &kind), append(good,
			crowdOf("n", "last", 500, time.Second, &kind)...)...)
		w.run(ctx, all)
		for _, o := range good {
			if o.done == 0 || o.done > 2*time.Minute {
				t.Errorf("%s after %s", o.key, o.done)
			}
		}
	})
}

// mostCalls is how many calls a service that fails for everybody may get in a time: the calls that find out, a few more
// when the pause of a namespace becomes everybody's, and eight a minute.
func mostCalls(d time.Duration, kind failing) int {
	most := 16 + int(d/(7500*time.Millisecond))
	if kind.took > time.Second {
		most += 60 // calls begin before the first one has failed
	}
	return most
}

// TestServiceThatFailsForAll checks that a service that fails for everybody gets no more calls for ten thousand objects
// of many namespaces than for ten of one.
func TestServiceThatFailsForAll(t *testing.T) {
	for name, kind := range failures() {
		for _, namespaces := range some(1, 2, 300) {
			t.Run(fmt.Sprint(name, " ", namespaces), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
					defer cancel()
					w := newWorld(ctx, gate.Limit{PerSecond: 100, Burst: 5})
					w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
					w.calls = nil
					all := []*thing{{key: named("never"), comes: time.Hour}}
					for i := range 600 {
						all = append(all, crowdOf(fmt.Sprint(i%namespaces), fmt.Sprint("bad", i), 1, 0, &kind)...)
					}
					w.run(ctx, all)
					for first := range w.calls {
						for last := first; last < len(w.calls); last++ {
							if d := w.calls[last].at.Sub(w.calls[first].at); last-first+1 > mostCalls(d, kind) {
								t.Fatalf("%d calls in %s, want %d at most", last-first+1, d, mostCalls(d, kind))
							}
						}
					}
					if len(w.calls) < 100 && kind.RetryAfter == 0 {
						t.Errorf("%d calls in 20 minutes: it would not be found again in time", len(w.calls))
					}
				})
			})
		}
	}
}

// TestNotAfterIsNoWayRound checks that objects whose notAfter cuts off their call at a hanging service cause no more
// calls than other objects.
func TestNotAfterIsNoWayRound(t *testing.T) {
	for _, namespaces := range some(1, 20, 300) {
		t.Run(fmt.Sprint(namespaces), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				kind := kinds["hang"]
				w := newWorld(ctx, gate.Limit{PerSecond: 100, Burst: 5})
				w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
				w.calls = nil
				all := []*thing{{key: named("never"), comes: time.Hour}}
				for i := range 4000 {
					o := crowdOf(fmt.Sprint(i%namespaces), fmt.Sprint("bad", i), 1, time.Duration(i)*100*time.Millisecond,
						&kind)[0]
					o.notAfter = time.Second + time.Duration(i%7)*time.Second
					all = append(all, o)
				}
				w.run(ctx, all)
				if got, most := len(w.calls), mostCalls(10*time.Minute, kind); got > most {
					t.Errorf("%d calls in ten minutes, want %d at most", got, most)
				}
			})
		})
	}
}

// TestCutOffProbes checks that probes that hang until their notAfter do not prolong an outage that is over.
func TestCutOffProbes(t *testing.T) {
	const lasts = time.Minute
	hang := kinds["hang"]
	for _, namespaces := range some(3, 20, 20, 20) {
		t.Run(fmt.Sprint(namespaces), func(t *testing.T) {
			inWorld(t, slow, func(ctx context.Context, w *world) {
				began := time.Now()
				w.fails = func() *failing {
					if time.Since(began) > lasts {
						return nil
					}
					return &refused
				}
				var all []*thing
				for i := range namespaces {
					for j := range 50 {
						comes := time.Duration(j)*9*time.Second + rand.N(9*time.Second)
						o := crowdOf(fmt.Sprint("bad", i), fmt.Sprint("bad", j), 1, comes, &hang)[0]
						o.notAfter = 9900 * time.Millisecond
						all = append(all, o)
					}
				}
				good := crowdOf("good", "good", 1, lasts-20*time.Second, nil) // it meets the outage once
				w.run(ctx, append(all, good...))
				within(t, 20*time.Second+15*time.Second+10*time.Second+probes(namespaces), good)
			})
		})
	}
}

// TestThrottledForOneUser checks that 429s on 6 % of the calls, at random, are not blamed on the rate, and do not slow
// the other calls for long.
func TestThrottledForOneUser(t *testing.T) {
	for _, limit := range []gate.Limit{{PerSecond: 100, Burst: 5}, {PerSecond: 1000, Burst: 50}} {
		t.Run(fmt.Sprint(limit.PerSecond), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				objects := int(100 * limit.PerSecond)
				if limit.PerSecond > 100 {
					objects = int(20 * limit.PerSecond)
				}
				s := &unlucky{service: service{limiter: unlimited, latency: 5 * time.Millisecond}, share: .06,
					random: rand.New(rand.NewPCG(1, 2))}
				took := drain(ctx, gate.New(500), limit, s, objects)
				slower := took.Seconds() / (float64(objects) / limit.PerSecond)
				t.Logf("%s: %.2f times the ideal, %d of %d calls throttled", took, slower, s.refusals, s.calls)
				if slower > 2 {
					t.Errorf("%.2f times the ideal", slower)
				}
			})
		})
	}
}

// TestGoodObjectsAreCalled checks the guarantee with random mixes: a good object is done within twice the time that it
// takes without bad objects, plus a bound. If no object of its namespace fails, the bound is 10 s and a probe (7.5 s)
// for each other bad namespace. Otherwise it is a minute and a probe for each bad object, which takes ten seconds at
// most.
func TestGoodObjectsAreCalled(t *testing.T) {
	names := []string{"403", "500", "page", "hang"}
	rapid.Check(t, func(rt *rapid.T) {
		var good, bad []*thing
		bads := map[string]int{}
		for n := range rapid.IntRange(1, 4).Draw(rt, "namespaces") {
			namespace := fmt.Sprint("n", n)
			for i := range rapid.IntRange(0, 20).Draw(rt, "good") {
				o := crowdOf(namespace, fmt.Sprint("good", i), 1,
					time.Duration(rapid.IntRange(0, 60).Draw(rt, "comes"))*time.Second, nil)[0]
				o.account = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "account")
				good = append(good, o)
			}
			if !rapid.Bool().Draw(rt, "has bad") {
				continue
			}
			for i := range rapid.IntRange(1, 40).Draw(rt, "bad") {
				kind := kinds[rapid.SampledFrom(names).Draw(rt, "kind")]
				o := crowdOf(namespace, fmt.Sprint("bad", i), 1,
					time.Duration(rapid.IntRange(0, 60).Draw(rt, "comes"))*time.Second, &kind)[0]
				bad = append(bad, o)
				bads[namespace]++
			}
		}
		proven := rapid.Bool().Draw(rt, "proven")
		alone, _ := simulate(t, proven, good, nil)
		beside, trace := simulate(t, proven, good, bad)
		for i, o := range good {
			bound := 10*time.Second + time.Duration(max(0, len(bads)-1))*7500*time.Millisecond
			if n := bads[o.key.Namespace]; n > 0 {
				bound = time.Minute + time.Duration(len(bad))*10*time.Second
			}
			if most := 2*alone[i] + bound; beside[i] == 0 || beside[i] > most {
				rt.Errorf("%s took %s, alone %s, want %s at most; came after %s; calls:\n%s", o.key, beside[i],
					alone[i], most, o.comes, trace)
			}
		}
	})
}

// simulate returns how long each good object takes.
func simulate(t *testing.T, proven bool, good, bad []*thing) (took []time.Duration, trace string) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		w := newWorld(ctx, slow)
		if proven {
			w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
		}
		all := make([]*thing, 0, len(good)+len(bad))
		for _, o := range append(append(all, good...), bad...) {
			again := *o
			all = append(all, &again)
		}
		w.run(ctx, all)
		for _, o := range all[:len(good)] {
			took = append(took, o.done)
		}
		for _, c := range w.calls {
			trace += fmt.Sprintln(c.at.Sub(w.calls[0].at), c.object)
		}
	})
	return took, trace
}

// TestGoodBesideBadWhenClosed checks that bad objects do not prolong a pause that another failure has caused for a
// moment.
func TestGoodBesideBadWhenClosed(t *testing.T) {
	for name, kind := range kinds {
		for _, bad := range some(3, 25, 1000) {
			t.Run(fmt.Sprint(name, " ", bad), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
					defer cancel()
					w := newWorld(ctx, slow)
					w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
					slot, _ := w.gates.Enter(gate.Settings{Name: "p", Limit: slow, Client: client{}},
						gate.Applicant{Object: named("blip")})
					end(slot, &logout.Error{Reason: logout.ServiceUnavailable, HTTPStatusCode: 503, ProviderWide: true})
					good := crowdOf("good", "good", 1, 30*time.Second, nil)
					w.run(ctx, append(crowdOf("bad", "bad", bad, 0, &kind), good...))
					if done := good[0].done; done == 0 || done > 25*time.Second { // a pause of 15 s and a hanging probe
						t.Errorf("after %s", done)
					}
				})
			})
		}
	}
}

// TestThrottledTenant checks that 429s for one tenant's users neither stop nor slow another tenant.
func TestThrottledTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		w := newWorld(ctx, slow)
		w.run(ctx, crowdOf("proof", "p", 1, 0, nil))
		kind := failing{logout.Error{Reason: logout.Throttled, ProviderWide: true, Message: "slow down"},
			10 * time.Millisecond}
		all := crowdOf("good", "good", 6000, 0, nil) // these take ten minutes alone
		for i := range 300 {
			all = append(all, crowdOf("bad", fmt.Sprint("bad", i), 1, time.Duration(i)*2*time.Second, &kind)...)
		}
		began := time.Now()
		w.run(ctx, all)
		if took := time.Since(began); took > 20*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}
