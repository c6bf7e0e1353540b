package providertest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// AmazonChime is a service that speaks Amazon Chime's LogoutUser.
var AmazonChime = Fixture{
	Spec: func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		return v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.AmazonChimeProviderType,
			AmazonChime: &v1alpha1.AmazonChimeProvider{
				Endpoint: endpoint, Region: "us-east-1",
				Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secret}},
			},
		}
	},
	Required:     []string{"endpoint"},
	URLs:         []string{"endpoint"},
	Secrets:      awsKeys,
	OptionalKeys: []string{"AWS_SESSION_TOKEN"},
	AccountID:    "12a3456b-7c89-012d-3456-78901e23fg45",
	UserID:       "1ab2345c-67de-8901-f23g-45h678901j2k",

	UnsafeInAccount: unsafeInPath + "{}",
	UnsafeInUser:    unsafeInPath + "{}",

	Call: func(r *http.Request, body []byte) (Call, bool) {
		path := strings.Split(r.URL.EscapedPath(), "/")
		if len(path) != 5 || path[1] != "accounts" || path[3] != "users" || r.Method != http.MethodPost ||
			r.URL.RawQuery != "operation=logout" || len(body) != 0 {
			return Call{}, false
		}
		return Call{AccountID: unescape(path[2]), UserID: unescape(path[4]), Secret: awsSigner(r, "chime")}, true
	},
	RequestID: "3f1c-77",
	Answers: Answers{
		LoggedOut:      Answer{Status: http.StatusNoContent, Header: map[string]string{"x-amzn-RequestId": "3f1c-77"}},
		UnknownUser:    chimeError(404, "NotFoundException", "no such user"),
		UnknownAccount: chimeError(404, "NotFound", "no such account"),
		Invalid:        chimeError(400, "BadRequestException", "no account ID"),
		NotAuthorized: append(awsRejected(chimeError), chimeError(401, "UnauthorizedClientException", "not now"),
			Answer{Status: 401}),
		Throttled:   chimeError(429, "ThrottledClientException", "slow down"),
		Failed:      chimeError(500, "ServiceFailureException", "oops"),
		Unavailable: chimeError(503, "ServiceUnavailableException", "later"),
		Echo: func(status int, text string) Answer {
			a := chimeError(status, text, text)
			a.Header["X-Amzn-Requestid"] = oneLine(text)
			return a
		},
	},
}

func chimeError(status int, code, message string) Answer {
	body, _ := json.Marshal(map[string]string{"Code": code, "Message": message})
	return Answer{Status: status, Header: map[string]string{"Content-Type": "application/json",
		"X-Amzn-ErrorType": oneLine(code)}, Body: string(body)}
}
