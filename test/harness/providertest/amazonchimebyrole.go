package providertest

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// roleKeys sign a role's calls, for each set of keys that may assume the role.
var roleKeys = [2]map[string]string{
	{"AWS_ACCESS_KEY_ID": "ASIAFIRSTROLE", "AWS_SECRET_ACCESS_KEY": "role-secret-EXAMPLE-1",
		"AWS_SESSION_TOKEN": "role-session-EXAMPLE-1"},
	{"AWS_ACCESS_KEY_ID": "ASIASECONDROLE", "AWS_SECRET_ACCESS_KEY": "role-secret-EXAMPLE-2",
		"AWS_SESSION_TOKEN": "role-session-EXAMPLE-2"},
}

// AmazonChimeByRole is AmazonChime with a role that AWS STS, at the same endpoint, lets the client assume.
var AmazonChimeByRole = func() Fixture {
	p := AmazonChime
	p.Spec = func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		spec := AmazonChime.Spec(endpoint, secret)
		spec.AmazonChime.AssumeRole = &v1alpha1.AssumeRole{RoleARN: "arn:aws:iam::123456789012:role/logout"}
		return spec
	}
	p.Environment = func(endpoint string) map[string]string {
		return map[string]string{"AWS_ENDPOINT_URL_STS": endpoint}
	}
	p.Beside = []string{http.MethodPost}
	p.Derived, p.DerivedLater = values(roleKeys[0]), values(roleKeys[1])
	p.Call = func(r *http.Request, body []byte) (Call, bool) {
		call, ok := AmazonChime.Call(r, body)
		call.Secret = awsSignerOf(roleKeys, r, "chime")
		return call, ok
	}
	p.Other = func(w http.ResponseWriter, r *http.Request) {
		signer := awsSigner(r, "sts")
		if signer < 0 || r.URL.Path != "/" || r.FormValue("Action") != "AssumeRole" {
			Answer{Status: 403,
				Body: "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"}.write(w)
			return
		}
		keys := roleKeys[signer]
		Answer{Status: 200, Header: map[string]string{"Content-Type": "text/xml"}, Body: fmt.Sprintf(strings.TrimSpace(`
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>
<SessionToken>%s</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`),
			keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])}.write(w)
	}
	return p
}()
