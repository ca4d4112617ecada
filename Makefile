# `make help` lists the targets. A bare machine needs make and Python 3.11 or newer; the rest is installed
# into .venv at the first use.

PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(if $(shell $(name) -c \
	'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo yes),$(name))))
VENV := .venv
BIN := $(VENV)/bin
TESTS ?=
# Test files side by side: most of them wait for processes.
JOBS ?= 4
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NPM_CI := npm ci --no-audit --no-fund --loglevel=error

# Node.js comes with requirements-dev.txt; what is installed here goes before what the machine has.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help

.PHONY: run
run: $(VENV)/runtime.stamp ## start the whole system on http://127.0.0.1:8000 (or PORT)
	@exec $(BIN)/python -m bulkdl

.PHONY: test
test: $(VENV)/dev.stamp frontend/node_modules/stamp examples/react/dist/stamp ## run every test, or those that TESTS names
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)
	$(if $(TESTS),,npm test --silent --prefix frontend)

.PHONY: lint
lint: $(VENV)/dev.stamp frontend/node_modules/stamp ## check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run lint --silent --prefix frontend

.PHONY: format
format: $(VENV)/dev.stamp ## lay the code out
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/dev.stamp ## measure speed and memory; the figures are explained in bench/README.md
	$(BIN)/python -m bench

.PHONY: faults
faults: $(VENV)/dev.stamp ## break things: every row of docs/reliability.md, or ROWS="1 7"; SHORT=1 for few trials
	$(BIN)/python -m tests.faults --seed $(or $(SEED),1) $(if $(SHORT),--short,--write) $(addprefix --row ,$(ROWS))

.PHONY: clean
clean: ## remove what was installed, and the data of `make run`
	rm -rf $(VENV) .bulkdl frontend/node_modules examples/react/node_modules examples/react/dist

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The pip that a system brings may be years old, and takes three times as long to find what goes together.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Bulkdl needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --upgrade-deps $(VENV)

$(VENV)/runtime.stamp: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --editable .
	@touch $@

# It brings all of requirements.txt as well.
$(VENV)/dev.stamp: requirements-dev.txt requirements.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps --editable .
	@touch $(VENV)/runtime.stamp $@

frontend/node_modules/stamp: frontend/package-lock.json $(VENV)/dev.stamp
	$(NPM_CI) --prefix frontend
	@touch $@

# The example that tests look at, built against the client's generated types.
examples/react/dist/stamp: frontend/node_modules/stamp $(shell find examples/react/src bulkdl/static -name types -prune -o -type f -print)
	npm run types --silent --prefix frontend
	$(NPM_CI) --prefix examples/react
	npm run build --silent --prefix examples/react
	@touch $@
