package logout

import (
	"net/http"
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	const date = "Fri, 20 Feb 2026 10:00:00 GMT" // the service's clock is two hours behind
	for name, tc := range map[string]struct {
		retryAfter, date string
		want             time.Duration
	}{
		"absent":                   {},
		"white space":              {retryAfter: "  "},
		"seconds":                  {retryAfter: "7", want: 7 * time.Second},
		"seconds, padded":          {retryAfter: " 007 ", want: 7 * time.Second},
		"zero":                     {retryAfter: "0"},
		"the bound":                {retryAfter: "300", want: MaxRetryAfter},
		"over the bound":           {retryAfter: "301", want: MaxRetryAfter},
		"beyond any integer":       {retryAfter: "99999999999999999999999", want: MaxRetryAfter},
		"negative":                 {retryAfter: "-7"},
		"signed":                   {retryAfter: "+7"},
		"fraction":                 {retryAfter: "8.7", want: 8700 * time.Millisecond},
		"fraction, over the bound": {retryAfter: "300.1", want: MaxRetryAfter},
		"two fractions":            {retryAfter: "1.5.2"},
		"exponent":                 {retryAfter: "1e2"},
		"unit":                     {retryAfter: "9s", want: 9 * time.Second},
		"two units":                {retryAfter: "1m30s", want: 90 * time.Second},
		"negative, unit":           {retryAfter: "-9s"},
		"RFC 3339":                 {retryAfter: "2026-02-20T10:00:09Z", date: date, want: 9 * time.Second},
		"RFC 3339, zone":           {retryAfter: "2026-02-20T11:00:09.5+01:00", date: date, want: 9500 * time.Millisecond},
		"epoch":                    {retryAfter: "1771581609", date: date, want: 9 * time.Second},
		"epoch, no Date":           {retryAfter: "1771588809", want: 9 * time.Second},
		"epoch, passed":            {retryAfter: "1771581599", date: date},
		"epoch in milliseconds":    {retryAfter: "1771581609250", date: date, want: 9250 * time.Millisecond},
		"word":                     {retryAfter: "soon"},
		"other digits":             {retryAfter: "٧"},
		"date":                     {retryAfter: "Fri, 20 Feb 2026 10:00:09 GMT", date: date, want: 9 * time.Second},
		"date, no Date":            {retryAfter: "Fri, 20 Feb 2026 12:00:09 GMT", want: 9 * time.Second},
		"date, malformed Date":     {retryAfter: "Fri, 20 Feb 2026 12:00:09 GMT", date: "today", want: 9 * time.Second},
		"date, RFC 850":            {retryAfter: "Friday, 20-Feb-26 10:00:09 GMT", date: date, want: 9 * time.Second},
		"date, asctime":            {retryAfter: "Fri Feb 20 10:00:09 2026", date: date, want: 9 * time.Second},
		"past date":                {retryAfter: "Fri, 20 Feb 2026 09:00:00 GMT", date: date},
		"date in another era":      {retryAfter: "Fri, 31 Dec 9999 23:59:59 GMT", date: date, want: MaxRetryAfter},
		"date in another zone":     {retryAfter: "Fri, 20 Feb 2026 10:00:09 CET", date: date},
		"date from the first year": {retryAfter: "Mon, 01 Jan 0001 00:00:00 GMT", date: date},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if tc.retryAfter != "" {
				h.Set("Retry-After", tc.retryAfter)
			}
			if tc.date != "" {
				h.Set("Date", tc.date)
			}
			if got := ParseRetryAfter(h, now); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestParseRateLimitReset(t *testing.T) {
	now := time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	type header map[string]string
	for name, tc := range map[string]struct {
		header header
		want   time.Duration
	}{
		"absent":               {},
		"Retry-After":          {header: header{"Retry-After": "7"}},
		"Retry-After of 0":     {header: header{"Retry-After": "0", "RateLimit-Remaining": "0", "RateLimit-Reset": "7"}},
		"seconds":              {header{"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7 * time.Second},
		"GitHub, Auth0":        {header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1771588807"}, 7 * time.Second},
		"Okta":                 {header{"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1771588807"}, 7 * time.Second},
		"milliseconds":         {header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1771588807500"}, 7500 * time.Millisecond},
		"date":                 {header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2026-02-20T12:00:07Z"}, 7 * time.Second},
		"passed":               {header: header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1771588799"}},
		"too long":             {header{"RateLimit-Remaining": "0", "RateLimit-Reset": "3600"}, MaxRetryAfter},
		"overdrawn":            {header{"RateLimit-Remaining": " -1 ", "RateLimit-Reset": "7"}, 7 * time.Second},
		"several remainders":   {header{"RateLimit-Remaining": "0, 17", "RateLimit-Reset": "7"}, 7 * time.Second},
		"garbage":              {header: header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "never"}},
		"two limits in one":    {header: header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1, 60"}},
		"calls remain":         {header: header{"X-RateLimit-Remaining": "17", "X-RateLimit-Reset": "30"}},
		"unknown what remains": {header: header{"X-RateLimit-Reset": "30"}},
		"remainder of another": {header: header{"X-RateLimit-Remaining": "0", "RateLimit-Reset": "30"}},
		"the longer": {header{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30", "RateLimit-Remaining": "0",
			"RateLimit-Reset": "3"}, 30 * time.Second},
		"draft 10":               {header{"RateLimit": `"default";r=0;t=30`}, 30 * time.Second},
		"draft 10, other order":  {header{"RateLimit": `"default";t=30;r=0`}, 30 * time.Second},
		"draft 10, calls remain": {header: header{"RateLimit": `"default";r=10;t=30`}},
		"draft 10, two":          {header{"RateLimit": `"minute";r=5;t=30, "day";r=0;t=200`}, 200 * time.Second},
		"draft 10, two, first":   {header{"RateLimit": `"minute";r=0;t=30, "day";r=9;t=200`}, 30 * time.Second},
		"draft 10, both":         {header{"RateLimit": `"minute";r=0;t=30, "day";r=0;t=200`}, 200 * time.Second},
		"draft 10, partition":    {header{"RateLimit": `"a";r=0;pk=:cHsdsRa894==:;t=30`}, 30 * time.Second},
		"draft 10, tokens":       {header: header{"RateLimit": `a;r=0, b;r=9;t=200`}},
		"draft 10, other names":  {header: header{"RateLimit": `"u";burst-r=0;r=7;t=99, "v";r=0.9;t=99, "w";r=0;x-t=99`}},
		"draft 10, in a name":    {header: header{"RateLimit": `"r=0;t=250";r=3;t=9`}},
		"draft 7":                {header{"RateLimit": "limit=100, remaining=0, reset=50"}, 50 * time.Second},
		"draft 7, other order":   {header{"RateLimit": "reset=50, remaining=0"}, 50 * time.Second},
		"draft 7, too long":      {header{"RateLimit": "remaining=0, reset=999999999999999"}, MaxRetryAfter},
		"draft 7, calls remain":  {header: header{"RateLimit": "limit=100, remaining=20, reset=50"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range tc.header {
				h.Set(name, value)
			}
			if got := ParseRateLimitReset(h, now); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("7", "", int64(0))
	f.Add("99999999999999999999", "", int64(1))
	f.Add("1771588807.5", "", int64(1771588800))
	f.Add("9s", "", int64(1))
	f.Add(`"a";r=0;t=30`, "", int64(1))
	f.Add("Fri, 20 Feb 2026 10:00:09 GMT", "Fri, 20 Feb 2026 10:00:00 GMT", int64(1771588800))
	f.Add("Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", int64(-1))
	f.Fuzz(func(t *testing.T, retryAfter, date string, now int64) {
		h := http.Header{"Date": {date}}
		for _, name := range []string{"Retry-After", "X-Ratelimit-Reset", "Ratelimit"} {
			h[name] = []string{retryAfter}
		}
		h.Set("X-RateLimit-Remaining", "0")
		for _, parse := range []func(http.Header, time.Time) time.Duration{ParseRetryAfter, ParseRateLimitReset} {
			if got := parse(h, time.Unix(now, 0)); got < 0 || got > MaxRetryAfter {
				t.Errorf("%v is out of bounds", got)
			}
			h.Del("Retry-After")
		}
	})
}
