package providertest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// awsKeys are two sets of AWS credentials.
var awsKeys = [2]map[string]string{
	{
		"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN":     "IQoJb3JpZ2luX2VjEXAMPLE",
	},
	{
		"AWS_ACCESS_KEY_ID":     "AKIDROTATED",
		"AWS_SECRET_ACCESS_KEY": "another/secretEXAMPLEKEY",
		"AWS_SESSION_TOKEN":     "FwoGZXIvYXdzEXAMPLE",
	},
}

// awsSigner is the number of the keys that signed a request for a service.
func awsSigner(r *http.Request, service string) int { return awsSignerOf(awsKeys, r, service) }

func awsSignerOf(sets [2]map[string]string, r *http.Request, service string) int {
	for i, keys := range sets {
		auth := r.Header.Get("Authorization")
		if strings.Contains(auth, "Credential="+keys["AWS_ACCESS_KEY_ID"]+"/") &&
			strings.Contains(auth, "/"+service+"/aws4_request,") &&
			r.Header.Get("X-Amz-Security-Token") == keys["AWS_SESSION_TOKEN"] {
			return i
		}
	}
	return -1
}

func values(keys map[string]string) []string { return slices.Sorted(maps.Values(keys)) }

// awsRejected are the codes with which AWS services reject a signature, and one for a missing permission: in the form
// of the service, and in XML, as moto answers for every service.
func awsRejected(failed func(status int, code, message string) Answer) []Answer {
	var all []Answer
	for _, code := range []string{
		"UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "IncompleteSignature",
		"MissingAuthenticationToken", "SignatureDoesNotMatch", "InvalidClientTokenId", "AccessDeniedException",
	} {
		for _, status := range []int{400, 403} {
			all = append(all, failed(status, code, fmt.Sprintf("no (%s)", code)))
		}
	}
	for _, code := range []string{"SignatureDoesNotMatch", "InvalidClientTokenId", "AccessDenied"} {
		all = append(all, Answer{Status: 403, Header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
			Body: `<?xml version="1.0" encoding="utf-8"?><ErrorResponse><Errors><Error><Code>` + code +
				`</Code><Message>no</Message><Type>Sender</Type></Error></Errors></ErrorResponse>`})
	}
	return all
}
