# The commands that people and CI run. Each sets up .venv for itself and changes nothing outside this checkout.
PYTHON ?= python3
BIN := .venv/bin
# uv and pip keep what they download below .venv, so that removing the checkout removes everything.
export UV_CACHE_DIR := $(CURDIR)/.venv/cache
export PIP_CACHE_DIR := $(CURDIR)/.venv/cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
# An organisation's own certificate authority is in the system's store, if there is one.
export UV_SYSTEM_CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),1,0)
# Without compiled modules on disk, each of the many processes of the tests and the demo would compile them again.
unexport PYTHONDONTWRITEBYTECODE
# The programs that the tests and the demo start keep their temporary files and caches below build/.
export TMPDIR := $(CURDIR)/build/tmp
export XDG_CACHE_HOME := $(CURDIR)/build/cache
export MPLCONFIGDIR := $(CURDIR)/build/cache/matplotlib
$(shell mkdir -p $(TMPDIR))
# The locked version from the start: it cannot read the cache that another version fills.
LOCKED_UV = $(shell sed -n '/^name = "uv"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' uv.lock)
SYNC = $(BIN)/uv sync --frozen --inexact --quiet
OLDEST := .venv/oldest
PROJECTS := pyproject.toml packages/sandbox/pyproject.toml
RESULTS := .venv/results
REALITY := .venv/reality
NODE := .venv/node
UV_OLDEST = $(BIN)/uv pip install --quiet --python $(OLDEST)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-oldest test-results test-reality lint bench mutants docs picture clean

help:  ## Show these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: .venv/demo.stamp  ## Run the whole daily job in the sandbox (about a minute, no account needed)
	@$(BIN)/cmlkit demo $(DEMO)

test: .venv/test.stamp  ## Run the test suite in parallel
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" --ignore tests/slow --ignore tests/results --ignore tests/reality $(TEST)

test-slow: .venv/slow.stamp  ## Run the tests that take minutes: boots under real systemd, fault sweeps, several days of the demo
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m slow tests/slow tests/e2e tests/integration tests/cml $(TEST)

test-oldest: .venv/oldest.stamp  ## Run the tests with the oldest dependencies that pyproject.toml allows
	@$(OLDEST)/bin/python -m pytest -q -n auto --dist worksteal -m "not slow" tests/unit tests/contract tests/integration $(TEST)

test-results: .venv/results.stamp  ## Train, publish and load models of XGBoost, LightGBM, CatBoost, ONNX, PyTorch, Keras and others
	@$(RESULTS)/bin/python -m pytest -q -n auto --dist worksteal tests/results $(TEST)

test-reality: .venv/reality.stamp  ## Test against what others wrote: npm's emulate, ministack, iam-simulate, git-lfs, PyGithub, Octokit, GitHub's schema
	@$(BIN)/python -m pytest -q -n auto --dist worksteal tests/reality $(TEST)

lint: .venv/test.stamp  ## Check style, types, import directions, shell and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck $(shell find cmlkit -name '*.sh') action/*.sh .ci/run tests/reality/*.sh $(shell grep -l '^#!/bin/.*sh' packages/sandbox/cmlkit_sandbox/shims/*)
	$(BIN)/actionlint -color $(wildcard .github/workflows/*.yml workflows/*.yml)
	$(BIN)/zizmor --offline --no-progress --persona pedantic action.yml workflows/*.yml .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.yml workflows/*.yml)
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

bench: .venv/test.stamp  ## Measure against the floor, into build/bench.json and a page; BENCH=commands for that part only
	@$(BIN)/python -m benchmarks $(BENCH)

mutants: .venv/mutants.stamp  ## Change the code that decides about money and branches, and score the tests that notice
	@$(BIN)/mutmut run $(MUTANTS)
	@$(BIN)/python -m scripts.mutation_score

docs: .venv/docs.stamp  ## Build the documentation as a site in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

picture: .venv/test.stamp  ## Make the picture of the README anew, from two days of the demo; needs Chromium
	@$(BIN)/python -m scripts.render_picture

clean:  ## Remove everything that these commands created
	rm -rf .venv build dist mutants .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/demo.stamp: uv.lock $(PROJECTS) | .venv/bin/uv
	@echo "Setting up .venv for the demo"
	@$(SYNC) --extra demo && touch $@

.venv/test.stamp: uv.lock $(PROJECTS) | .venv/bin/uv
	@echo "Setting up .venv for the tests"
	@$(SYNC) --extra test && touch $@

.venv/slow.stamp: uv.lock $(PROJECTS) | .venv/test.stamp
	@echo "Setting up .venv for the slow tests, with DVC and the documentation"
	@$(SYNC) --extra test --extra dvc --extra docs && touch $@

.venv/mutants.stamp: uv.lock $(PROJECTS) | .venv/test.stamp
	@echo "Setting up .venv for the mutants"
	@$(SYNC) --extra mutants && touch $@

# The oldest dependencies of cmlkit itself, and any test tools that are compatible with them.
.venv/oldest.stamp: $(PROJECTS) | .venv/bin/uv
	@echo "Setting up .venv/oldest for the tests with the oldest dependencies"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OLDEST)
	@$(UV_OLDEST) --resolution lowest-direct --editable '.[train,app,skops,parquet]'
	@$(BIN)/uv pip freeze --quiet --python $(OLDEST) --exclude-editable >$(OLDEST)/oldest.txt
	@$(UV_OLDEST) --constraint $(OLDEST)/oldest.txt --editable '.[test]' --editable packages/sandbox && touch $@

# pip takes PyTorch first: it also looks where its settings say that a build without CUDA lies, and uv does not.
.venv/results.stamp: tests/results/requirements.txt $(PROJECTS) | .venv/bin/uv
	@echo "Setting up .venv/results with the libraries whose models are tested"
	@$(BIN)/uv venv --quiet --clear --seed --python $(BIN)/python $(RESULTS)
	@$(RESULTS)/bin/python -m pip install --quiet "$$(grep '^torch==' tests/results/requirements.txt)"
	@$(BIN)/uv pip install --quiet --python $(RESULTS) --requirement tests/results/requirements.txt \
	  --editable '.[test]' --editable packages/sandbox && touch $@

# ministack pins other versions of what cmlkit uses, so these programs have an environment of their own; node and npm come with it.
.venv/reality.stamp: $(addprefix tests/reality/,requirements.txt package.json package-lock.json git-lfs.sh) | .venv/test.stamp
	@echo "Setting up .venv/reality and .venv/node with the programs that the tests of reality talk to"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(REALITY)
	@$(BIN)/uv pip install --quiet --python $(REALITY) --requirement tests/reality/requirements.txt
	@mkdir -p $(NODE) && cp tests/reality/package.json tests/reality/package-lock.json $(NODE)
	@PATH="$(CURDIR)/$(REALITY)/bin:$$PATH" npm_config_cache="$(CURDIR)/.venv/cache/npm" \
	  npm ci --prefix $(NODE) --ignore-scripts --no-audit --no-fund --loglevel error
	@tests/reality/git-lfs.sh $(REALITY)/bin && touch $@

.venv/docs.stamp: uv.lock pyproject.toml | .venv/bin/uv
	@echo "Setting up .venv for the documentation"
	@$(SYNC) --extra docs && touch $@

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cmlkit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	@echo "Creating .venv with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Python's venv module is incomplete. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet "uv==$(LOCKED_UV)"
