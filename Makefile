# Everything a developer runs, and what CI runs. `make help` lists it.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= $(shell for one in python3.13 python3.12 python3.11 python3; do \
	if $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$one; break; fi; done)
VENV := .venv
CLOUD_VENV := .venv-cloud
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
CLOUD_READY := $(CLOUD_VENV)/.ready
PIP_OPTIONS := --quiet --disable-pip-version-check

export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## List what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) $(CLOUD_READY) ## Create both virtual environments from the pinned requirements

$(READY): requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found."; exit 1; }
	@echo "Installing the service and its tools (once, a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install $(PIP_OPTIONS) -r requirements-dev.txt
	@touch $@

$(CLOUD_READY): dev/requirements-cloud.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found."; exit 1; }
	@echo "Installing the embedded cloud (once) ..."
	@$(PYTHON) -m venv $(CLOUD_VENV)
	@$(CLOUD_VENV)/bin/python -m pip install $(PIP_OPTIONS) -r dev/requirements-cloud.txt
	@touch $@

include dev/dev.mk
include deploy/deploy.mk

.PHONY: test
test: setup ## Run the quick tests (a few minutes)
	@$(PY) -m pytest -n 4 --dist worksteal -m "not prove and not thorough"

.PHONY: thorough
thorough: setup ## Run the tests, those that take their time included
	@$(PY) -m pytest -n 4 --dist worksteal -m "not prove"

.PHONY: prove
prove: setup ## Run the slow proofs
	@$(PY) -m pytest -m prove

.PHONY: format
format: $(READY) ## Rewrite the code in the one format
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

.PHONY: lint
lint: $(READY) ## Check format, style and types
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

.PHONY: generate
generate: $(READY) ## Write the generated files anew
	@$(PY) -m deploy.generate

.PHONY: policies
policies: generate ## Write the IAM policies anew (the same as generate)

.PHONY: record-calls
record-calls: setup ## Write anew what each function asks of AWS, by running all tests
	@$(PY) -m pytest -n 4 --dist worksteal -m "not prove" --record-calls

.PHONY: generated
generated: $(READY) ## Check that the generated files match their generators
	@$(PY) -m deploy.generate --check

.PHONY: package
package: $(READY) ## Build the packages of STAGE for CloudFormation and Terraform, and look into them
	@$(PY) -m deploy.packaging --stage "$(STAGE)"

.PHONY: requirements
requirements: $(READY) ## Resolve the pinned requirements anew, for every Python from 3.11
	@for one in requirements requirements-dev; do $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--no-header --no-emit-index-url --no-emit-find-links --annotation-style=line -o $$one.txt $$one.in; done

.PHONY: check
check: setup lint generated thorough package ## What CI runs: format, lint, types, generated files, all tests but the proofs, package

.PHONY: clean
clean: ## Remove what was made, but not the virtual environments
	@rm -rf build .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .chalice/deployments
