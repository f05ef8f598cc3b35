# Needs python3 (3.11 to 3.13, with venv) and make; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Absolute, so that a folder given relative to here means the same to every tool, be it given in the
# environment or after make. abspath takes a name with a space for two names.
absolute = $(if $(word 2,$(1)),$(if $(filter /%,$(firstword $(1))),$(1),$(CURDIR)/$(1)),$(abspath $(1)))
override export TENURE_HOME := $(call absolute,$(or $(TENURE_HOME),var))
override export TENURE_RAW_DIR := $(call absolute,$(or $(TENURE_RAW_DIR),data/sample))
# Nothing phones home.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP_INSTALL := $(BIN)/python -m pip install --quiet --quiet --no-deps
NEEDS_JAVA := $(BIN)/python -m orchestration.settings.engine
UV_COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help setup build setup-spark spark spark-test boards serve-boards query show docs metrics check-raw check-published \
	rollback versions test scratch-build torture dev lint bench diff explain sample pin

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make .venv from requirements.lock; after it, plain `dbt build` works
	@mkdir -p "$(TENURE_HOME)/build"

# VARS and the other values go through the environment: there a quote cannot break the command.
build: setup ## read, build, test and publish once; VARS='{as_of_date: 1997-10-01}', WAIT=2h
	@$(BIN)/python -m orchestration.nightly --vars="$$VARS" --wait="$$WAIT" \
	--volume-drop-reason="$$VOLUME_DROP_REASON" --restatement-reason="$$RESTATEMENT_REASON"

check-raw: setup ## what is wrong with the raw files, in seconds; WRITE=1 writes the proposed _mapping.yml
	@$(BIN)/python -m landing.check $(if $(WRITE),--write)

setup-spark: setup $(VENV)/.installed-spark ## install Spark into .venv, 500 MB, once; needs Java 17
	@$(NEEDS_JAVA)

# Where Spark runs, and where its tables are: SPARK_MASTER, SPARK_CATALOG and others in docs/engines.md.
spark: setup-spark ## the same night on Spark, which needs Java 17: SPARK_MASTER=local[2]
	@TENURE_ENGINE=spark $(BIN)/python -m orchestration.nightly --vars="$$VARS" --wait="$$WAIT" \
	--volume-drop-reason="$$VOLUME_DROP_REASON" --restatement-reason="$$RESTATEMENT_REASON"

spark-test: setup-spark $(VENV)/.installed-dev ## prove that Spark and DuckDB give the same numbers; needs Java 17
	@$(BIN)/python -m pytest -m "spark and not torture" tests/python/spark

boards: setup ## render the charts of the published tables again, and print the paths of the pages
	@$(BIN)/python -m orchestration.boards

serve-boards: setup ## serve the charts with their filters on http://127.0.0.1:8080
	@exec $(BIN)/python -m orchestration.boards --serve 8080

check-published: setup ## fail unless something was published in the last MAX_AGE=26h; for cron
	@$(BIN)/python -m orchestration.check_published --max-age="$${MAX_AGE:-26h}"

rollback: setup ## serve the version before the current one again, or the one that TO=... names
	@$(BIN)/python -m orchestration.rollback --to="$$TO"

versions: setup ## list the versions that can be served
	@$(BIN)/python -m orchestration.rollback --list

# As typed: make would take $ and the sign after it for a variable.
override export SQL := $(value SQL)
query: setup ## print what a query finds in the published tables: SQL='select ...', LIMIT=40, FORMAT=csv
	@$(BIN)/python -m orchestration.query --sql="$$SQL" --limit="$$LIMIT" --format="$$FORMAT"

show: setup ## list the published tables; TABLE=name describes one and prints some rows, LIMIT=5
	@$(BIN)/python -m orchestration.show --table="$$TABLE" --limit="$$LIMIT"

docs: setup ## write dbt's documentation of all models as one page, and print its path
	@$(BIN)/python -m orchestration.docs

test: $(VENV)/.installed-dev ## every quick check: lint, dbt unit and data tests on a scratch warehouse, pytest
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint scratch-build
	@# Two at a time, since a build leaves one core idle for half of its time.
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

scratch-build: setup
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && trap 'exit 130' INT TERM && \
	mkdir "$$scratch/build" && echo "dbt build, with unit tests, on a scratch warehouse" && \
	TENURE_HOME="$$scratch" DBT_TARGET_PATH="$$scratch/target" DBT_LOG_PATH="$$scratch/logs" \
	$(BIN)/dbt --quiet build

# Every test that breaks something on purpose, quick or long, and those that try many random shops.
# house/test_wrong_edits breaks the models themselves: tests/wrong_edits.yml lists how.
TORTURE := $(addprefix tests/python/,$(addsuffix .py, \
	nights/test_kills readers/test_reads_during_builds nights/test_disk_and_memory \
	readers/test_privacy raw/test_catching_up readers/test_reader_cannot_harm nights/test_nightly \
	nights/test_lock nights/test_runs nights/test_restatements readers/test_versions telling/test_alerts \
	readers/test_check_published raw/test_guards nights/test_schedule raw/test_order_never_matters \
	raw/test_exports_in_full raw/test_loaders_torture readers/test_boards_in_full \
	readers/test_bi_recipes readers/test_docs_page readers/test_superset \
	readers/test_semantic_layer \
	spark/test_equal_to_duckdb spark/test_published_numbers spark/test_unit_tests_on_spark \
	numbers/test_cohort_oracle numbers/test_churn_oracle numbers/test_customer_value \
	house/test_wrong_edits numbers/test_published_survival numbers/test_plays))
RECORDS := $(TENURE_HOME)/reliability

