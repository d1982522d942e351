# Everything a person does here, one target each. Variables: PYTHON, VENV, ARGS, ONLY, STORE, DEMO.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
ONLY ?=
STORE ?= elasticsearch
DEMO ?=

BIN := $(VENV)/bin
COMPOSE = STORE=$(STORE) docker compose --profile $(STORE) $(if $(DEMO),--profile demo)
PACKAGES := $(patsubst %/py.typed,-p mlmon.%,$(wildcard */py.typed))

.DEFAULT_GOAL := help
.PHONY: help demo up down logs test check bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.installed-demo ## Run the flights demo and serve its page (ARGS=--once ends after the report)
	$(BIN)/mlmon demo $(ARGS)

up: ## Start the whole stack in Docker (STORE=opensearch; DEMO=1 sends a year of flights through it)
	$(if $(DEMO),$(if $(filter elasticsearch,$(STORE)),,$(error DEMO goes through Logstash, so it needs STORE=elasticsearch)))
	@$(PYTHON) deploy/stack.py --store $(STORE)
	$(COMPOSE) up --build --detach --remove-orphans $(ARGS)
	@$(PYTHON) deploy/stack.py --store $(STORE) --addresses

down: ## Stop the stack (ARGS=--volumes takes its data away, too)
	@$(PYTHON) deploy/stack.py --docker
	docker compose --profile '*' down --remove-orphans $(ARGS)

logs: ## Follow what the stack says (ARGS=collector shows one part)
	@$(PYTHON) deploy/stack.py --docker
	docker compose --profile '*' logs --follow --tail 100 $(ARGS)

test: $(VENV)/.installed-dev ## Run the tests (ARGS="tests/core -k query" runs some of them)
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed-dev .link/mlmon ## Check style, types and docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/mypy tests benchmarks deploy/*.py deploy/kubernetes/*.py
	$(BIN)/python -m pytest -q tests/docs

bench: $(VENV)/.installed-dev ## Measure against named peers (ONLY=name runs one; ARGS=--write-docs renews the page)
	$(BIN)/python benchmarks/run.py $(if $(ONLY),--only $(ONLY)) $(ARGS)

clean: ## Remove the environment, the caches and what was built
	rm -rf $(VENV) .link .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An extra is installed once, and again when pyproject.toml changes.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("mlmon needs Python 3.11 or later, and $(PYTHON) is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' || { echo 'this Python cannot make an environment; on Debian: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# mypy reads the folders as mlmon.X through this link.
.link/mlmon:
	@mkdir -p .link && ln -sfn .. $@
