# make demo   a whole Airflow with teams, an identity provider, and people to sign in as
# make test   everything that keeps it right, on SQLite and PostgreSQL
# make bench  what it costs, in ratios measured in one run
# make lint   types and style alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-unfinished lint bench chromium
.DEFAULT_GOAL := test

demo:
	@$(PYTHON) examples/demo/demo.py

test: $(VENV)/ready chromium lint
	@echo "== SQLite, real processes, a real identity provider and a browser"
	$(BIN)/python -m pytest tests/policy tests/app tests/store tests/demo
	@echo "== PostgreSQL"
	TEAM_RBAC_TEST_DB=postgresql $(BIN)/python -m pytest tests/app tests/store

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy auth_manager migrations ui_templates

# Not finished: an existing FAB deployment beside ours (coexist), every route with canaries (sweep).
test-unfinished: $(VENV)/ready
	$(BIN)/python -m pytest tests/coexist tests/sweep

bench: $(VENV)/ready
	$(BIN)/python -m bench.bench
	$(BIN)/python -m bench.guard

$(VENV)/ready: pyproject.toml constraints.txt
	@echo "== Installing into $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 test")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv -c constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[dev]' -c constraints.txt
	@touch $@

# The browser of the tests. Elsewhere than on Debian, install Chromium and have it on the PATH as chromium.
chromium:
	@command -v chromium >/dev/null || { echo "== Installing Chromium"; \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; }