torture: $(VENV)/.installed-dev $(VENV)/.installed-spark ## break it on purpose, try many random shops: hours; REPORT=docs/reliability.md
	@# A record of an earlier name of a test would come onto the page once more.
	@$(if $(TESTS),,rm -f "$(RECORDS)"/*.json)
	@failed=; for test in $(or $(TESTS),$(TORTURE)); do \
	record="$(RECORDS)/$$(basename $$test .py).json"; rm -f "$$record"; echo "$$test"; \
	$(BIN)/python -m pytest -m "" --hypothesis-profile=torture \
	--reliability-record="$$record" $$test || failed="$$failed $$test"; done; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed"; echo "Repair it, then: make torture TESTS='$$failed'"; exit 1; fi
	@$(BIN)/python tests/python/reliability_page.py "$(RECORDS)" > "$(or $(REPORT),$(RECORDS)/reliability.md)"
	@echo "Written: $(or $(REPORT),$(RECORDS)/reliability.md)"

dev: setup ## open Dagster's UI on http://127.0.0.1:3000, with the schedule
	@$(BIN)/python -m orchestration.runs.dagster_home
	@VIRTUAL_ENV="$(CURDIR)/$(VENV)" DAGSTER_HOME="$(TENURE_HOME)/dagster" \
	exec $(BIN)/dg dev --host 127.0.0.1 --port 3000

lint: $(VENV)/.installed-dev ## check the form of Python and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/sqlfluff lint models tests/data

# LIFETIMES_PYTHON names a Python with the package lifetimes, to be compared with. Several sizes may
# be given, such as SIZE='1M 10M'; the raw files of 10M take 1 GB, its night about 10 GB.
bench: setup ## measure a whole night on SIZE=100k orders against SQL by hand and others, or BASE=<git ref>; RESULTS=file keeps it
	@$(if $(BASE),$(BIN)/python -m benchmarks.base "$(BASE)" --size $(or $(SIZE),sample),$(BIN)/python -m benchmarks \
	--size $(or $(SIZE),100k) $(if $(RESULTS),--results "$(RESULTS)"))

# A folder that is made here holds the shops and both builds; nothing is written into the tree.
diff: setup ## which published numbers move against BASE=<git ref or build id>; SHOPS=20, FORMAT=markdown, ALLOW=rpt_mrr.nrr
	@shops=$$(mktemp -d) && trap 'rm -rf "$$shops"' EXIT && trap 'exit 130' INT TERM && \
	$(if $(SHOPS),PYTHONPATH=tests/python $(BIN)/python -m shops "$$shops" $(SHOPS) &&) \
	$(BIN)/python -m comparison --base "$$BASE" --format "$${FORMAT:-text}" \
	--allow "$$ALLOW" "$(TENURE_RAW_DIR)" $(if $(SHOPS),"$$shops"/*)

explain: setup ## why a number moved: BUILD=<build id> TABLE=churn.rpt_mrr KEY='<key of meta.restatements>'
	@$(BIN)/python -m comparison.explain --build="$$BUILD" --table="$$TABLE" --key="$$KEY"

metrics: $(VENV)/.installed-metrics ## set up MetricFlow, which asks the published file for metrics; prints two examples
	@echo "MetricFlow answers from $(TENURE_HOME)/serve/current. See docs/semantic-layer.md. Two examples:"
	@echo "  $(if $(filter-out $(CURDIR)/var,$(TENURE_HOME)),TENURE_HOME='$(TENURE_HOME)' )$(BIN)/mf query --metrics mrr,nrr,logo_churn_rate --group-by metric_time__month --order metric_time__month --decimals 4"
	@echo "  $(if $(filter-out $(CURDIR)/var,$(TENURE_HOME)),TENURE_HOME='$(TENURE_HOME)' )$(BIN)/mf query --metrics orders,average_order_value --group-by customer__acquisition_channel --order -orders --decimals 2"

sample: $(VENV)/.installed ## make data/sample and its truth again, the same bytes each time
	@$(BIN)/python data/generate_sample.py

pin: ## pin all versions and hashes again (needs uv)
	$(UV_COMPILE) --group build -o requirements.lock
	$(UV_COMPILE) --group build --group dev -o requirements-dev.lock
	@# The extra takes the versions that are there, so that it changes no other tool.
	$(UV_COMPILE) --group build --extra metrics --constraints requirements.lock -o requirements-metrics.lock
	$(UV_COMPILE) --group build --extra spark --constraints requirements.lock -o requirements-spark.lock

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) or sys.exit( \
	"Tenure needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is " + sys.version.split()[0] + \
	". Name another one: make setup PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/.created
	@echo "Installing requirements.lock into $(VENV); this takes a minute or two, once."
	@$(PIP_INSTALL) --require-hashes -r requirements.lock
	@$(PIP_INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the checks need from requirements-dev.lock."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

# MetricFlow's own command would open the private warehouse, among other things: orchestration/metrics.py
# says which. The command that replaces it takes the same arguments.
$(VENV)/.installed-metrics: requirements-metrics.lock $(VENV)/.installed
	@echo "Installing MetricFlow from requirements-metrics.lock."
	@# One of its packages comes as source only. Without isolation the locked setuptools builds it.
	@$(PIP_INSTALL) --no-build-isolation --require-hashes -r requirements-metrics.lock
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m orchestration.metrics "$$@"\n' > $(BIN)/mf && chmod +x $(BIN)/mf
	@touch $@

$(VENV)/.installed-spark: requirements-spark.lock $(VENV)/.installed
	@$(NEEDS_JAVA)
	@echo "Installing Spark from requirements-spark.lock: 500 MB, once."
	@# Spark's package comes as source only. Without isolation the locked setuptools builds it.
	@$(PIP_INSTALL) --no-build-isolation --require-hashes -r requirements-spark.lock
	@touch $@
