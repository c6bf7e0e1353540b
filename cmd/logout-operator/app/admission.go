package app

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// goodFor is how long a token is accepted after a review without asking again. So a revoked token works for that
	// long at most.
	goodFor = 30 * time.Second
	// knownFor is how long after a successful review a token is still reviewed separately from those of strangers.
	knownFor = time.Hour
	// maxKnown and maxStrangers bound how many of each are remembered.
	maxKnown, maxStrangers = 100, 1000
	// These are rates of reviews a second and their bursts: for one stranger, for all strangers of a kind, and for all
	// known callers.
	strangerRate, strangerBurst   = 5, 20
	strangersRate, strangersBurst = 20, 60
	knownRate, knownBurst         = 20, maxKnown
)

// verdict is what to do with a caller's request.
type verdict int

const (
	ask        verdict = iota // ask the API server
	letThrough                // the API server allowed it a moment ago
	refused                   // the API server has been asked too often
)

// stranger is a group of unknown callers that share a limit. There are two groups for each address: callers whose
// tokens claim to be a ServiceAccount's, as nearly all scrapers' do, and all others.
type stranger struct {
	address        string
	serviceAccount bool
}

// kind is a kind of strangers; all strangers of a kind share a second limit.
type kind int

const (
	other kind = iota
	serviceAccount
	familiar // allowed callers have come from their address, so one of them may have a new token
	kinds
)

// allowed describes the last review of a scrape that was allowed.
type allowed struct {
	at      time.Time // when the review began
	address string    // where the scrape came from
}

// scrape is a hash of a token, its verb and its path.
type scrape = [sha256.Size]byte

// admission decides for which callers the API server is asked. Strangers cannot use up the reviews reserved for callers
// that were allowed before, and strangers at one address cannot use up those of other addresses. It is safe for
// concurrent use.
type admission struct {
	mu        sync.Mutex
	known     map[scrape]allowed
	renewals  *rate.Limiter
	strangers map[stranger]*rate.Limiter
	all       [kinds]*rate.Limiter // of strangers
}

func newAdmission() *admission {
	a := &admission{
		known:     map[scrape]allowed{},
		renewals:  rate.NewLimiter(knownRate, knownBurst),
		strangers: map[stranger]*rate.Limiter{},
	}
	for k := range a.all {
		a.all[k] = rate.NewLimiter(strangersRate, strangersBurst)
	}
	return a
}

// admit returns what to do about a caller.
func (a *admission) admit(now time.Time, s scrape, who stranger) verdict {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.known[s]; ok {
		switch age := now.Sub(last.at); {
		case age < goodFor:
			return letThrough
		case age < knownFor && a.renewals.AllowN(now, 1):
			return ask
		}
	}
	limit, of := a.strangers[who], a.kindOf(now, who)
	if limit == nil {
		a.forgetIdle(now)
		if len(a.strangers) >= maxStrangers && of != familiar { // of familiar addresses there are maxKnown at most
			return refused
		}
		limit = rate.NewLimiter(strangerRate, strangerBurst)
		a.strangers[who] = limit
	}
	if limit.AllowN(now, 1) && a.all[of].AllowN(now, 1) {
		return ask
	}
	return refused
}

func (a *admission) kindOf(now time.Time, who stranger) kind {
	for _, last := range a.known {
		if last.address == who.address && now.Sub(last.at) < knownFor {
			return familiar
		}
	}
	if who.serviceAccount {
		return serviceAccount
	}
	return other
}

// forgetIdle drops strangers whose limit is full again, once there are too many strangers.
func (a *admission) forgetIdle(now time.Time) {
	if len(a.strangers) < maxStrangers {
		return
	}
	for who, limit := range a.strangers {
		if limit.TokensAt(now) >= strangerBurst {
			delete(a.strangers, who)
		}
	}
}

// reviewed records the result of a review. began is when the review began.
func (a *admission) reviewed(began time.Time, s scrape, address string, may bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !may {
		delete(a.known, s)
		return
	}
	if _, ok := a.known[s]; !ok && len(a.known) >= maxKnown {
		oldest := s
		for other, last := range a.known {
			if first, ok := a.known[oldest]; !ok || last.at.Before(first.at) {
				oldest = other
			}
		}
		delete(a.known, oldest)
	}
	a.known[s] = allowed{began, address}
}

// claimsServiceAccount reports whether a token claims to be a ServiceAccount's. Anybody can write such a token, so the
// result only decides which strangers it shares a limit with.
func claimsServiceAccount(token string) bool {
	const maxLength = 8 << 10
	parts := strings.Split(token[:min(len(token), maxLength)], ".")
	if len(parts) != 3 {
		return false
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	return err == nil && json.Unmarshal(body, &claims) == nil &&
		strings.HasPrefix(claims.Subject, "system:serviceaccount:")
}
