# Everything that one does with FirstCard. Needs git, make and Python 3.11 or later; the rest installs itself.
PYTHON ?= python3
VENV := .venv/bin
STUDENTS ?= 2000
STAFF ?= 150
PROGRAMME ?= jacksonville
SEED ?= 1
JSON ?=
TESTS ?= tests

.PHONY: help setup demo up test check synth prove layers bench clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install everything (then .venv/bin/firstcard --help works)
	@$(PYTHON) local/install.py

demo: setup ## the whole way of a synthetic district on this machine: STUDENTS= STAFF= PROGRAMME= SEED= JSON=FILE
	@$(VENV)/python -m local.demo --students $(STUDENTS) --staff $(STAFF) --programme $(PROGRAMME) --seed $(SEED) $(if $(JSON),--json $(JSON))

up: setup ## keep the one-machine cloud running until Ctrl-C: PROGRAMME=
	@$(VENV)/python -m local.up --programme $(PROGRAMME)

test: setup ## all tests, on all cores (TESTS= for some of them)
	@$(VENV)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder $(TESTS)

check: setup ## lint, types and import rules
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/firstcard agreement check .

layers: setup ## build the layers for AWS (Python 3.13, arm64)
	$(VENV)/python -m local.layers --target aws

synth: layers ## synthesise the templates for AWS into cdk.out
	PATH="$(CURDIR)/$(VENV):$$PATH" $(VENV)/node .build/node/node_modules/aws-cdk/bin/cdk synth --quiet -c layers=.build/layers-aws

prove: synth ## prove that what would be deployed allows what the agreements say, and nothing else
	$(VENV)/firstcard agreement prove . --templates cdk.out

bench: setup ## measurements, each with the machine that it ran on
	@for one in bench/*.py; do $(VENV)/python $$one || exit 1; done

clean: ## remove what was built here, not what was installed
	rm -rf .build/site-layer .local cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
