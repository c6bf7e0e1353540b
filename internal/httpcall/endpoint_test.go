package httpcall

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for _, endpoint := range []string{
		"https://service.chime.aws.amazon.com",
		"https://service.chime.aws.amazon.com/",
		"https://service.chime.aws.amazon.com/console",
		"https://service.chime.aws.amazon.com/console/",
		"HTTPS://chime.example:8443/a%20b",
		"https://10.0.0.1:443",
		"http://localhost:8080",
		"http://LOCALHOST",
		"http://127.0.0.1:8080/base",
		"http://127.8.8.8",
	} {
		if is, err := ParseEndpoint(endpoint, false); err != nil || is.String() != endpoint {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	for endpoint, want := range map[string]string{
		"":                                     "absolute URL",
		"service.chime.aws.amazon.com":         "absolute URL",
		"//service.chime.aws.amazon.com":       "absolute URL",
		"https://":                             "absolute URL",
		"https:///console":                     "absolute URL",
		" https://chime.example":               "not a URL",
		"https://chime.example\n":              "not a URL",
		"https://chime example":                "not a URL",
		"https://user:pass%zz@chime.example":   "not a URL",
		"https:chime.example":                  "host",
		"localhost:8080":                       "https://",
		"ftp://chime.example":                  "https://",
		"https://user:password@chime.example":  "password",
		"https://chime.example?":               "query",
		"https://chime.example?operation=x":    "query",
		"https://chime.example#":               "fragment",
		"https://chime.example/a#b":            "fragment",
		"https://:443":                         "host",
		"https://a_b.example":                  "host",
		"https://[2001:db8::1]":                "IPv6",
		"https://chime.example:":               "port",
		"https://chime.example:99999":          "port",
		"http://chime.example":                 "flag",
		"http://localhost.example":             "flag",
		"http://127.0.0.1.example":             "flag",
		"http://10.0.0.1":                      "flag",
		"http://user:password@127.0.0.1:8080/": "password",
	} {
		_, err := ParseEndpoint(endpoint, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", endpoint, err, want)
		} else if strings.Contains(err.Error(), "pass%zz") || strings.Contains(err.Error(), "user:") {
			t.Errorf("%q is quoted in %v", endpoint, err)
		}
	}
	if _, err := ParseEndpoint("http://chime.example", true); err != nil {
		t.Errorf("with the flag: %v", err)
	}
}

// TestParseTokenURL: the rules are those of every endpoint, but for the query.
func TestParseTokenURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://login.example/oauth2/token":                    "",
		"https://login.example/oauth2/token?p=B2C_1_policy&x=%": "",
		"https://login.example?tenant=a":                        "",
		"http://127.0.0.1:8080?a":                               "",
		"http://login.example/?https://":                        "flag",
		"https://user:password@login.example/?a=b":              "password",
		"https://login.example/?a=b#c":                          "fragment",
		"https://login.example/#c?a=b":                          "fragment",
		"https://login.example/?a=b\n":                          "not a URL",
		"?a=b":                                                  "absolute URL",
	} {
		is, err := ParseTokenURL(url, false)
		if want == "" && (err != nil || is.String() != url) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v, want %q in it", url, is, err, want)
		}
	}
}

func TestJoin(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://a.example":       "https://a.example/b%2Fc",
		"https://a.example/":      "https://a.example/b%2Fc",
		"https://a.example/base/": "https://a.example/base/b%2Fc",
	} {
		if got := MustParseEndpoint(endpoint).Join("/b%2Fc").String(); got != want {
			t.Errorf("%s: %s, want %s", endpoint, got, want)
		}
	}
}
