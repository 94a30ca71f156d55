# The project's tasks. `make` lists them.
SHELL := /bin/bash
PKG ?= ./...
TOOL := go tool -modfile=.ci/tools.mod

# A static binary, and tests that need no C compiler; the race detector overrides it.
export CGO_ENABLED := 0

# A checkout that belongs to another user keeps git, and with it go build, from reading the revision.
BUILDVCS := $(shell git status --porcelain >/dev/null 2>&1 || echo -buildvcs=false)

.PHONY: help build demo schema test test-long test-race lint bench bench-peers bench-forecast clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/pegel
	go build -trimpath $(BUILDVCS) -o bin/pegel ./cmd/pegel

demo: setup-demo build ## run the demonstration; report in build/demo
	rm -rf build/demo
	bin/pegel demo --out build/demo

schema: build ## write the JSON Schema of scenarios, and the tables of keys made from it
	bin/pegel schema >docs/scenario.schema.json
	go test ./scenarios -run TestReferenceTables -update

test: setup-test build ## all tests, in about a quarter of an hour; against real servers where they can run
	@# Runs that measure come last and alone: a package that computes beside them makes the generator late.
	@code=0; go test -timeout 14m $$(go list $(PKG) | grep -v '/cmd/pegel$$') || code=1; go test -timeout 14m ./cmd/pegel || code=1; exit $$code

test-long: setup-test build ## the long tests only (PEGEL_LONG=1, names with Long), up to an hour
	PEGEL_LONG=1 go test -timeout 60m -run Long $(PKG)

test-race: ## the concurrent heart under the race detector (needs a C compiler)
	@command -v gcc >/dev/null || command -v clang >/dev/null || { echo "test-race: no C compiler; on Debian: apt-get install gcc libc6-dev" >&2; exit 1; }
	CGO_ENABLED=1 go test -race -timeout 14m ./internal/engine/... ./internal/record/... ./internal/plan/...

lint: ## gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l $$(go list -f '{{.Dir}}' $(PKG))); if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:" >&2; echo "$$unformatted" >&2; exit 1; fi
	go vet $(PKG)
	$(TOOL) staticcheck $(PKG)

bench: ## benchmarks
	.ci/bench

bench-peers: ## hold the generator against wrk, ab, hey, fortio and k6, some ten minutes; writes into docs/benchmarks.md
	.ci/bench-peers

bench-forecast: setup-test build ## hold forecasts against platforms of known capacity, a quarter of an hour; writes docs/forecast-accuracy.md
	bin/pegel bench forecast --seed 1 --platforms 30 --published internal/capacity/testdata --document docs/forecast-accuracy.md

clean: ## remove what the targets made
	rm -rf bin build

.PHONY: setup-demo setup-test
setup-demo setup-test: setup-%:
	@.ci/setup $*
