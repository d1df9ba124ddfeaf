# `make` alone lists what there is. Everything runs inside VENV, which the first target that needs it makes.

VENV = .venv
# Which Python makes VENV: `make test PYTHON=python3.13`. Left empty, the first one that is new enough.
PYTHON =
CANDIDATES = $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)

# The user's own pip settings must not send the packages elsewhere.
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Further arguments for pip; `lowest` sets it.
PIP_ARGS =
INSTALL = $(VENV)/bin/python -m pip install -qq $(PIP_ARGS) -e

.PHONY: help demo test examples lint sweep peers lowest bench clean

help:
	@echo "make demo      set up, then train a network on handwritten digits"
	@echo "make test      set up, then run the test suite"
	@echo "make examples  set up, then run the programs of examples/"
	@echo "make lint      check the style (ruff) and the types (mypy)"
	@echo "make sweep     the test suite with its slow tests and three times the random examples, fresh ones (about an hour)"
	@echo "make peers     every operation against autograd and JAX (downloads JAX and PyTorch; a quarter of an hour)"
	@echo "make lowest    the test suite on the oldest versions that pyproject.toml admits (Python 3.11 or 3.12)"
	@echo "make bench     set up, then measure against other libraries into build/benchmarks (downloads PyTorch and JAX)"
	@echo "make clean     remove what the above made"

demo: $(VENV)/.ready
	$(VENV)/bin/chainrule train digits

# A process for every core, each with BLAS at one thread, and all with one folder of machine code (tests/conftest.py).
test: $(VENV)/.ready-dev
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 8

examples: $(VENV)/.ready
	@for program in examples/*.py; do echo "$$program"; $(VENV)/bin/python $$program || exit 1; done

lint: $(VENV)/.ready-dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

sweep: $(VENV)/.ready-dev
	$(VENV)/bin/python -m pytest -n auto -m "" --hypothesis-profile=sweep

peers: $(VENV)/.ready-bench
	$(VENV)/bin/python -m pytest -n auto -m "" tests/sweep tests/library/test_against_others.py

# Turns every "name>=version" of pyproject.toml into a line name==version.
lowest:
	@mkdir -p .venv-lowest
	@grep -o '"[a-z][a-z-]*>=[0-9.]*"' pyproject.toml | tr -d '"' | sed 's/>=/==/' > .venv-lowest/constraints.txt
	$(MAKE) test VENV=.venv-lowest PIP_ARGS="-c .venv-lowest/constraints.txt"

# With MNIST=folder, which holds the four files of MNIST, also the seconds to 98 % of its test digits.
bench: $(VENV)/.ready-bench
	$(VENV)/bin/python -m benchmarks --out build/benchmarks $(if $(MNIST),--mnist $(MNIST))

clean:
	rm -rf .venv .venv-lowest build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@for python in $(CANDIDATES); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "chainrule needs Python 3.11 or later, and none of these is one: $(CANDIDATES). Name yours: make demo PYTHON=/path/to/python" >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$($$found --version)."; \
	$$found -m venv $(VENV) >/dev/null 2>&1 || $$found -m virtualenv -q $(VENV) >/dev/null 2>&1 \
	    || { [ -x "$$(command -v virtualenv)" ] && virtualenv -q -p $$found $(VENV); } \
	    || { rm -rf $(VENV); \
	         echo "$$found cannot make a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }

$(VENV)/.ready: pyproject.toml $(VENV)/bin/python
	@echo "Installing chainrule and what it needs (a minute or so, the first time)."
	@$(INSTALL) .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml $(VENV)/bin/python
	@echo "Installing chainrule and what its tests need (a minute or so, the first time)."
	@$(INSTALL) ".[dev,plot]"
	@touch $@ $(VENV)/.ready

$(VENV)/.ready-bench: pyproject.toml $(VENV)/bin/python
	@echo "Installing chainrule and the libraries to compare with (some minutes, the first time)."
	@$(INSTALL) ".[dev,bench]"
	@touch $@
