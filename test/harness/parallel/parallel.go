// Package parallel makes many requests at a time, to create thousands of objects in seconds.
package parallel

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// width is how many calls Do makes at a time: enough to keep two cores and an API server busy.
const width = 16

// Do calls f for 0 to n-1, some at a time, until one fails, and returns its error.
func Do(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(width)
	for i := 0; i < n && ctx.Err() == nil; i++ {
		group.Go(func() error { return f(ctx, i) })
	}
	return group.Wait()
}
