// Package overload puts more on the operator, or on the services it calls, than they can take, and counts what the
// services see of it: how close it comes to a limit without passing it, how little an outage costs them however many
// objects wait, that it stays away for as long as it is told, and that one provider's or one namespace's trouble is not
// another's. Every figure is taken at the journal of the fake service, never from the operator's own account.
//
// The operator is a process of its own that runs as its ServiceAccount, against a real API server. Each scenario has an
// operator, a provider and a service to itself. By default the sizes are small and only counts are asserted, so that a
// slow machine fails nothing; the figures that the project promises are taken and asserted, durations too, by
//
//	go test ./test/overload -full -timeout 3h -v
//
// and any scenario of it alone by -run.
package overload
