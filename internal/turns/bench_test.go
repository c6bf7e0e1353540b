package turns

import (
	"fmt"
	"runtime"
	"testing"
)

// heap returns how many bytes of the heap are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkBacklog measures how many bytes each of a hundred thousand waiting objects takes, beside its name, and how
// long it takes to add it, to hand it to a worker and to be done with it.
func BenchmarkBacklog(b *testing.B) {
	const objects = 100_000
	for _, namespaces := range []int{1, 1000, objects} {
		b.Run(fmt.Sprint(namespaces, " namespaces"), func(b *testing.B) {
			keys := keysOf("", objects)
			for i := range keys {
				keys[i].Namespace = fmt.Sprint("namespace-", i%namespaces)
			}
			var used uint64
			for b.Loop() {
				b.StopTimer()
				q := newQueue(b, 50)
				before := heap()
				b.StartTimer()
				q.AddLater(keys...)
				b.StopTimer()
				used = heap() - before
				b.StartTimer()
				for range objects {
					q.Done(get(q))
				}
			}
			b.ReportMetric(float64(used)/objects, "B/object")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/objects, "ns/object")
			runtime.KeepAlive(keys)
		})
	}
}
