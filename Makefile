# Everything a fresh machine needs: Python >= 3.11, make and a package index.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.locked
TOOLS  := $(VENV)/.test-tools
NODE   := tests/amazonpay/proof/node
# The tests start hundreds of processes: none of them should have to compile the program first.
COMPILED := $(BIN)/python -m compileall -q -j 0 amazonpay app billing plans scheduler tests/support

.PHONY: demo test fast nightly check setup bench pictures simulate clean

demo: setup  ## set everything up, play some months of renewals, then serve until Ctrl-C
	$(BIN)/autopay demo

test: setup $(TOOLS)  ## the whole suite: SQLite, a PostgreSQL started for it, a real browser
	$(COMPILED)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not nightly"

nightly: setup $(TOOLS)  ## long profiles: faults planted in the local Amazon Pay, many random examples
	$(COMPILED)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m nightly
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder tests/amazonpay/sandbox/test_state_machines.py tests/plans tests/billing/test_mass_sample.py

fast: setup  ## the quick half of the suite
	$(COMPILED)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m "not slow and not nightly"

check: setup  ## format, lint, types, import contracts, lock hosts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_lock_hosts.py

YEARS ?= 5000
simulate: setup  ## the real engine in a world of bad luck: make simulate YEARS=50000
	$(BIN)/python scripts/simulate.py run --years $(YEARS)

bench: setup  ## benchmarks, with a table of figures
	$(BIN)/python -m scripts.bench

pictures: setup $(TOOLS)  ## the pictures of the documents, taken from a demo that really runs
	$(BIN)/python -m scripts.pictures

setup: $(STAMP)  ## virtual environment with the locked dependencies

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "autopay needs Python 3.11 or newer; $(PYTHON) is older. Say which to use: make setup PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --locked --quiet --inexact --compile-bytecode --python $(BIN)/python
	@touch $(STAMP)

$(TOOLS): $(STAMP) scripts/test_tools.py $(NODE)/package-lock.json
	$(BIN)/python -m scripts.test_tools $(TOOLS)

clean:
	rm -rf $(VENV) $(NODE)/node_modules var .mypy_cache .ruff_cache .pytest_cache .hypothesis
