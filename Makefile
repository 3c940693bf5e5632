# Each target does its own set-up: a fresh machine needs Python >= 3.11 and make, nothing else.
#
#   make verify                       run every experiment, draw the figures, write the ledger
#   make verify SMOKE=1               the same in small; touches nothing under figures/
#   make verify JOBS=4                with four processes (the default is 2)
#   make verify ONLY="par_eq23_prox"  only the experiments named
#   make test                         lint, layers, all tests, doctests; JOBS=4 as above
#   make lint                         lint alone
#   make faults                       kill, damage, fork, interrupt; ONLY="kills" TRIES=20 for less; SEED=0
#   make bench                        speed and memory against peers: benchmarks/README.md
#   make bench QUICK=1                the same in small; leaves benchmarks/ as it is
#   make fuzz                         random problems, judged in rational numbers: SECONDS=60 SEED=0 JOBS=2
#   make fuzz PROBLEMS=10000          so many problems in place of seconds; JSON=FILE writes the counts

PYTHON ?= python3
JOBS ?= 2
SMOKE ?=
ONLY ?=
QUICK ?=
SECONDS ?= 60
PROBLEMS ?=
SEED ?= 0
JSON ?=
TRIES ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: verify test lint bench fuzz faults
.DEFAULT_GOAL := test

# Processes share the cores, so each of them computes on one thread; one thread also keeps the
# order of floating-point sums, hence the evidence, the same from run to run.
verify test fuzz: export OPENBLAS_NUM_THREADS = 1
verify test fuzz: export MKL_NUM_THREADS = 1
verify test fuzz: export OMP_NUM_THREADS = 1
verify: $(READY)
	$(BIN)/python -m experiments $(ONLY) --jobs $(JOBS) $(if $(filter-out 0,$(SMOKE)),--smoke)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(if $(PROBLEMS),--problems $(PROBLEMS),--seconds $(SECONDS)) --seed $(SEED) \
	  --jobs $(JOBS) $(if $(JSON),--json $(JSON))

# Peers are installed only here; they run on one thread like everything that is timed.
bench: $(VENV)/bench-ready
	$(BIN)/python -m benchmarks $(if $(filter-out 0,$(QUICK)),--quick)

$(VENV)/bench-ready: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  --no-build-isolation --editable '.[test,bench]'
	@touch $@

faults: $(READY)
	$(BIN)/python -m tests.faults $(ONLY) $(if $(TRIES),--tries $(TRIES)) --seed $(SEED)

test: lint
	$(BIN)/python -m pytest -q tests/test_layers.py
	$(BIN)/python -m pytest -q --numprocesses $(JOBS) --dist loadfile
	$(BIN)/python -m pytest -q --doctest-modules parlin

lint: $(READY)
	$(BIN)/ruff check .

# The build tools come first and the build is not isolated, so that they are pinned as well. Without a C
# compiler the compiled kernels are left out and parlin says so: parlin.compiled is False.
$(READY): pyproject.toml setup.py constraints.txt $(wildcard $(foreach kind,pyx pxd,parlin/_kernels/*.$(kind) parlin/_kernels/*/*.$(kind)))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "parlin needs Python 3.11 or later, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1);" \
	       "name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "'$(PYTHON)' cannot make virtual environments; install its venv package" \
	       "(on Debian and Ubuntu: python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools cython numpy scipy
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  --no-build-isolation --editable '.[test]'
	@touch $@
