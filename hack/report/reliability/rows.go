package main

// suites are run one after the other.
var suites = []suite{
	// An API server that is away is mostly waited for, so all else goes on beside it.
	{"faults", "./test/faults", [][]string{{"-full", "-run=^TestAPIServerDown$"}, {"-full", "-skip=^TestAPIServerDown$"}}},
	{"overload", "./test/overload", [][]string{{"-full", "-outage=1m", "-run=^(TestOutage|TestRetryAfter|TestTwoProviders|TestTwoNamespaces)$"}}},
	{"model", "./controllers", [][]string{{"-run=^TestModel", "-model-faults=2"}}},
}

// common figures are kept by many scenarios, and stand in the last row only.
var common = []string{
	"most reads of an object", "most writes of an object",
	"goroutines more than at first", "threads more than at first", "open files more than at first", "MiB more than at first",
}

// rows of the table.
var rows = []row{
	{
		Fault:     "SIGKILL before the claim, between claim and call, in the call, between call and outcome, after the outcome",
		Guarantee: "every object finishes; a call is repeated at most once for each crash between it and its stored outcome",
		shown:     []scenarios{{"faults", "TestKill"}},
	},
	{
		Fault:     "The operator's cache is behind: events are held back while the object finishes, is deleted, is created again",
		Guarantee: "no repeat: the claim's precondition refuses it",
		shown:     []scenarios{{"faults", "TestStaleCache"}},
	},
	{
		Fault:     "Time travel: a restart onto an API server that shows the past",
		Guarantee: "no repeat",
		shown:     []scenarios{{"faults", "TestTimeTravel"}},
	},
	{
		Fault:     "Watch events are lost; the API server has forgotten what the watch asks for (410)",
		Guarantee: "every object still finishes",
		shown:     []scenarios{{"faults", "TestEventsLost"}, {"faults", "TestWatchesBreak"}},
	},
	{
		Fault:     "A claim or outcome is answered 403, 409, 429 or 5xx, times out, is reset, or is stored and its answer lost",
		Guarantee: "no repeat while the process lives, except of a call whose outcome is rejected for good (403)",
		shown:     []scenarios{{"faults", "TestWrites"}, {"faults", "TestOutcomesHeldBack"}},
	},
	{
		Fault:     "API server down for 30 s and for 5 min: idle, with calls in flight, with 10 000 objects waiting",
		Guarantee: "no new call while it is down; outcomes are stored on its return; no repeat",
		shown:     []scenarios{{"faults", "TestAPIServerDown"}},
	},
	{
		Fault:     "Two operators; the leader is stopped (SIGSTOP) around its call, and goes on when the other leads",
		Guarantee: "no repeat unless it was stopped between the call and its stored outcome",
		shown:     []scenarios{{"faults", "TestLeaderPaused"}},
	},
	{
		Fault:     "The leader is cut off from the API server, but not from the service",
		Guarantee: "outcomes in flight are stored, or reported as not stored; only those calls are repeated",
		shown:     []scenarios{{"faults", "TestLeaderCutOff"}, {"faults", "TestLostLease"}},
	},
	{
		Fault:     "SIGTERM with calls in flight, once and twice",
		Guarantee: "calls end, outcomes are stored, exit code 0, within the grace period",
		shown:     []scenarios{{"faults", "TestStop"}},
	},
	{
		Fault:     "The object is deleted, or deleted and created again under its name, or its namespace is deleted, in flight",
		Guarantee: "the outcome is never stored on the new object; deletion is never blocked",
		shown:     []scenarios{{"faults", "TestDelete"}, {"faults", "TestRecreatedUnderTwo"}, {"faults", "TestNamespaceDeleted"}},
	},
	{
		Fault:     "A tenant changes the spec, or resets or forges the status",
		Guarantee: "the API server refuses it",
		shown:     []scenarios{{"faults", "TestForged"}},
	},
	{
		Fault:     "Resync every second, and upgrade and downgrade, over 5 000 finished objects",
		Guarantee: "nothing happens",
		shown:     []scenarios{{"faults", "TestResync"}},
	},
	{
		Fault:     "etcd is restored from an older copy",
		Guarantee: "only objects younger than their deadline can be repeated; `notAfter` holds",
		shown:     []scenarios{{"faults", "TestRestore"}},
	},
	{
		Fault:     "The clock is an hour fast or slow",
		Guarantee: "waits stay within the backoff's cap; no burst above the rate",
		shown:     []scenarios{{"faults", "TestClock"}},
	},
	{
		Fault:     "The service throttles (429), or is down, with 10 000 objects waiting",
		Guarantee: "the number of calls depends on the length of the outage, not on the number of objects",
		shown:     []scenarios{{"overload", "TestOutage"}, {"overload", "TestRetryAfter"}},
		figures: []string{"calls in the outage, 10 objects waiting", "calls in the outage, 10000 objects waiting", "difference",
			"time from the answer to the probe", "objects lost", "calls repeated"},
	},
	{
		Fault: "Hostile answers: HTML, redirects, half a header, a byte a second, 1 GiB, garbage, any `Retry-After`, resets, " +
			"silence, a bad certificate",
		Guarantee: "each is classified as it should be, in bounded memory and time",
		shown:     []scenarios{{"faults", "TestHostileAnswers"}},
	},
	{
		Fault:     "One provider or one tenant is poisoned, by 9 000 objects",
		Guarantee: "the others are served as if they were alone",
		shown:     []scenarios{{"overload", "TestTwoProviders"}, {"overload", "TestTwoNamespaces"}},
		figures: []string{"p99 of the times from the first creation to a logout", "median time for ten alone",
			"median time for ten beside thousands", "objects lost", "calls repeated"},
	},
	{
		Fault:     "Credentials expire, are rotated, are missing, are wrong",
		Guarantee: "the provider's status shows it, there is no burst of calls, and everything continues by itself once it is fixed",
		shown:     []scenarios{{"faults", "TestCredentials"}},
	},
	{
		Fault:     "A panic at each step",
		Guarantee: "the process survives or is restarted; nothing is lost",
		shown:     []scenarios{{"faults", "TestPanic"}},
	},
	{
		Fault: "Every history of the attempt protocol with two of these faults: crashes, stale caches, ambiguous and refused writes, " +
			"deletion and re-creation, with two operators",
		Guarantee: "calls ≤ 1 + crashes or cut-offs in that very call, and every object finishes",
		shown:     []scenarios{{"model", "TestModel"}},
	},
	{
		Fault:     "In all of these",
		Guarantee: "reads and writes of an object are bounded; goroutines, files and memory go back to where they were",
		shown:     []scenarios{{"faults", ".*"}},
		figures:   common,
	},
}

// tables have a line for each scenario of a test.
var tables = []struct {
	title, text, suite, test string
	of                       func(outcome, string) grid
}{
	{"Kill points", "The test kills the process when as many attempts as it has workers are at the same point, as the API proxy and " +
		"the\nservice see it. A call that has reached the service is repeated once, because its outcome is unknown.", "faults", "TestKill", gridOf},
	{"Guards", "The test removes each guard from a copy of the operator, and runs the scenario that checks the guard, which must fail.\n" +
		"This proves that these scenarios detect the fault.", "faults", "TestGuards", listOf},
}
