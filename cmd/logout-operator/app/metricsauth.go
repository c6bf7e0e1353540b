package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// reviewTimeout bounds both reviews of a scrape.
const reviewTimeout = 10 * time.Second

// errUnauthenticated means that the API server does not know the caller.
var errUnauthenticated = errors.New("the token is not valid")

// authorizedOnly accepts callers whose bearer token the API server knows and whom RBAC allows the verb and path, such
// as get on /metrics. It does the same as controller-runtime's filter, whose dependency on k8s.io/apiserver would cost
// a third of the program's size and memory. Callers that were accepted before are kept separate from all others, so
// that the others cannot use up the operator's requests to the API server: see admission.
func authorizedOnly(config *rest.Config, httpClient *http.Client) (server.Filter, error) {
	return filterAt(config, httpClient, time.Now)
}

func filterAt(config *rest.Config, httpClient *http.Client, now func() time.Time) (server.Filter, error) {
	c, err := client.New(config, client.Options{HTTPClient: httpClient})
	if err != nil {
		return nil, err
	}
	callers := newAdmission()
	return func(log logr.Logger, next http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
			if !ok || token == "" {
				http.Error(w, "a bearer token is required", http.StatusUnauthorized)
				return
			}
			verb, path := strings.ToLower(req.Method), req.URL.Path
			scrape := sha256.Sum256([]byte(verb + " " + path + " " + token))
			who := strangerOf(req.RemoteAddr, token)
			switch callers.admit(now(), scrape, who) {
			case letThrough:
				next.ServeHTTP(w, req)
				return
			case refused:
				http.Error(w, "too many requests", http.StatusTooManyRequests)
				return
			}
			ctx, cancel := context.WithTimeout(req.Context(), reviewTimeout)
			defer cancel()
			// before the review, so that its result never counts as newer than it is
			began := now()
			allowed, err := review(ctx, c, token, verb, path)
			if err == nil || errors.Is(err, errUnauthenticated) {
				callers.reviewed(began, scrape, who.address, allowed)
			}
			switch {
			case errors.Is(err, errUnauthenticated):
				http.Error(w, err.Error(), http.StatusUnauthorized)
			case err != nil:
				log.Error(err, "cannot review the caller's permission")
				http.Error(w, "the permission could not be reviewed", http.StatusInternalServerError)
			case !allowed:
				http.Error(w, "not allowed by RBAC", http.StatusForbidden)
			default:
				next.ServeHTTP(w, req)
			}
		}), nil
	}, nil
}

// strangerOf returns the group of an unknown caller.
func strangerOf(remoteAddr, token string) stranger {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		host = remoteAddr
	}
	return stranger{host, claimsServiceAccount(token)}
}

// review asks the API server who the caller is and whether the caller may do this.
func review(ctx context.Context, c client.Client, token, verb, path string) (allowed bool, err error) {
	who := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if err := c.Create(ctx, &who); err != nil {
		return false, err
	}
	if !who.Status.Authenticated {
		return false, errUnauthenticated
	}
	extra := map[string]authorizationv1.ExtraValue{}
	for key, value := range who.Status.User.Extra {
		extra[key] = authorizationv1.ExtraValue(value)
	}
	may := authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: who.Status.User.Username, UID: who.Status.User.UID, Groups: who.Status.User.Groups, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: verb, Path: path},
	}}
	if err := c.Create(ctx, &may); err != nil {
		return false, err
	}
	return may.Status.Allowed && !may.Status.Denied, nil
}
