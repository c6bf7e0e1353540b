package app

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

func hashOf(n int) scrape { return sha256.Sum256(fmt.Append(nil, n)) }

// TestKnownCallers checks that a token is accepted for a while after a review, then reviewed separately from those of
// strangers, and treated as a stranger's after an hour or a refusal.
func TestKnownCallers(t *testing.T) {
	now, who := time.Now(), stranger{"10.0.0.1", true}
	a := newAdmission()
	flood := func() {
		for i := range 1000 {
			a.admit(now, hashOf(1000+i), who)
		}
	}
	if got := a.admit(now, hashOf(1), who); got != ask {
		t.Errorf("unknown: %d", got)
	}
	a.reviewed(now, hashOf(1), who.address, true)
	for _, step := range []struct {
		after time.Duration
		want  verdict
	}{{0, letThrough}, {goodFor - 1, letThrough}, {1, ask}, {knownFor - goodFor - 1, ask}, {1, refused}} {
		now = now.Add(step.after)
		flood()
		if got := a.admit(now, hashOf(1), who); got != step.want {
			t.Errorf("%s later: %d, want %d", step.after, got, step.want)
		}
	}
	a.reviewed(now, hashOf(1), who.address, true)
	a.reviewed(now, hashOf(1), who.address, false)
	if got := a.admit(now, hashOf(1), who); got != refused {
		t.Errorf("after a refusal: %d", got)
	}
	if got := a.admit(now, hashOf(2), stranger{"10.0.0.2", true}); got != ask {
		t.Errorf("from another address: %d", got)
	}
	if got := a.admit(now, hashOf(2), stranger{"10.0.0.1", false}); got != ask {
		t.Errorf("of the other kind: %d", got)
	}
}

// TestRotatedToken checks that a scraper with a new token is reviewed by the API server, although forged tokens come
// from so many addresses that no review is left for another stranger.
func TestRotatedToken(t *testing.T) {
	now := time.Now()
	a := newAdmission()
	scraper := stranger{"10.0.0.1", true}
	a.reviewed(now, hashOf(0), scraper.address, true)
	flood := func() (last verdict) {
		for i := range 1000 {
			last = a.admit(now, hashOf(1000+i), stranger{fmt.Sprintf("10.0.1.%d", i%50), true})
		}
		return last
	}
	for range 60 {
		now = now.Add(30 * time.Second)
		if flood() != refused {
			t.Fatal("there is a review left for another stranger")
		}
		if got := a.admit(now, hashOf(1), scraper); got != ask {
			t.Fatalf("from where allowed scrapes came: %d", got)
		}
	}
	now = now.Add(knownFor)
	flood()
	if got := a.admit(now, hashOf(1), scraper); got != refused {
		t.Errorf("long after the last allowed scrape: %d", got)
	}
}

// TestAdmissionIsBounded checks that memory and reviews are bounded for any callers from any addresses.
func TestAdmissionIsBounded(t *testing.T) {
	now := time.Now()
	a := newAdmission()
	asked := 0
	const seconds = 60
	for i := range seconds * 1000 {
		now = now.Add(time.Millisecond)
		if a.admit(now, hashOf(i), stranger{fmt.Sprint(i % 5000), i%2 == 0}) == ask {
			asked++
		}
		a.reviewed(now, hashOf(-i), fmt.Sprint(i%5000), true)
		if len(a.strangers) > maxStrangers || len(a.known) > maxKnown {
			t.Fatalf("%d strangers, %d known", len(a.strangers), len(a.known))
		}
	}
	if most := int(kinds) * (strangersBurst + seconds*strangersRate); asked > most || asked < seconds {
		t.Errorf("%d reviews in a minute, want %d at most", asked, most)
	}
	if a.admit(now, hashOf(1-seconds*1000), stranger{}) != letThrough {
		t.Error("the newest is not known")
	}
	if a.admit(now.Add(time.Hour), hashOf(1), stranger{"new", true}) != ask {
		t.Error("a stranger is refused long after the others are gone")
	}
}

func TestClaimsServiceAccount(t *testing.T) {
	for token, want := range map[string]bool{
		"": false, "abc": false, "a.b.c": false, "..": false, "e30.e30.x": false, "e30.eyJzdWIiOiJqYW5lIn0.x": false,
		"e30.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6YTpiIn0.x": true,
	} {
		if claimsServiceAccount(token) != want {
			t.Errorf("%q: %t", token, !want)
		}
	}
}
