// Package keycloak makes a real Keycloak log users out: its sessions, its roles, its look-up of users and its answers,
// together with a real API server and the operator as a process. hack/keycloak pins the Keycloak.
//
//	make keycloak
//
// Without KEYCLOAK_HOME, which make keycloak sets, it runs no test. All tests share one Keycloak and one operator, and
// each has a realm of its own. They mostly wait, so they run in parallel.
package keycloak
