# Every entry point. `make` or `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := $(wildcard libs/* services/* devtools/*)
IMAGES := oauth-gateway webhook-ingest sync-orchestrator shopify-fetcher record-writer notifier shopctl
# An activated environment would be preferred to ours.
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
EXPORT := $(BIN)/uv export --quiet --all-packages --no-emit-workspace --no-header
MYPY := --config-file ../../pyproject.toml --no-error-summary
# uvicorn picks up httptools and uvloop where they are, FastAPI python-multipart, and psycopg brings SQLAlchemy's driver.
DEPTRY := --per-rule-ignores "DEP002=httptools|uvloop|uvicorn|python-multipart|psycopg"
ARGS ?=

.PHONY: help setup check sentinel format test soak demo up down status logs bench bench-ingest bench-writer bench-sync bench-peers \
  generate lock clean

help: ## List the entry points
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.ready ## Make .venv with everything the project needs

.venv/.ready: requirements/dev.txt $(wildcard $(MEMBERS:=/pyproject.toml))
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --no-deps $(MEMBERS:%=-e %)
	touch $@

check: setup ## Format, lint, types, import contracts, undeclared dependencies, drift of generated files
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	@set -e; for member in $(MEMBERS); do (cd $$member && ../../$(BIN)/mypy $(MYPY) src tests); done
	$(BIN)/mypy tests benchmarks conftest.py
	$(BIN)/lint-imports --no-cache --no-logo
	@set -e; for member in $(MEMBERS); do (cd $$member && ../../$(BIN)/deptry $(DEPTRY) src); done
	$(BIN)/python -m sync_common.contracts.schemas --check
	$(BIN)/python -m local_stack.docs --check

sentinel: setup ## Our GraphQL against Shopify's own schemas; ARGS=--latest takes the newest published. Needs npm
	$(BIN)/python -m local_stack.sentinel $(ARGS)

format: setup ## Format the code and sort the imports
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

test: setup ## Every test at small sizes, on real PostgreSQL and Kafka
	$(BIN)/python -m local_stack with-servers $(BIN)/pytest -n 2 libs services devtools $(ARGS)
	$(BIN)/pytest -n 2 --dist loadfile tests $(ARGS)

soak: setup ## The large sizes, the long chaos, and Shopify's own clients against the simulator; takes long
	$(BIN)/python -m local_stack with-servers $(BIN)/pytest -m soak $(ARGS)

demo: setup ## Connect a made-up store and watch it being mirrored; ARGS=--once stops at the end
	@$(BIN)/python -m local_stack demo $(ARGS)

up: setup ## Start the whole platform on this machine
	@$(BIN)/python -m local_stack up

down: setup ## Stop it
	@$(BIN)/python -m local_stack down

status: setup ## Say what runs
	@$(BIN)/python -m local_stack status

logs: setup ## Follow the logs; ARGS="record-writer" for some
	@$(BIN)/python -m local_stack logs $(ARGS)

bench: setup ## Measure; prints ratios to a limit measured in the same run
	$(BIN)/python -m benchmarks $(ARGS)

bench-ingest: setup ## Measure webhook-ingest: 64 connections, signed bodies, against a bare app that does as little as it may
	$(BIN)/python -m benchmarks ingest $(ARGS)

bench-writer: setup ## Measure the record-writer against PostgreSQL itself; ARGS="--rows 100000,1000000" for table sizes
	$(BIN)/python -m benchmarks writer lanes $(ARGS)

bench-sync: setup ## Measure first syncs of 10,000 and 100,000 customers or orders; ARGS="--records 10000" for sizes
	$(BIN)/python -m benchmarks sync $(ARGS)

bench-peers: setup .local/peers/.ready ## Measure first syncs beside dlt, which it installs apart; ARGS as for bench-sync
	$(BIN)/python -m benchmarks peers $(ARGS)

.local/peers/.ready: requirements/peers.txt | setup
	$(PYTHON) -m venv .local/peers
	$(BIN)/uv pip install --quiet --python .local/peers/bin/python --require-hashes -r $<
	touch $@

generate: setup ## Write the generated files anew: JSON Schemas and the tables in docs/
	$(BIN)/python -m sync_common.contracts.schemas
	$(BIN)/python -m local_stack.docs

lock: ## Pin the dependencies anew, with hashes: one file for development, one per image
	$(BIN)/uv lock --quiet --upgrade
	$(EXPORT) > requirements/dev.txt
	@set -e; for image in $(IMAGES); do \
	  $(BIN)/uv export --quiet --package $$image --no-emit-workspace --no-header --no-dev > requirements/$$image.txt; done
	echo "dlt[postgres]" | $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate \
	  --universal --python-version 3.11 --output-file requirements/peers.txt -

clean: down ## Remove what the local stack has written
	rm -rf .local/run
