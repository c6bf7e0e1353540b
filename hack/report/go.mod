// The pages docs/performance.md and docs/reliability.md, from what make bench and make reliability measure. A module
// of its own, because nobody has to read it who changes the operator or its tests.
module github.com/logout-operator/logout-operator/hack/report

go 1.26.0

require (
	github.com/logout-operator/logout-operator v0.0.0
	golang.org/x/sync v0.22.0
)

replace github.com/logout-operator/logout-operator => ../..
