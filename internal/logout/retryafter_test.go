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
		"fraction":                 {retryAfter: "1.5"},
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

func FuzzParseRetryAfter(f *testing.F) {
	f.Add("7", "", int64(0))
	f.Add("99999999999999999999", "", int64(1))
	f.Add("Fri, 20 Feb 2026 10:00:09 GMT", "Fri, 20 Feb 2026 10:00:00 GMT", int64(1771588800))
	f.Add("Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", int64(-1))
	f.Fuzz(func(t *testing.T, retryAfter, date string, now int64) {
		h := http.Header{"Retry-After": {retryAfter}, "Date": {date}}
		if got := ParseRetryAfter(h, time.Unix(now, 0)); got < 0 || got > MaxRetryAfter {
			t.Errorf("%v is out of bounds", got)
		}
	})
}
