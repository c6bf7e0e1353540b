package httpcall

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Endpoint is a URL that may be called. Only the functions below create one.
// The zero value is no URL.
type Endpoint struct{ url string }

// ParseEndpoint checks a URL. The error says what is wrong with it, but does
// not quote it, because a URL can contain a password. Plain http is allowed
// only for the loopback, unless allowInsecure is set: somebody could read the
// credentials of a request and use them again.
func ParseEndpoint(url string, allowInsecure bool) (Endpoint, error) {
	if err := checkEndpoint(url, allowInsecure, false); err != nil {
		return Endpoint{}, err
	}
	return Endpoint{url}, nil
}

// ParseTokenURL is ParseEndpoint for the URL of a token endpoint, which may have a query:
// https://www.rfc-editor.org/rfc/rfc6749#section-3.2
func ParseTokenURL(url string, allowInsecure bool) (Endpoint, error) {
	if err := checkEndpoint(url, allowInsecure, true); err != nil {
		return Endpoint{}, err
	}
	return Endpoint{url}, nil
}

// MustParseEndpoint is ParseEndpoint for constants and tests. It panics if the
// URL is not valid.
func MustParseEndpoint(url string) Endpoint {
	e, err := ParseEndpoint(url, false)
	if err != nil {
		panic(err)
	}
	return e
}

// String returns the URL; empty if there is none.
func (e Endpoint) String() string { return e.url }

// Join returns the endpoint with a path appended. The path must begin with a
// slash, and its segments must be escaped.
func (e Endpoint) Join(path string) Endpoint { return Endpoint{strings.TrimRight(e.url, "/") + path} }

func checkEndpoint(endpoint string, allowInsecure, allowQuery bool) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme == "" || u.Host == "" && u.Opaque == "":
		return errors.New("must be an absolute URL: https:// and a host")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must begin with https:// (or http://)")
	case u.User != nil:
		return errors.New("must not contain a user name or password; credentials belong in a Secret")
	case !allowQuery && (u.RawQuery != "" || u.ForceQuery):
		return errors.New("must not have a query (?…)")
	case strings.Contains(endpoint, "#"):
		return errors.New("must not have a fragment (#…)")
	case !validHost(u.Hostname()) || !validPort(u):
		return errors.New(
			"the host must consist of letters, digits, '-' and '.' (no IPv6 address), and a port must be from 0 to 65535")
	case u.Scheme == "http" && !allowInsecure && !loopback(u.Hostname()):
		return errors.New(
			"must begin with https://: plain http to a host other than the loopback " +
				"needs the operator's flag --allow-insecure-endpoints")
	}
	return nil
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// hostLabel is the part between the dots of a host name. AWS's SDK requires the
// same before each call, so that it could never call an IPv6 address.
var hostLabel = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

func validHost(host string) bool {
	const maxLength = 255
	if host == "" || len(host) > maxLength {
		return false
	}
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	return true
}

func validPort(u *url.URL) bool {
	if !strings.Contains(u.Host, ":") {
		return true
	}
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil
}
