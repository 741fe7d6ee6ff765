# Every target makes its environment first; `make` alone prints this list.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## Read a synthetic organisation from the emulator: first sync, changes, second sync
	@$(BIN)/python -m source_closeio.demo

test: .venv/ready ## Run all tests that need neither Docker nor Close
	@$(BIN)/python -m pytest

check: .venv/ready ## Format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: .venv/ready ## Measure speed, CPU and requests; writes benchmarks/results.md
	@$(BIN)/python benchmarks/run.py

docs: .venv/ready ## Write the generated parts of README.md and docs/ anew
	@$(BIN)/python docs/generate.py

clean: ## Remove the environment, caches and outputs
	rm -rf .venv build dist *.egg-info demo-output .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: setup.py pyproject.toml
	@echo "making the environment in .venv (once; about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
