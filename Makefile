# Affectscope. `make` alone lists what there is to make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
TRAIN := .venv-training
DATA ?= ../shared/data
PIP := -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes

.PHONY: help run test lint test-live bench bench-gate console definitions train-face train-text train-voice requirements schema picture screenshot clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.runtime ## Install what is missing, start all services, stop them on Ctrl-C
	@deploy/build-console || echo "Starting all the same; the address of the console says how to build it." >&2
	@exec $(BIN)/affectscope up

test: $(VENV)/.dev ## Run the tests that need Python alone, with coverage
	@$(BIN)/python -m pytest --ignore=tests/live --numprocesses=auto --dist=loadfile --no-loadscope-reorder --cov --cov-report=term-missing:skip-covered

lint: $(VENV)/.dev ## Check style, types and the floors of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test-live: $(VENV)/.dev ## Run the whole system as processes and test it from outside
	@deploy/build-console --check
	@$(BIN)/python -m pytest tests/live

bench: $(VENV)/.dev ## Measure every service, and the cost of the telemetry against named peers
	@$(BIN)/python -m benchmarks --check

bench-gate: $(VENV)/.dev ## Compare the speed of this commit with that of the one before
	@$(BIN)/python -m benchmarks.gate

console: $(VENV)/.runtime ## Build the pages of the console where their sources changed
	@deploy/build-console

definitions: $(VENV)/.dev ## Write rules, dashboards and docs/metrics.md from the one definition file
	@$(BIN)/python -m affectscope.observatory.generate

train-face: $(TRAIN)/.ready ## Train the face model again (DATA=folder with the data sets)
	@PYTHONPATH=src:. $(TRAIN)/bin/python -m training.face --data $(DATA)

train-text: $(TRAIN)/.ready ## Train the text model again
	@PYTHONPATH=src:. $(TRAIN)/bin/python -m training.text --data $(DATA)

train-voice: $(TRAIN)/.ready ## Train the voice model again
	@PYTHONPATH=src:. $(TRAIN)/bin/python -m training.voice --data $(DATA)

requirements: ## Resolve pyproject.toml into the hashed requirement files (needs uv)
	@requirements/compile

schema: $(VENV)/.runtime ## Write the published JSON schema of a session
	@$(BIN)/python -c 'import json; from affectscope.affect import Session; print(json.dumps(Session.model_json_schema(), indent=1))' > src/affectscope/affect/session.schema.json

picture: $(VENV)/.runtime ## Draw the picture of the README
	@$(BIN)/affectscope analyze --sample --picture docs/images/analyze-sample.svg

screenshot: $(VENV)/.dev ## Take the picture of the console while `make run` runs (five minutes)
	@$(BIN)/python docs/images/take_console.py

clean: ## Remove what the other targets made, the environments included
	@rm -rf $(VENV) $(TRAIN) .venv-node src/affectscope/console/dist src/affectscope/console/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

# The stamps say which requirement files an environment holds; a changed file installs again.

$(VENV)/bin/python:
	@deploy/make-environment $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@if [ ! -e $(VENV)/.dev ] || [ requirements/runtime.txt -nt $(VENV)/.dev ]; then \
	  echo "installing what Affectscope needs (once, about a minute)" >&2; \
	  $(BIN)/python $(PIP) -r requirements/runtime.txt; fi
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what the tests need (once, about a minute)" >&2
	@$(BIN)/python $(PIP) -r requirements/dev.txt
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime

$(TRAIN)/.ready: training/requirements.txt
	@deploy/make-environment $(TRAIN)
	@$(TRAIN)/bin/python -m pip --disable-pip-version-check --quiet install -r training/requirements.txt
	@touch $@
