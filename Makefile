# Two commands: `make demo` and `make test`. They need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := var/demo
DEMO_DATE := 2026-10-31

# Nothing is sent or fetched at run time.
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__CORE__LOAD_EXAMPLES := False
export DO_NOT_TRACK := 1
export PYTHONHASHSEED := 0
unexport PYTHONDONTWRITEBYTECODE

AIRFLOW_HOME ?= $(CURDIR)/$(DEMO)/airflow
export AIRFLOW_HOME

.PHONY: demo test test-quick lint airflow lock clean

demo: $(VENV)/.ready  ## a sample month of an invented bureau, through Airflow, to the warning list
	@rm -rf $(DEMO)
	@$(BIN)/monitor --home $(DEMO) init
	@$(BIN)/monitor generate --people 3000 --seed 1 --date $(DEMO_DATE) $(DEMO)
	@echo "Airflow: DAG nightly, $(DEMO_DATE)"
	@mkdir -p $(AIRFLOW_HOME)
	@MONITOR_HOME=$(CURDIR)/$(DEMO) MONITOR_DATE=$(DEMO_DATE) $(BIN)/python dags/nightly.py > $(DEMO)/airflow.log 2>&1 \
		|| { tail -40 $(DEMO)/airflow.log; exit 1; }
	@$(BIN)/monitor --home $(DEMO) status --date $(DEMO_DATE)

test: $(VENV)/.ready lint  ## the quality gate and the whole suite
	$(BIN)/python -m pytest

test-quick: $(VENV)/.ready  ## what can be known in two minutes
	$(BIN)/python -m pytest -m "not slow"

lint: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

airflow: $(VENV)/.ready  ## the Airflow UI on this machine alone, on $$MONITOR_HOME
	$(BIN)/airflow db migrate
	$(BIN)/airflow pools set warehouse_writer 1 "DuckDB has one writing process"
	AIRFLOW__CORE__DAGS_FOLDER=$(CURDIR)/dags AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__CORE__PARALLELISM=4 \
		AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=30 $(BIN)/airflow standalone

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) from requirements.lock (a minute or two, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## after a change of dependencies; needs uv
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) var/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
