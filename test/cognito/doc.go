// Package cognito makes a real server log users out by Cognito's API: moto, which has user pools, tokens that end, IAM
// and STS, and checks signatures and policies. A real API server and the operator as a process are beside it. Besides,
// AWS's own clients call the project's fake LogoutUser service, so that it is not only our idea of the protocol.
// hack/aws pins moto and the clients.
//
//	make cognito
//
// It is a module of its own, so that the tests of the operator need no Python.
package cognito
