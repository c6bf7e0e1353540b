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
	// goodFor is how long a token is let through after a review: so long one works
	// that was revoked.
	goodFor = 30 * time.Second
	// knownFor is how long after a good review a token is still asked about apart
	// from those of strangers.
	knownFor = time.Hour
	// maxKnown and maxStrangers bound the memory for both.
	maxKnown, maxStrangers = 100, 1000
	// Reviews a second, and in a burst: for one stranger, for all of a kind, and for
	// all who are known.
	strangerRate, strangerBurst   = 5, 20
	strangersRate, strangersBurst = 20, 60
	knownRate, knownBurst         = 20, maxKnown
)

// verdict on a caller.
type verdict int

const (
	ask        verdict = iota // the API server
	letThrough                // as it was asked a moment ago
	refused                   // as it was asked too often
)

// stranger is whom unknown callers count with: those of an address, and of them
// those with tokens that claim to be a ServiceAccount's, as nearly all scrapers'
// are, apart from those that do not even do that.
type stranger struct {
	address        string
	serviceAccount bool
}

// kind of strangers, who share their reviews.
type kind int

const (
	other kind = iota
	serviceAccount
	familiar // allowed callers have come from their address: one whose token is new is among them
	kinds
)

// allowed is of the last review of a scrape, which allowed it.
type allowed struct {
	at      time.Time // when it began
	address string    // where the scrape came from
}

// scrape is a hash of a token with what it is used for.
type scrape = [sha256.Size]byte

// admission decides for whom the API server is asked. What strangers do leaves alone
// what is kept for callers that were allowed before, and a stranger's is apart from
// that of other addresses. It is safe for concurrent use.
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

// admit says what to do about a caller.
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
		if len(a.strangers) >= maxStrangers && of != familiar { // of which there are maxKnown at most
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

// forgetIdle drops strangers who have all of their reviews again, once there are
// too many.
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

// reviewed keeps the outcome of a review that began at a time.
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

// claimsServiceAccount reports whether a token says that it is a ServiceAccount's.
// Anybody can write that: it decides only whom a stranger counts with.
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
