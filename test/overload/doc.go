// Package overload puts more load on the operator, or on the services that it calls, than they can take, and measures
// the effect at the services: how close the operator comes to a limit without exceeding it, how few calls it makes
// during an outage however many objects wait, that it pauses for as long as it is told, and that failures of one
// provider or namespace do not affect another. Every figure is taken from the journal of the fake service, never from
// the operator's own metrics or statuses.
//
// The operator is a process of its own that runs as its ServiceAccount, against a real API server. Each scenario has
// its own operator, provider and service. By default the sizes are small and only counts are asserted, so that a slow
// machine fails no test. To measure and assert the figures that the project promises, including durations, run
//
//	go test ./test/overload -full -timeout 3h -v
//
// and add -run to run a single scenario.
package overload
