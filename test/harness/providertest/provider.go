// Package providertest is the contract of all providers. A type of provider is described once, by the answers of its
// service. From this description come the tests of its client against a scripted service over HTTP (Run), and those of
// the whole operator against a real API server (in controllers).
package providertest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// All types of providers. A new type adds a line here, and a file in this folder.
var All = []Fixture{
	AmazonChime,
	AmazonCognito,
	GlobalTokenRevocation,
	Keycloak,
	OryKratos,
}

// Variants are types of All with another configuration, for Run.
var Variants = map[string]Fixture{
	"GlobalTokenRevocationByEmail":     GlobalTokenRevocationByEmail,
	"GlobalTokenRevocationByAttribute": GlobalTokenRevocationByAttribute,
	"GlobalTokenRevocationByIssuer":    GlobalTokenRevocationByIssuer,
	"GlobalTokenRevocationByToken":     GlobalTokenRevocationByToken,
	"AmazonChimeByRole":                AmazonChimeByRole,
	"KeycloakByUsername":               KeycloakByUsername,
	"KeycloakByEmail":                  KeycloakByEmail,
}

// Fixture describes one type of provider, and its service.
type Fixture struct {
	// Spec returns the part of a spec that describes the service: type and member. The service is at endpoint, and its
	// credentials are in the Secret.
	Spec func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec
	// Required are the fields of the member that must be set, and that Spec sets.
	Required []string
	// URLs are the fields of the member that hold a URL, as spec.member.field: they must not be http, except on
	// loopback.
	URLs []string
	// Secrets are two sets of credentials, as the data of a Secret. The service accepts both. They differ in every
	// value.
	Secrets [2]map[string]string
	// OptionalKeys of the Secret; the client needs all others.
	OptionalKeys []string
	// Derived are other secret values: tokens that Other issues, and other forms in which the credentials are sent.
	Derived []string
	// DerivedLater is the same for the second set of Secrets: a client that has the first cannot know these values, so
	// no answer repeats them.
	DerivedLater []string
	// AccountID and UserID of a call.
	AccountID, UserID string
	// InvalidUserID is that of a call that the service refuses as Invalid; empty if it may refuse any like that.
	InvalidUserID string
	// UnsafeInAccount and UnsafeInUser are the characters that make the client refuse an ID; empty if it refuses none.
	UnsafeInAccount, UnsafeInUser string
	// Call reads a request. It returns false if the request is not the logout but one that comes before or after it;
	// Other answers those.
	Call func(*http.Request, []byte) (Call, bool)
	// AccountNotSent: the protocol has no account, and Call finds none.
	AccountNotSent bool
	// BareNotFound: a 404 without a body says that the user is unknown.
	BareNotFound bool
	// Other answers the requests other than the logout, for example for a token. Nil if there are none.
	Other http.HandlerFunc
	// Beside are the methods of those requests. A hostile service answers each of them.
	Beside []string
	// Environment of the process for a service at an endpoint; nil if it needs none.
	Environment func(endpoint string) map[string]string
	// RequestID that LoggedOut carries; empty if the protocol has none.
	RequestID string
	// Answers of the service.
	Answers
}

// Call is the content of a request.
type Call struct {
	// AccountID and UserID in it, unescaped.
	AccountID, UserID string
	// Secret is the number of the set of credentials with which it was authenticated.
	Secret int
}

// Answers of a service, one for each behaviour.
type Answers struct {
	// LoggedOut confirms a logout.
	LoggedOut Answer
	// LoggedOutAgain is the answer for a user without sessions; zero if it is the same.
	LoggedOutAgain Answer
	// UnknownUser and UnknownAccount refuse for good; the latter is zero if AccountNotSent is set.
	UnknownUser, UnknownAccount Answer
	// Invalid refuses the request itself for good.
	Invalid Answer
	// NotAuthorized rejects credentials, in every way that the service uses.
	NotAuthorized []Answer
	// Throttled asks for fewer calls, and does not say for how long.
	Throttled Answer
	// ThrottledFor are the service's own headers that say for how long, if the time is Now. Retry-After is tested for
	// all types.
	ThrottledFor []Hint
	// Failed and Unavailable are failures of the service: 500 and 503.
	Failed, Unavailable Answer
	// Echo is an error of the given status with a text in every place where the service puts its words: code, message,
	// request ID.
	Echo func(status int, text string) Answer
}

// Answer of a service to a request.
type Answer struct {
	// Status of it.
	Status int
	// Header of it.
	Header map[string]string
	// Body of it.
	Body string
	// Other, if not nil, replaces the provider's Other for this answer: some protocols need more than one request to
	// know what happened.
	Other http.HandlerFunc
}

// Hint is a header that says how long to wait.
type Hint struct {
	// Header with the Date of the answer, if that matters.
	Header map[string]string
	// Want is the duration.
	Want time.Duration
}

// unsafeInPath are the characters that no ID in a URL's path may have.
const unsafeInPath = `/\%?#;`

// Name of the type.
func (p Fixture) Name() string { return string(p.Spec("", "").Type) }

// Member is the name of the union's member, as in a manifest.
func (p Fixture) Member() string {
	name := []rune(p.Name())
	name[0] = unicode.ToLower(name[0])
	return string(name)
}

// Want is the call that must arrive for an account and a user.
func (p Fixture) Want(accountID, userID string) Call {
	if p.AccountNotSent {
		accountID = ""
	}
	return Call{AccountID: accountID, UserID: userID}
}

// refuses reports whether the type refuses IDs, because it could not send them safely.
func (p Fixture) refuses(ids Call) bool {
	return strings.ContainsAny(ids.AccountID, p.UnsafeInAccount) || strings.ContainsAny(ids.UserID, p.UnsafeInUser)
}

// Field is the path of one of the member's fields.
func (p Fixture) Field(name string) string { return "spec." + p.Member() + "." + name }

// SecretValues must not occur in anything that people read.
func (p Fixture) SecretValues() []string {
	all := slices.Concat(p.Derived, p.DerivedLater)
	for _, set := range p.Secrets {
		all = slices.AppendSeq(all, maps.Values(set))
	}
	return all
}

// with returns an answer with one more header.
func (a Answer) with(name, value string) Answer {
	a.Header = maps.Clone(a.Header)
	if a.Header == nil {
		a.Header = map[string]string{}
	}
	a.Header[name] = value
	return a
}

func (a Answer) write(w http.ResponseWriter) {
	for name, value := range a.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	if a.Status != http.StatusNoContent {
		_, _ = fmt.Fprint(w, a.Body)
	}
}

// escaped are IDs that the CRD accepts, and that a client must escape somewhere, or refuse.
var escaped = []string{"a:b;c,d+e=f~g@h&i", `"quoted"<b>`, "Zoë", "用户!$'()*", strings.Repeat("é", 256), "Company GmbH",
	`corp\jane`, "Okta_yzD0/3n+2Qk=", "AzureAD_x#EXT#@t.onmicrosoft.com", "f:1b2c:first12#second34", "o%hare@corp.example",
	"spiffe://corp/ns/jane", "samlp|corp|jane", "a?b", "{UserId}", "{AccountId}", "a%2Fb", "%2e%2e", "../a", "..;/a", "..;a"}
