package providertest

import (
	"encoding/json"
	"net/http"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

const amzJSON = "application/x-amz-json-1.1"

// AmazonCognito is the user pools of Amazon Cognito in one region.
var AmazonCognito = Fixture{
	Spec: func(endpoint, secret string) v1alpha1.ClusterLogoutProviderSpec {
		return v1alpha1.ClusterLogoutProviderSpec{
			Type: v1alpha1.AmazonCognitoProviderType,
			AmazonCognito: &v1alpha1.AmazonCognitoProvider{
				Endpoint: endpoint, Region: "eu-central-1",
				Credentials: &v1alpha1.Credentials{SecretRef: v1alpha1.SecretReference{Name: secret}},
			},
		}
	},
	Required:     []string{"region"},
	URLs:         []string{"endpoint"},
	Secrets:      awsKeys,
	OptionalKeys: []string{"AWS_SESSION_TOKEN"},
	AccountID:    "eu-central-1_EXAMPLE",
	UserID:       "jane",
	Call: func(r *http.Request, body []byte) (Call, bool) {
		var in struct{ UserPoolID, Username string } // encoding/json ignores the case
		if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("Content-Type") != amzJSON ||
			r.Header.Get("X-Amz-Target") != "AWSCognitoIdentityProviderService.AdminUserGlobalSignOut" ||
			json.Unmarshal(body, &in) != nil {
			return Call{}, false
		}
		return Call{AccountID: in.UserPoolID, UserID: in.Username, Secret: awsSigner(r, "cognito-idp")}, true
	},
	RequestID: "3f1c-77",
	Answers: Answers{
		LoggedOut: Answer{Status: 200,
			Header: map[string]string{"Content-Type": amzJSON, "x-amzn-RequestId": "3f1c-77"}, Body: "{}"},
		UnknownUser: cognitoError(400, "UserNotFoundException", "User does not exist."),
		UnknownAccount: cognitoError(400, "ResourceNotFoundException",
			"User pool eu-central-1_EXAMPLE does not exist."),
		Invalid: cognitoError(400, "InvalidParameterException", "1 validation error detected"),
		NotAuthorized: append(awsRejected(cognitoError),
			cognitoError(400, "NotAuthorizedException", "not now"),
			cognitoError(403, "ForbiddenException", "Request not allowed due to WAF block.")),
		Throttled:   cognitoError(400, "TooManyRequestsException", "Rate exceeded"),
		Failed:      cognitoError(500, "InternalErrorException", "oops"),
		Unavailable: cognitoError(503, "ServiceUnavailableException", "later"),
		Echo: func(status int, text string) Answer {
			a := cognitoError(status, text, text)
			a.Header["x-amzn-ErrorType"], a.Header["x-amzn-RequestId"] = oneLine(text), oneLine(text)
			return a
		},
	},
}

func cognitoError(status int, code, message string) Answer {
	body, _ := json.Marshal(map[string]string{"__type": code, "message": message})
	return Answer{Status: status, Header: map[string]string{"Content-Type": amzJSON}, Body: string(body)}
}
