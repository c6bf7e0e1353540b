# All targets need Go, make, git and a C compiler; Go fetches the rest, in the versions pinned in hack/.
# Recipes are plain POSIX shell.

CONTROLLER_GEN = go tool -modfile=hack/tools/go.mod controller-gen
CRD_REF_DOCS   = go tool -modfile=hack/tools/go.mod crd-ref-docs
LINT           = go tool -modfile=hack/lint/go.mod golangci-lint-kube-api-linter
ACTIONLINT     = go tool -modfile=hack/actionlint/go.mod actionlint
# Sets the variable with which tests and demonstrations find kube-apiserver and etcd.
WITH_ASSETS    = KUBEBUILDER_ASSETS=$$(go run ./hack/assets) && export KUBEBUILDER_ASSETS &&
# go run would hide the exit status and not forward signals.
BUILD_DEMO     = echo "compiling the demo (minutes the first time)" && go build -o bin/demo ./hack/demo

# The folders and files that make generate, manifests and api-docs write; some files in them are written by hand.
GENERATED      = api config charts docs/api.md
# The files of config/ that the chart copies.
CHART_FILES    = $(addprefix config/,rbac/role.yaml rbac/tenant_roles.yaml rbac/metrics_reader_role.yaml \
                 policy/endpoints.yaml policy/metadata.yaml network-policy/network_policy.yaml \
                 prometheus/servicemonitor.yaml prometheus/prometheusrule.yaml)

FUZZTIME ?= 10s
SOAKTIME ?= 30m

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r t d; do printf '  make %-16s %s\n' "$$t" "$$d"; done

# See it work

.PHONY: demo
demo: ## Log out the user of the reference example, from nothing, and check the result
	@$(WITH_ASSETS) $(BUILD_DEMO) && exec bin/demo

.PHONY: dev
dev: ## Start the programs of the demo, keep them running, and print the KUBECONFIG to use
	@$(WITH_ASSETS) $(BUILD_DEMO) && exec bin/demo --keep

# Change it

.PHONY: generate
generate: ## Write the deep copy functions of the API
	$(CONTROLLER_GEN) object paths=./api/...

