# Two commands: `make demo` and `make test`. They need Python 3.11+ and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := var/demo
DEMO_DATE := 2026-10-31
COMPILE := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

# Nothing is sent or fetched at run time.
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__CORE__LOAD_EXAMPLES := False
export DO_NOT_TRACK := 1
export PYTHONHASHSEED := 0
unexport PYTHONDONTWRITEBYTECODE

export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags

.PHONY: demo test test-quick test-harness explore mutants bench-quick lint docs airflow lock sbom licences audit clean hooks

demo: export MONITOR_HOME := $(CURDIR)/$(DEMO)
demo: export MONITOR_DATE := $(DEMO_DATE)
demo: export MONITOR_REALLY := 1
demo: export AIRFLOW_HOME := $(CURDIR)/$(DEMO)/airflow
demo: export MONITOR_RETRY_SECONDS := 0
# As `make airflow` has it, which may show this home afterwards.
demo: export AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION := False
# Airflow sets these modes itself, whatever the umask: what the demo writes is for its owner alone, as doctor asks.
demo: export AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS := 0o700
demo: export AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS := 0o600
demo: $(VENV)/.ready  ## a sample month of an invented bureau, through Airflow, to the warning list
	@rm -rf $(DEMO)
	@$(BIN)/monitor --home $(DEMO) init
	@$(BIN)/monitor generate --people 3000 --seed 1 --date $(DEMO_DATE) $(DEMO)
	@echo "用 Airflow 运行 $(DEMO_DATE) 的夜间任务（日志在 $(DEMO)/airflow.log）："
	@umask 077; $(BIN)/airflow db migrate > $(DEMO)/airflow.log 2>&1 || { tail -40 $(DEMO)/airflow.log; exit 1; }
	@umask 077; $(BIN)/python dags/nightly.py >> $(DEMO)/airflow.log || { tail -40 $(DEMO)/airflow.log; exit 1; }
	@$(BIN)/monitor --home $(DEMO) status --date $(DEMO_DATE)
	@echo "都在 $(DEMO)/：退回各单位的 returns/，预警清单 lists/$(DEMO_DATE)/，给数据员的信 outbox/，预警库 warehouse.duckdb"
	@echo "加密的只有：原始文件 archive/、日志 journal.jsonl 的内容、运行记录库 ledger.db 里的文字；密钥就在旁边的 keys/。"
	@echo "没有加密的：accepted/、releases/（预警库）、returns/、lists/、outbox/、airflow/。演示用的都是虚构的人；放真实数据以前先运行 monitor doctor。"

test: $(VENV)/.ready lint  ## the quality gate and the whole suite
	@$(BIN)/python .ci/supply_chain.py audit || [ $$? -eq 3 ]  # 3: said, but a machine without a network is no fault of ours
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not harness"  # in the order of tests/conftest.py
	$(BIN)/python -m pytest -m harness -k "disturbed or readers" tests/test_fault_injection.py
	-@$(MAKE) --no-print-directory bench-quick  # it says what became dearer and fails nothing: machines are noisy

test-quick: $(VENV)/.ready  ## what can be known in two minutes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not slow"

test-harness: $(VENV)/.ready  ## that the harness of disturbed nights would notice what it looks for: minutes
	$(BIN)/python -m pytest -m harness tests/test_fault_injection.py

explore: $(VENV)/.ready  ## the properties of the tests on examples nobody saw before, twenty times as many: hours, once a week
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m hypothesis --hypothesis-profile=explore --timeout 0

mutants: $(VENV)/.ready  ## faults put into values, checks and sql/life, and how many are noticed: hours; SAMPLE=10 of each file, FILES=sql/life/said
	@$(BIN)/python -m trials.mutants $(if $(SAMPLE),--sample $(SAMPLE)) $(FILES)

lint: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql

bench-quick: $(VENV)/.ready  ## CPU of each step of a night, as a ratio, beside the ratios kept in trials/bench/quick.json
	@$(BIN)/monitor bench --quick --figures trials/bench/quick.json --keep-figures build/bench-quick.json

docs: $(VENV)/.ready  ## build/docs: rules, tables, policy values and kinds as pages that need no network
	@$(BIN)/python -m docs_site

hooks:  ## git runs ruff and sqlfluff before each commit in this checkout; `git config --unset core.hooksPath` ends it
	git config core.hooksPath .ci/hooks

airflow: $(VENV)/.ready  ## the Airflow UI on this machine alone, on $$MONITOR_HOME; Ctrl-C stops it
	@$(BIN)/python dags/standalone.py

$(VENV)/.ready: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) from requirements.lock and requirements-dev.lock (a minute or two, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

lock:  ## after a change of dependencies; needs uv. The second file has what only development needs
	uv pip compile pyproject.toml --all-extras $(COMPILE) --output-file requirements.lock
	uv pip compile pyproject.toml --all-extras --group dev --constraints requirements.lock $(COMPILE) --output-file requirements-dev.lock
	$(PYTHON) .ci/supply_chain.py split

sbom: $(VENV)/.ready  ## the bill of materials of what an operator installs: build/sbom.json
	$(BIN)/python .ci/supply_chain.py sbom

licences: $(VENV)/.ready  ## the licence of all that is locked: docs/licences.md
	$(BIN)/python .ci/supply_chain.py licences

audit: $(VENV)/.ready  ## known vulnerabilities of what is locked; red too when the vulnerability database cannot be asked
	$(BIN)/python .ci/supply_chain.py audit

clean:
	rm -rf $(VENV) var/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
