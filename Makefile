# Thin calls of the command line `customer-value`. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
RUN := $(BIN)/customer-value

# make report DATA=folder-or-url MAPPING=file.yml NAME=run-name AS_OF=2026-06-30 PARAMS="-p horizon=12"
WHERE = $(if $(DATA),--data '$(DATA)') $(if $(MAPPING),--mapping '$(MAPPING)') $(if $(NAME),--name '$(NAME)') $(if $(AS_OF),--as-of '$(AS_OF)')
REPORT = $(or $(NAME),$(if $(DATA),$(basename $(notdir $(patsubst %/,%,$(DATA)))),sample))

.PHONY: help setup sample check report serve lab test truth bench lint format clean lock docs

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /	/' | expand -t 10

setup: $(STAMP) ## make .venv with every package pinned

# A stamp file, not sibling prerequisites: with `make -j` those would run side by side.
$(STAMP): requirements.lock pyproject.toml tools/find-python
	@python=$$(sh tools/find-python) && echo "Setting up $(VENV) with $$python, once; this takes a minute or two" && $$python -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

sample: $(STAMP) ## make the simulated business in data/sample
	@$(RUN) sample $(NAME)

check: $(STAMP) ## check DATA (with MAPPING) against the contract, or draft a mapping
	@$(RUN) check $(WHERE)

report: $(STAMP) ## run and publish the report: DATA= MAPPING= NAME= AS_OF= PARAMS="-p name=value"
	@$(RUN) run $(WHERE) $(PARAMS)

serve: $(STAMP) ## serve the report NAME on this machine
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory reports/$(REPORT)/site $(or $(PORT),8000)

lab: $(STAMP) ## open the notebooks in JupyterLab
	@JUPYTER_PREFER_ENV_PATH=1 $(BIN)/jupyter lab --notebook-dir=notebooks

test: $(STAMP) ## run the tests
	@$(BIN)/python -m pytest -n auto $(TESTS)

truth: $(STAMP) ## draw the simulated worlds of docs/truth.md: ONLY=name,name WORLDS=0.1 STORE=yes
	@$(BIN)/python tests/truth/run.py $(if $(ONLY),--only '$(ONLY)') $(if $(WORLDS),--worlds '$(WORLDS)') $(if $(STORE),--store)

bench: $(STAMP) ## time this report against what else one would run
	@for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

lint: $(STAMP) ## check style and formatting
	@$(BIN)/ruff check lib tests tools benchmarks
	@$(BIN)/ruff format --check lib tests tools benchmarks

format: $(STAMP) ## mend style and formatting, strip notebook outputs, renew generated documents
	@$(BIN)/ruff check --fix lib tests tools benchmarks
	@$(BIN)/ruff format lib tests tools benchmarks
	@$(BIN)/python tools/derive.py

docs: $(STAMP) ## renew what is generated: data/README.md, environment.yml, docs/adoption-traps.md
	@$(BIN)/python tools/derive.py

clean: ## remove reports, samples and caches (the environment stays)
	@rm -rf reports/.work reports/*/ data/sample data/sample-300 .pytest_cache .ruff_cache .hypothesis

lock: $(STAMP) ## pin every version anew, for Python 3.11 to 3.14
	@sh tools/lock $(BIN)/python