.PHONY: manifests
manifests: alerts ## Write the CRDs and the roles into config/ and the chart's copies
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=logout-operator paths=./controllers/... output:rbac:dir=config/rbac
	@rm -rf charts/logout-operator/files && mkdir -p charts/logout-operator/files/crds
	@cp config/crd/bases/*.yaml charts/logout-operator/files/crds && cp $(CHART_FILES) charts/logout-operator/files

.PHONY: api-docs
api-docs: ## Write docs/api.md, the reference of the API
	$(CRD_REF_DOCS) --log-level ERROR --source-path api/v1alpha1 --config hack/docs/crd-ref-docs.yaml \
	  --renderer markdown --templates-dir hack/docs/templates --output-path docs/api.md

.PHONY: alerts
alerts: ## Write the alerts of config/prometheus/rules.yaml into the PrometheusRule
	@cd config/prometheus && { sed '/^spec:/q' prometheusrule.yaml; sed '/^#/d; s/^./  &/' rules.yaml; } > rule.new && \
	  mv rule.new prometheusrule.yaml

.PHONY: fmt
fmt: ## Format the code
	$(LINT) fmt

.PHONY: build
build: ## Build the programs into bin/
	go build -o bin/ ./cmd/...

# Check it

.PHONY: verify
verify: generate manifests api-docs ## Check that generated files, formatting and go.mod are up to date
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || \
	  { echo "not formatted, run make fmt: $$unformatted" >&2; exit 1; }
	go mod tidy -diff
	@git diff --exit-code -- $(GENERATED) && test -z "$$(git ls-files --others --exclude-standard -- $(GENERATED))" || \
	  { echo "generated files differ from those in git: add what make generate manifests api-docs wrote" >&2; exit 1; }

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: lint
lint: ## Run the linters (the first time it compiles them, in about a minute)
	$(LINT) run
	cd test/gitops && \
	  go tool -modfile=../../hack/lint/go.mod golangci-lint-kube-api-linter run -c ../../.golangci.yml ./...
	cd test/kratos && \
	  go tool -modfile=../../hack/lint/go.mod golangci-lint-kube-api-linter run -c ../../.golangci.yml ./...
	cd test/cognito && \
	  go tool -modfile=../../hack/lint/go.mod golangci-lint-kube-api-linter run -c ../../.golangci.yml ./...
	cd hack/report && \
	  go tool -modfile=../../hack/lint/go.mod golangci-lint-kube-api-linter run -c ../../.golangci.yml ./...

# -count=1, because the results depend on more than the sources, so cached ones can be wrong. Only CI uses the race
# detector, because it slows the tests down.
RACE     = $(if $(CI),-race)
GO_TEST  = go test $(RACE) -count=1 -timeout 40m
ALL_BUT  = go list ./... | grep -v -E
# The packages that need an API server, and those that check the release.
SERVER   = controllers|cmd/logout-operator/app|test/(bench|faults|harness/(controlplane|operatortest)|memory|overload|soak)
RELEASED = test/(chart|docs|image|manifests|observability)
# Those with targets of their own, which run nothing without what these targets set.
OWN      = test/keycloak

.PHONY: unit
unit: ## Run the tests that need only Go
	@$(GO_TEST) -short $$($(ALL_BUT) '/($(SERVER)|$(RELEASED)|$(OWN))$$')

# Tests against an API server mostly wait, so four packages run in parallel, and so do three parts of the fault
# scenarios, each with its own API server. The common code is compiled once, before.
.PHONY: test test/others test/faults-a-l test/faults-m-o test/faults-p-z
test: ## Run the operator's tests against a real API server (the first time it builds one, in about 8 minutes)
	@$(WITH_ASSETS) go build -race -o /dev/null ./cmd/logout-operator && \
	  go test $(RACE) -c -o /dev/null ./test/faults && \
	  exec $(MAKE) --no-print-directory -j4 test/others test/faults-a-l test/faults-m-o test/faults-p-z

test/others:
	@$(GO_TEST) -p 4 $$($(ALL_BUT) '/($(RELEASED)|$(OWN)|test/faults)$$')

test/faults-a-l: SCENARIOS = -run '^Test[A-L]'
test/faults-m-o: SCENARIOS = -run '^Test[M-O]'
test/faults-p-z: SCENARIOS = -skip '^Test[A-O]'
test/faults-a-l test/faults-m-o test/faults-p-z:
	@$(GO_TEST) ./test/faults $(SCENARIOS)

.PHONY: test-release
test-release: ## Check the image, chart, manifests, alerts, docs and reports (the first time it compiles helm, ko and more)
	@$(WITH_ASSETS) $(GO_TEST) $$(go list ./... | grep -E '/($(RELEASED))$$')
	@cd hack/report && go mod tidy -diff && go vet ./... && $(GO_TEST) ./...

.PHONY: examples
examples: ## Check docs/examples/envtest, an example module that tests against the API
	@$(WITH_ASSETS) cd docs/examples/envtest && go mod tidy -diff && go vet ./... && go test -count=1 ./...

.PHONY: gitops
gitops: ## Have Argo CD's scripts, Flux's code and kubectl wait judge real objects in every state
	@$(WITH_ASSETS) cd test/gitops && go mod tidy -diff && go vet ./... && go test -race -count=1 -timeout 10m ./...

.PHONY: kratos
kratos: ## Log users out of a real Ory Kratos (the first time it compiles one, in about 2 minutes)
	@$(WITH_ASSETS) cd test/kratos && go mod tidy -diff && go vet ./... && go test -race -count=1 -timeout 20m ./...

.PHONY: keycloak
keycloak: ## Log users out of a real Keycloak, if Java 17 and Maven are here (the first time it fetches one, in a minute)
	@home=$$(go run ./hack/keycloak) || exit 1; test -n "$$home" || exit 0; \
	$(WITH_ASSETS) KEYCLOAK_HOME=$$home $(GO_TEST) ./test/keycloak -parallel 20

.PHONY: cognito
cognito: ## Log users out of a real moto, which acts as Cognito, IAM and STS, and try AWS's own clients (needs Python)
	@MOTO=$$(hack/aws/install.sh python) && if test -z "$$MOTO"; then exit 0; fi && \
	  AWS_SDK_JS=$$(hack/aws/install.sh node) && export MOTO AWS_SDK_JS && \
	  $(WITH_ASSETS) cd test/cognito && go mod tidy -diff && go vet ./... && go test -race -count=1 -timeout 20m ./...

.PHONY: e2e
e2e: ## Run the end-to-end tests on a new cluster (root on Linux), or on that of KUBECONFIG: see test/e2e/doc.go
	@if test -z "$$KUBECONFIG"; then exec hack/cluster/e2e.sh; fi; \
	  test -n "$$E2E_IMAGE" && test -n "$$E2E_FAKE_IMAGE" || \
	  { echo "make e2e needs E2E_IMAGE and E2E_FAKE_IMAGE on the cluster of KUBECONFIG: see test/e2e/doc.go" >&2; \
	    exit 2; }; \
	go test -count=1 -timeout 40m -v ./test/e2e $(E2E_FLAGS)

.PHONY: cluster
cluster: ## Start a one-node Kubernetes cluster (root on Linux; hack/cluster/cluster.sh down ends it)
	@hack/cluster/cluster.sh build && hack/cluster/cluster.sh up

.PHONY: cover
cover: ## Measure the test coverage of controllers and internal
	@$(WITH_ASSETS) go test -timeout 20m -coverpkg=./controllers/...,./internal/... -coverprofile=cover.out ./...
	@go tool cover -func=cover.out | tail -n 1

.PHONY: bench
bench: ## Compare the operator with a bare loop, and write docs/performance.md (twenty minutes)
	@$(WITH_ASSETS) go build -o bin/bench ./test/bench && bin/bench -out bin/performance.json && \
	  go build -C hack/report -o ../../bin/ ./performance && exec bin/performance < bin/performance.json

.PHONY: overload
overload: ## Run the overload scenarios in full, ten thousand objects each (about an hour and a half)
	@$(WITH_ASSETS) go test -count=1 -timeout 3h -v ./test/overload -full

.PHONY: memory
memory: ## Measure the operator's memory with 100 000 objects, during their logout, and with huge ones (about an hour)
	@$(WITH_ASSETS) go test -count=1 -timeout 2h -v ./test/memory -full

# The outage scenarios mostly wait, so they run in parallel with all others. This prints a line when a scenario begins
# and one when it ends; all other output is in bin/faults-*.log.
.PHONY: test-faults test-faults/outages test-faults/others
test-faults: ## Run the fault scenarios in full, and print their measurements (about a quarter of an hour)
	@mkdir -p bin && $(WITH_ASSETS) exec $(MAKE) --no-print-directory -j2 test-faults/outages test-faults/others

test-faults/outages: SCENARIOS = -run '^TestAPIServerDown$$'
test-faults/others: SCENARIOS = -skip '^TestAPIServerDown$$'
test-faults/outages test-faults/others:
	@{ go test -count=1 -timeout 40m -v ./test/faults -full $(SCENARIOS) 2>&1; echo "exit status $$?"; } | \
	  tee bin/faults-$(@F).log | \
	  awk '/^exit status/ { status = $$3 } /^scenario / { table = 1 } table || /^=== RUN|^ *--- |^FAIL|^ok|^panic/; END { exit status }'

.PHONY: reliability
reliability: ## Run all fault scenarios in full, and write docs/reliability.md (about 50 minutes)
	@$(WITH_ASSETS) go build -C hack/report -o ../../bin/ ./reliability && exec bin/reliability $(RELIABILITYFLAGS)

.PHONY: soak
soak: ## Run the operator for half an hour under load and faults, and write docs/reliability-soak.jsonl
	@$(WITH_ASSETS) go test -count=1 -timeout 1h -v -run TestSoak ./test/soak -for $(SOAKTIME) \
	  -out $(CURDIR)/docs/reliability-soak.jsonl

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@for file in $$(git ls-files '*_test.go'); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
	    go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) ./$$(dirname $$file) || exit 1; \
	  done; \
	done

# Release it

.PHONY: image
image: ## Build the image for all platforms into bin/image, without a registry
	@hack/ko/image.sh

.PHONY: release-dry-run
release-dry-run: ## Make every file of the release VERSION (v0.1.0) in bin/release, and publish nothing
	@hack/release.sh "$$VERSION"

.PHONY: lint-workflows
lint-workflows: ## Check the workflows of GitHub
	$(ACTIONLINT)

.PHONY: clean
clean: ## Remove the files that the other targets left in this folder
	rm -rf bin cover.out
