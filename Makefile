# Every target makes its environment first; `make` alone prints this list.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-docker test-airbyte test-clients check histories mutants bench bench-peers bench-image soak docs lock \
	image push dist release-notes hooks clean

IMAGE ?= source-closeio:dev
VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
# An engine without a bridge has the host's network only.
NETWORK = $(shell docker network inspect bridge >/dev/null 2>&1 || echo --network host)

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready ## Read a synthetic organisation from the emulator: first sync, changes, second sync
	@$(BIN)/python -m examples.demo

test: .venv/ready ## Run all tests that need neither Docker nor Close
	@$(BIN)/python -m pytest -n auto

test-docker: .venv/ready image ## Run the tests of the image; they need a Docker engine
	@IMAGE=$(IMAGE) $(BIN)/python -m pytest -m docker

test-airbyte: .venv/ready ## Run `airbyte-cdk connector test`, in a folder of the name that it insists on
	@mkdir -p build/source-closeio
	@ln -sf $(addprefix ../../,acceptance-test-config.yml integration_tests metadata.yaml) build/source-closeio/
	@$(BIN)/airbyte-cdk connector test ./build/source-closeio

test-clients: .venv/ready ## Run against other people's programs, each in an environment of its own (kept)
	@$(BIN)/python -m pytest -rs -m clients

check: .venv/ready ## Format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

histories: .venv/ready ## Play random histories: `make histories N=2000 SEED=1`
	@$(BIN)/python -m unit_tests.histories --count $(or $(N),2000) --seed $(or $(SEED),1)
	@FOLLOWED=$$(( $(or $(N),2000) / 10 )) $(BIN)/python -m pytest -q unit_tests/test_followed.py

mutants: .venv/ready ## See that tests notice small changes of the code: `make mutants MODULE=pagination`
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[mutants]'
	@$(BIN)/python benchmarks/mutants.py $(MODULE)

bench: .venv/ready ## Measure speed, CPU and requests; writes benchmarks/results.md and singer.md
	@$(BIN)/python -m benchmarks.run
	@$(BIN)/python -m benchmarks.singer

bench-peers: .venv/ready ## Measure the other connectors, too: `make bench-peers LEADS=2000`; writes benchmarks/peers.md and .svg
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@$(BIN)/python -m benchmarks.peers --leads $(or $(LEADS),10000)
	@$(BIN)/python -m benchmarks.plot

bench-image: .venv/ready image ## Measure the image; writes benchmarks/image.md
	@IMAGE=$(IMAGE) $(BIN)/python benchmarks/image.py

soak: .venv/ready ## Two million records, and a reader that stops for five minutes; writes benchmarks/soak.md
	@$(BIN)/python benchmarks/soak.py

docs: .venv/ready ## Write the generated parts of README.md and docs/ anew
	@$(BIN)/python docs/generate.py

lock: .venv/ready ## Write requirements.txt, the locked dependencies of the image, anew
	@$(BIN)/uv pip compile --quiet --no-config --upgrade --generate-hashes --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --override requirements-left-out.txt \
		--custom-compile-command "make lock" --output-file requirements.txt pyproject.toml

image: ## Build the Docker image and run spec in it
	docker build $(NETWORK) --tag $(IMAGE) .
	docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --network none $(IMAGE) spec
	@docker image inspect --format '$(IMAGE): {{.Size}} bytes' $(IMAGE)

push: image ## Push the image and print its digest: `make push IMAGE=registry.example.com/source-closeio:0.1.0`
	docker push $(IMAGE)
	@docker image inspect --format '{{index .RepoDigests 0}}' $(IMAGE)

dist: .venv/ready ## Build the package into dist/: the source, and from it the wheel
	@rm -rf dist
	@$(BIN)/uv build --quiet --no-config --no-build-isolation --python $(BIN)/python

release-notes: ## Print the changelog of the version, if that is TAG and has a date: `make release-notes TAG=v0.1.0`
	@test "$(TAG)" = "v$(VERSION)" || \
		{ echo "The tag is \"$(TAG)\" and the version $(VERSION): set the version in pyproject.toml, or tag v$(VERSION)." >&2; exit 1; }
	@grep -Eqx '## $(VERSION) - [0-9]{4}-[0-9]{2}-[0-9]{2}' CHANGELOG.md || \
		{ echo "Give $(VERSION) its day in CHANGELOG.md: \"## $(VERSION) - YYYY-MM-DD\"." >&2; exit 1; }
	@awk '/^## / {ours = index($$0, "## $(VERSION) - ") == 1; next} ours' CHANGELOG.md

hooks: ## Let git run `make check` before each commit
	@hook=$$(git rev-parse --git-path hooks)/pre-commit; \
	if [ -e "$$hook" ]; then echo "There is a hook already: let $$hook call \`make check\`." >&2; exit 1; fi; \
	mkdir -p "$${hook%/*}" && printf '#!/bin/sh\nexec make check\n' > "$$hook" && chmod +x "$$hook"

clean: ## Remove the environment, caches and outputs
	rm -rf .tmp .venv build dist *.egg-info demo-output .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/ready: setup.py pyproject.toml
	@echo "making the environment in .venv (once; about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
