# make demo   a whole Airflow with teams, an identity provider and people to sign in as
# make test   everything that keeps it right
# make bench  what it costs

PYTHON ?= python3

.PHONY: demo
demo:
	@$(PYTHON) examples/demo/demo.py
