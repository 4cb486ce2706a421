# make demo   a whole Airflow with teams, an identity provider, and people to sign in as
# make test   everything that keeps it right, on SQLite and PostgreSQL
# make bench  what it costs, in ratios measured in one run
# make sweep  every route with every id and filter, longer than in make test
# make fuzz   thousands of requests made up from Airflow's OpenAPI document
# make test-next   the app and the sweep on Airflow's newest pre-release
# make bench-leaks   which routes leak between teams, with other auth managers and with ours
# make lint   types and style alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-demo test-postgresql test-sqlite sweep fuzz test-next lint bench bench-leaks chromium
.DEFAULT_GOAL := test

demo:
	@$(PYTHON) examples/demo/demo.py

test: $(VENV)/ready chromium lint
	@echo "== First of two: SQLite and PostgreSQL, side by side"
	@$(MAKE) --no-print-directory -j2 test-sqlite test-postgresql
	@echo "== Second of two: the demo, in a browser"
	@$(MAKE) --no-print-directory test-demo

test-sqlite: $(VENV)/ready
	$(BIN)/python -m pytest tests/policy tests/app tests/login tests/store tests/sweep --ignore tests/store/test_migrations.py

# The migrations and coexistence with FAB are tested on both databases by themselves.
test-postgresql: $(VENV)/ready
	TEAM_RBAC_TEST_DB=postgresql $(BIN)/python -m pytest tests/app tests/store tests/coexist

# Its servers and the browser take both cores of a small machine.
test-demo: $(VENV)/ready chromium
	$(BIN)/python -m pytest tests/demo

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy auth_manager migrations ui_templates

sweep: $(VENV)/ready
	TEAM_RBAC_FULL_SWEEP=1 $(BIN)/python -m pytest tests/sweep

fuzz: $(VENV)/ready
	TEAM_RBAC_FUZZ=100 $(BIN)/python -m pytest tests/sweep/test_fuzz.py -s

# Airflow's newest pre-release: what is new there is in no table yet, and for superusers only.
test-next:
	$(PYTHON) -m venv $(VENV)-next
	$(VENV)-next/bin/pip install --quiet --disable-pip-version-check uv -c constraints.txt
	echo 'apache-airflow>=3.4.0b1' > $(VENV)-next/overrides.txt
	$(VENV)-next/bin/uv pip install --quiet --python $(VENV)-next/bin/python --prerelease allow \
	    --override $(VENV)-next/overrides.txt -e '.[dev]'
	$(VENV)-next/bin/python -m pytest tests/app tests/sweep

bench: $(VENV)/ready
	$(BIN)/python -m bench.bench
	$(BIN)/python -m bench.guard

bench-leaks: $(VENV)/ready
	$(BIN)/python -m bench.leaks

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
