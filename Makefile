# One page of what a person does here. Everything a target needs, it installs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := 0.13.9
WAREHOUSE ?= negawatt-data/demo
SHARE  ?= 0.02
READY  := $(VENV)/.ready
BOTH   := --numprocesses 2 --dist loadfile
DUCKDB2 := $(VENV)/duckdb2
OPENADR2 := $(VENV)/openadr2
PANGO  := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0

# Modules that were compiled once make every later start faster.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check pango mosquitto postgresql format lint types contracts bench soak dev lock clean

help: ## Show what can be done
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment from the hash-pinned lock

$(READY): requirements.lock pyproject.toml Makefile
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; install Python 3.11 or newer with venv" >&2; exit 3; }
	@echo "setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	@touch $@

demo: setup ## Simulate, collect, settle one event and write its report
	@# The second core compiles Dagster's modules while the hall is simulated: seconds on a first run.
	@$(BIN)/python -c 'import negawatt.pipelines.run' & $(BIN)/negawatt demo

test: setup ## Run the tests that need nothing but this checkout
	@$(BIN)/python -m pytest $(BOTH) -m "not slow and not shared and not gpu"

check: setup pango mosquitto postgresql format lint types contracts ## Everything CI runs
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --target $(DUCKDB2) -r requirements-duckdb2.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --target $(OPENADR2) -r requirements-openadr2.lock
	@$(BIN)/python -m pytest $(BOTH) -m "not gpu" --durations=10
	@PYTHONPATH=$(DUCKDB2) $(BIN)/python -m pytest -p no:cacheprovider tests/warehouse

pango: setup ## Install the library that PDF needs, where it is missing (Debian, as root)
	@$(BIN)/python -c 'import ctypes.util as c, sys; sys.exit(not all(map(c.find_library, ("pango-1.0", "pangoft2-1.0", "harfbuzz-subset"))))' \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
			&& apt-get install -y -qq --no-install-recommends $(PANGO) >/dev/null; } \
		|| echo "make: Pango not found, so tests of PDF reports are skipped; install $(PANGO)" >&2

mosquitto: setup ## Install the broker that tests of listeners start, where it is missing (Debian, as root)
	@PATH=$$PATH:/usr/sbin command -v mosquitto >/dev/null \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
			&& apt-get install -y -qq --no-install-recommends mosquitto >/dev/null; } \
		|| echo "make: mosquitto not found, so tests of listeners with a broker are skipped; install it" >&2

postgresql: setup ## Install the server that tests of Dagster's storage start, where it is missing (Debian, as root)
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq \
			&& apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } \
		|| echo "make: postgresql not found, so tests of Dagster with Postgres are skipped; install it" >&2

format: setup
	@$(BIN)/ruff format --check --diff .

lint: setup
	@$(BIN)/ruff check .

types: setup
	@$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports

bench: setup ## Measure ratios against references in one run
	@$(BIN)/python -m pytest benchmarks --ignore benchmarks/soak -p no:cacheprovider -s

soak: setup ## Run a share of the long runs (SHARE=1 for all of them: an hour)
	@NEGAWATT_SOAK_SHARE=$(SHARE) $(BIN)/python -m pytest benchmarks/soak -p no:cacheprovider -s

dev: setup ## Open the Dagster UI on a warehouse (WAREHOUSE=..., the demo's by default)
	@mkdir -p $(WAREHOUSE)/dagster
	@cd pipelines && DAGSTER_HOME=$(abspath $(WAREHOUSE))/dagster NEGAWATT_WAREHOUSE=$(abspath $(WAREHOUSE)) \
		DAGSTER_DISABLE_TELEMETRY=yes ../$(BIN)/dg dev

lock: ## Resolve the dependencies again and write the locks
	@echo 'duckdb>=2,<3' | $(BIN)/uv pip compile --quiet --universal --generate-hashes - --output-file requirements-duckdb2.lock
	@# Only what the lock of all else has not, or has another version of.
	@printf '%s\n' 'openleadr>=0.5.36,<0.6' 'apscheduler<4' 'signxml<5' tzlocal 'xmltodict==0.13.0' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-deps - --output-file requirements-openadr2.lock
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --extra dsx --extra gridstatus --extra notebook --extra pipelines --extra production --extra s3 --group dev pyproject.toml --output-file requirements.lock

clean: ## Remove what the targets above made, but not your data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
