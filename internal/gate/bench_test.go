package gate_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/logout-operator/logout-operator/internal/gate"
)

// heap returns how many bytes of the heap are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first collection has finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkWaiting measures what each of a hundred thousand objects costs, beside its name, while calls are paused.
func BenchmarkWaiting(b *testing.B) {
	const objects = 100_000
	for _, namespaces := range []int{1, 1000, objects} {
		b.Run(fmt.Sprint(namespaces, " namespaces"), func(b *testing.B) {
			keys := make([]types.NamespacedName, objects)
			names := make([]string, namespaces)
			for i := range names {
				names[i] = "namespace-" + strconv.Itoa(i)
			}
			for i := range keys {
				keys[i] = types.NamespacedName{Namespace: names[i%namespaces], Name: "object-" + strconv.Itoa(i)}
			}
			var used uint64
			for b.Loop() {
				b.StopTimer()
				before := heap()
				b.StartTimer()
				gates := gate.New(50)
				p := gate.Settings{Name: "p", Limit: fast, Client: credentials("first")}
				slot, _ := gates.Enter(p, gate.Applicant{Object: named("trouble")})
				end(slot, throttled(time.Hour))
				for _, key := range keys {
					gates.Enter(p, gate.Applicant{Object: key})
				}
				b.StopTimer()
				used = heap() - before
				if waiting := gates.States()["p"].Waiting; waiting != objects {
					b.Fatalf("%d wait", waiting)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(used)/objects, "B/object")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
			runtime.KeepAlive(keys)
		})
	}
}

// BenchmarkEnter measures a slot that is free at once, without the call.
func BenchmarkEnter(b *testing.B) {
	for _, providers := range []int{1, 100} {
		b.Run(fmt.Sprint(providers, " providers"), func(b *testing.B) {
			gates := gate.New(50)
			limit := gate.Limit{PerSecond: 1e12, Burst: 1e9}
			for i := range providers - 1 {
				gates.Update(gate.Settings{Name: fmt.Sprint("other", i), Limit: limit, Client: credentials("first")})
			}
			p, a := gate.Settings{Name: "p", Limit: limit, Client: credentials("first")},
				gate.Applicant{Object: named("a")}
			b.ReportAllocs()
			for b.Loop() {
				slot, _ := gates.Enter(p, a)
				slot.Report(nil)
				slot.Release()
			}
		})
	}
}
