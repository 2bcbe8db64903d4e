# Everything starts here. `make` alone says what there is.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
ARGS ?=
# Hundreds of processes start in a test run: each would compile all of the gateway anew, did it not keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Say what there is
	@echo "Renkei Gateway"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
	  | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'
	@echo
	@echo "The first of them sets up .venv; it needs Python 3.11 or later and a package index, nothing else."
	@echo "ARGS go through: make demo ARGS='--residents 200', make test ARGS='tests/unit -x'."

.PHONY: demo
demo: $(VENV)/ready ## Run the main job: one city's day against real processes, and what must fail
	@$(BIN)/gateway demo $(ARGS)

.PHONY: test
test: $(VENV)/ready ## Run the tests, files side by side on all cores
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

.PHONY: soak
soak: $(VENV)/ready ## Kill the gateway's processes a thousand times under load (ARGS="--kills 100 --seed 7")
	@$(BIN)/python -m tests.acceptance.crash.soak $(ARGS)

.PHONY: check check-format check-lint check-types check-imports
check: check-format check-lint check-types check-imports ## Check form, lint, types and who imports whom
check-format: $(VENV)/ready
	@$(BIN)/ruff format --check --quiet || { echo "Run: make format" >&2; exit 1; }
check-lint: $(VENV)/ready
	@$(BIN)/ruff check --quiet
check-types: $(VENV)/ready
	@$(BIN)/mypy --no-error-summary
check-imports: $(VENV)/ready
	@$(BIN)/lint-imports --no-logo

.PHONY: sizes
sizes: ## Name the modules that are longer than they should be
	@find gateway plugins bench -name '*.py' -exec wc -l {} + | awk '$$2 != "total" && $$1 > 250' | sort -rn

.PHONY: format
format: $(VENV)/ready ## Bring the code into form
	@$(BIN)/ruff format --quiet
	@$(BIN)/ruff check --fix --quiet

.PHONY: bench
bench: $(VENV)/ready ## Measure: messages, queries, files, searches, verifying
	@$(BIN)/python -m bench $(ARGS)

.PHONY: docs
docs: $(VENV)/ready ## Write the generated pages anew
	@$(BIN)/python -m docs.generate

.PHONY: site
site: $(VENV)/ready ## Build the documentation site in build/site, to be read from that folder or any web server
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean && echo build/site/index.html

.PHONY: venv
venv: $(VENV)/ready ## Set up .venv from the pinned, hashed requirements
	@:

.PHONY: clean
clean: ## Remove .venv and every cache
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- set-up: each stamp is written when its step has wholly succeeded ------------------------------------------------

$(BIN)/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [[ -z $${found-} ]]; then \
	  echo "No Python 3.11 or later is here: $$(python3 --version 2>/dev/null || echo 'there is no python3')." >&2; \
	  exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$($$found --version); once, about a minute." >&2; \
	$$found -m venv --clear $(VENV) \
	  || { rm -rf $(VENV); echo "$$found cannot make a venv (on Debian: apt install python3-venv)." >&2; exit 1; }

# The lock names everything: nothing is to be resolved, and `check` says at the end whether that is so.
$(VENV)/requirements: $(BIN)/python requirements/dev.txt
	@$(PIP) install --no-deps --require-hashes --requirement requirements/dev.txt
	@touch $@

$(VENV)/ready: $(VENV)/requirements pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@touch $@

# ---- the lock: all hashes of each release as the ordinary index has them, whatever else this machine is set up with --

COMPILE = env -u PIP_EXTRA_INDEX_URL -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" \
  $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-options

.PHONY: lock
lock: $(VENV)/ready ## Pin and hash the requirements anew (ARGS=--upgrade for later releases)
	@$(COMPILE) $(ARGS) --build-deps-for=editable --output-file=requirements/run.txt pyproject.toml
	@$(COMPILE) $(ARGS) --build-deps-for=editable --extra=dev --constraint=requirements/run.txt \
	  --output-file=requirements/dev.txt pyproject.toml
