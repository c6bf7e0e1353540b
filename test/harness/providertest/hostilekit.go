package providertest

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logout-operator/logout-operator/internal/liblog"
	"github.com/logout-operator/logout-operator/internal/logout"
)

const (
	// shortTime is how long a service lets an attempt hang until its context ends.
	shortTime = 500 * time.Millisecond
	// maxTime is longer than any attempt that respects its deadline.
	maxTime = 2 * time.Minute
)

// hostile answers the logout with all hostile answers.
func (k *kit) hostile() {
	k.eachHostile(false, func(k *kit, handle func(http.ResponseWriter, Answer)) {
		k.server.Handle(func(w http.ResponseWriter, _ *http.Request) { handle(w, k.p.LoggedOut) }, nil)
	})
}

// hostileBeside does the same with each request other than the logout.
func (k *kit) hostileBeside() {
	for _, method := range k.p.Beside {
		k.eachHostile(true, func(k *kit, handle func(http.ResponseWriter, Answer)) {
			logout, other := k.p.LoggedOut, k.p.Other
			if k.p.LoggedOutAgain.Other != nil {
				logout, other = k.p.LoggedOutAgain, k.p.LoggedOutAgain.Other
			}
			k.server.Handle(logout.serve, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != method {
					other(w, r)
					return
				}
				good := httptest.NewRecorder()
				other(good, r)
				handle(w, Answer{Status: good.Code,
					Header: map[string]string{"Content-Type": good.Header().Get("Content-Type")},
					Body:   good.Body.String()})
			})
		})
	}
}

// eachHostile makes an attempt with each hostile answer, and then one that must succeed; all in parallel, because they
// wait most of the time. prepare makes its kit call handle for the requests to answer so, with the good answer. more
// means that the logout's request follows the one that is answered so.
func (k *kit) eachHostile(more bool, prepare func(k *kit, handle func(w http.ResponseWriter, good Answer))) {
	var all sync.WaitGroup
	for _, h := range hostiles() {
		one := newKit(k.TB, k.p)
		one.TB = named{k.TB, h.Name}
		all.Go(func() {
			var answering sync.WaitGroup
			one.Cleanup(answering.Wait)
			ctx, timeUp := one.untilTold()
			prepare(one, func(w http.ResponseWriter, good Answer) {
				answering.Add(1)
				defer answering.Done()
				if h.Hangs {
					defer timeUp().Stop()
				}
				h.serve(one, w, good, k.p.UnknownUser)
			})
			one.bears(ctx, h, h.Ahead && more)
			if h.Closes {
				answering.Wait()
			}
			one.server.Answer(k.p.LoggedOut)
			one.succeedsInTime()
		})
	}
	all.Wait()
}

// named adds its subject to each error.
type named struct {
	testing.TB
	name string
}

// Errorf reports an error.
func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.TB.Errorf("%s: %s", n.name, fmt.Sprintf(format, args...))
}

// Fatalf reports an error, and ends the goroutine.
func (n named) Fatalf(format string, args ...any) {
	n.Helper()
	n.Errorf(format, args...)
	runtime.Goexit()
}

// bears makes an attempt at a hostile service. The attempt must end with its context. It must neither be final, unless
// mayBeFinal is set, nor confirm a logout that the service has not confirmed.
func (k *kit) bears(ctx context.Context, h Hostile, mayBeFinal bool) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		receipt, err := k.client().Logout(ctx, k.p.AccountID, k.p.UserID)
		e := k.failure(receipt, err)
		switch {
		case e == nil && !h.Valid:
			k.Errorf("confirmed: %+v", receipt)
		case e != nil && e.Reason.Class() == logout.Permanent && !mayBeFinal:
			k.Errorf("final: %+v", e)
		case e != nil && strings.Contains(e.Error()+e.Code+e.RequestID, marker):
			k.Errorf("%+v", e)
		}
	}()
	select {
	case <-ended:
	case <-time.After(maxTime):
		k.Fatalf("the attempt goes on after its deadline")
	}
}

// succeedsInTime makes attempts until one is confirmed: after a server gave no credential, the client pauses for a
// moment.
func (k *kit) succeedsInTime() {
	k.Helper()
	for over := time.After(maxTime); ; {
		_, e := k.attempt()
		if e == nil {
			return
		}
		select {
		case <-time.After(e.RetryAfter):
		case <-over:
			k.Fatalf("the next: %+v", e)
		}
	}
}

// holdLogs captures the process's logs in a buffer until the test and its subtests are over, configured as in the
// operator. The logs must contain no text of a hostile service.
func holdLogs(t *testing.T) {
	var logged syncBuffer
	before, flags := slog.Default(), log.Flags()
	liblog.Redirect(slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(os.Stderr)
		log.SetFlags(flags)
		if strings.Contains(logged.String(), marker) {
			t.Errorf("logged: %s", logged.String())
		}
	})
}

// syncBuffer is a buffer for concurrent writers.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
