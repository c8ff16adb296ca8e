# One command sets everything up: `make demo`, `make test`. Needs python 3.11, 3.12 or 3.13, and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install demo test test-all lint wheel check clean

help:
	@echo "make demo      build the starter zoo (once, a few minutes) and recommend from it"
	@echo "make test      the tests, a few minutes on two cores"
	@echo "make test-all  the same and the slow ones"
	@echo "make lint      ruff, mypy --strict, import-linter"
	@echo "make wheel     build the wheel, install it in a clean environment, import it"
	@echo "make check     lint, test-all, wheel: what CI runs"

install: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "headhunt needs Python 3.11 to 3.13, this is %d.%d; name another: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(READY)

demo: install
	$(BIN)/headhunt demo

test: install
	$(BIN)/python -m pytest -m "not slow" -n auto --dist worksteal

test-all: install
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel: install
	rm -rf dist build/clean
	$(BIN)/python -m build --wheel --no-isolation --outdir dist
	$(PYTHON) -m venv build/clean
	build/clean/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt dist/*.whl
	cd build && clean/bin/python -I -c 'import headhunt, recommender, zoo.repository; print("imported headhunt", headhunt.__version__)'
	cd build && HEADHUNT_HOME=clean/home clean/bin/headhunt zoo list
	rm -rf build/clean

check: lint test-all wheel

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
