package chime

import (
	"errors"
	"net"
	"net/url"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// CheckEndpoint returns an error that says what is wrong with an endpoint's
// URL, without quoting it: a URL can hold a password. Plain http is for the
// loopback alone, unless allowInsecure: the signature in a request, and its
// session token, could be read and used again within minutes.
func CheckEndpoint(endpoint string, allowInsecure bool) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme == "" || u.Host == "" && u.Opaque == "":
		return errors.New("must be an absolute URL such as https://service.chime.aws.amazon.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must begin with https:// (or http://)")
	case u.User != nil:
		return errors.New("must not contain a user name or password; credentials belong in a Secret")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("must not have a query (?…)")
	case strings.Contains(endpoint, "#"):
		return errors.New("must not have a fragment (#…)")
	case u.Hostname() == "" || smithyhttp.ValidateEndpointHost(u.Host) != nil:
		// The SDK checks the same before each call, so that an IPv6 address
		// could never be called.
		return errors.New("must have a host of letters, digits, - and . (no IPv6 address), and a port from 0 to 65535 if any")
	case u.Scheme == "http" && !allowInsecure && !loopback(u.Hostname()):
		return errors.New("must begin with https://: plain http to another host must be allowed by a flag of the operator")
	}
	return nil
}

func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
