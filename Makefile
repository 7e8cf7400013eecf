# Two commands for a fresh machine with Python 3.11 and make:
#   make paper    the example paper: environment, install, experiments, PDF and HTML
#   make test     the tests
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip --disable-pip-version-check --quiet install -c constraints.txt
export PIP_NO_INPUT := 1

.PHONY: paper watch docs test test-machines test-arm64 test-nfs test-all histories check lint bench bench-live soak clean help

paper: $(VENV)/.ready ## render example-paper/ to PDF and HTML
	$(PY) -m paperbuild -C example-paper render

watch: $(VENV)/.ready ## render example-paper/ again on every change
	$(PY) -m paperbuild -C example-paper watch

docs: $(VENV)/.ready-docs ## the site of docs/, into _site/; a broken link fails
	$(VENV)/bin/zensical build --strict --clean

test: $(VENV)/.ready-dev ## the tests that belong to every change
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-machines: $(VENV)/.ready-dev ## the long tests of Slurm, Dask and shared stores
	$(PY) -m pytest -n 2 --dist loadfile -m slow tests/clusters tests/sharing

test-all: $(VENV)/.ready-dev ## every test, the long ones too
	HYPOTHESIS_PROFILE=search $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-arm64: $(VENV)/.ready-dev ## what watches commands, on an emulated arm64: as root, with programs that it names; minutes
	$(PY) tests/machines/guest.py

test-nfs: $(VENV)/.ready-dev ## a project on NFS that two machines use, in the same virtual machine
	$(PY) tests/machines/guest.py python -m pytest -q -p no:cacheprovider tests/machines/file_server.py

lint: $(VENV)/.ready-dev ## style, types, and which module may import which
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/python -c "from importlinter.cli import lint_imports_command as lint; lint()"

histories: $(VENV)/.ready-dev ## 10,000 random histories of builds, twice: hours
	HYPOTHESIS_PROFILE=nightly $(PY) -m pytest -n 2 --dist loadfile tests/engine/test_histories.py tests/integration/test_histories_on_disk.py

check: lint test ## what CI runs

bench: $(VENV)/.ready-dev $(VENV)-peers/.ready ## figures: medians and ratios, side by side with peers
	PEERS=$(VENV)-peers/bin $(PY) benchmarks/run.py

bench-live: $(VENV)/.ready-dev ## from the save to the changed pixels, in Chromium
	$(PY) benchmarks/live.py

soak: $(VENV)/.ready-dev ## 1,000 random edits of a paper that is watched: some minutes
	$(PY) benchmarks/soak.py

clean: ## take away what was built here; the virtual environment stays
	-[ -x $(PY) ] && $(PY) -m paperbuild -C example-paper clean
	rm -rf _site .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "paperbuild needs Python 3.11 or newer; name one with  make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.ready-docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) zensical
	@touch $@

$(VENV)-peers/.ready: benchmarks/peers.txt
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install -q -r benchmarks/peers.txt
	@touch $@

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16
