# The commands that run the service on this machine. The Makefile includes this and makes the two virtual environments.

PORT ?= 8000
CLOUD_PORT ?= 4566
IDENTITY_PROVIDER_PORT ?= 4567
STOREFRONT_PORT ?= 4568
PROVIDER ?= apple
MODELS_PORT ?= 4569
MINUTES ?= 20
SECONDS ?= 30
KEEP ?=
export PORT CLOUD_PORT IDENTITY_PROVIDER_PORT STOREFRONT_PORT MODELS_PORT

.PHONY: run demo cloud token buy reset-usage reconcile migrate-demo soak bench

run: setup ## Start everything, take one real document through, and serve until Ctrl-C
	@dev/start $(PY) -m dev run

demo: setup ## The same, and end: 0 when it went well
	@dev/start $(PY) -m dev demo

cloud: setup ## The embedded cloud alone, for `chalice local --stage local`
	@dev/start $(PY) -m dev cloud

token: ## An access token of a local user, for curl
	@$(PY) -m dev token

reset-usage: ## Fire the usage reset now, in the running service
	@$(PY) -m dev fire sweep_usage

buy: ## Buy a plan for the local user: PLAN=premium_monthly, PROVIDER=apple, google or stripe
	@$(PY) -m dev buy "$(PLAN)" "$(PROVIDER)"

reconcile: ## Fire the billing reconciliation now, in the running service
	@$(PY) -m dev fire sweep_billing

migrate-demo: setup ## Move 5,000 people from PostgreSQL to the table while they use the app, there, back, and there again
	@dev/start $(PY) -m dev.migrate_demo

bench: setup ## 32 connections that use the local service for SECONDS (30): errors, p50, p99; KEEP=--keep writes it down
	@dev/start $(PY) -m bench.load --seconds "$(SECONDS)" $(KEEP)

soak: setup ## Mixed load with faults for MINUTES (20), then compare the table with the driver's book; KEEP=--keep writes it down
	@dev/start $(PY) -m bench.soak --minutes "$(MINUTES)" $(KEEP)

.PHONY: mutation coverage

mutation: setup ## Plant small faults in the rules and count those that the tests notice: MODULE=billing or billing/periods for less
	@$(PY) -m bench.mutation $(addprefix --module ,$(MODULE))

coverage: setup ## Measure which lines and branches the tests run, and hold all and every file to a limit: PART=tests/unit for less
	@$(PY) -m bench.covered $(addprefix --part ,$(PART))
