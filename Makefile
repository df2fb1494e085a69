# `make run` needs python3 (3.11 or newer, with venv), make and git; the first time also the network.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run stop test lint format bench shell

VENV := .venv
PYTHON := $(VENV)/bin/python
UV_VERSION := 0.13.8
READINESS_HOME ?= $(CURDIR)/var
PYTEST_ARGS ?=
BENCH_ARGS ?=
SYNC := UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv sync --frozen --inexact --quiet --compile-bytecode

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: PORT (8000), READINESS_HOME (./var), DETACH=1 (run in the background), PYTEST_ARGS, BENCH_ARGS"

run: $(VENV)/.run ## Run the console here; Ctrl-C ends it, DETACH=1 leaves it running
	@exec $(PYTHON) manage.py up $(if $(DETACH),--detach)

stop: ## End the console that runs from READINESS_HOME
	@exec $(PYTHON) -m readiness.supervisor stop "$(READINESS_HOME)"

shell: $(VENV)/.run ## Python with Django and the models loaded
	@exec $(PYTHON) manage.py shell

test: $(VENV)/.dev ## Run every test on SQLite and, beside it, what meets a database on PostgreSQL
	$(PYTHON) -m tests $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Style, types, the layers of the house, its patterns and intents, missing migrations
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) manage.py check --fail-level WARNING
	$(PYTHON) manage.py check_layers
	$(PYTHON) manage.py check_forbidden_patterns
	$(PYTHON) manage.py check_intent_consistency
	$(PYTHON) manage.py makemigrations --check --dry-run

format: $(VENV)/.dev ## Lay out the code as lint wants it
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

bench: $(VENV)/.dev ## Measure this console beside its peers (minutes)
	$(PYTHON) -m tests.bench $(BENCH_ARGS)

# --- the environment: made once, brought up to date when the lock file changes; no network when it is ---------------

# The first python3 of 3.11 or newer; quiet, so that the message below is the only one.
FIND_PYTHON = for candidate in python3 python3.13 python3.12 python3.11; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$candidate; break; fi; done

$(VENV)/.uv:
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "The console needs Python 3.11 or newer. Install it (Debian: apt install python3 python3-venv) and run make again." >&2; \
		exit 1; \
	fi; \
	"$$python" -m venv $(VENV) || { \
		rm -rf $(VENV); \
		echo "Python's venv module is missing. Install it (Debian: apt install python3-venv) and run make again." >&2; \
		exit 1; \
	}
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@touch $@

$(VENV)/.run: $(VENV)/.uv uv.lock pyproject.toml
	@echo "Installing the locked dependencies into $(VENV) …"
	@$(SYNC) --no-dev
	@touch $@

$(VENV)/.dev: $(VENV)/.uv uv.lock pyproject.toml
	@echo "Installing the locked dependencies, development ones included, into $(VENV) …"
	@$(SYNC)
	@touch $@ $(VENV)/.run
