"""What `make build` says: little when all is well, and what to do when it is not."""

import logging
import re

import duckdb
import pytest

from orchestration import paths
from orchestration.settings.engine import SPARK_VARIABLES
from orchestration.telling.cohort_table import cohort_table
from orchestration.telling.console import failure_report, published_report, rerun_command
from orchestration.telling.failures import Failure, build_failures, without_dbt_noise
from orchestration.warehouse.progress import SHOWN_WARNINGS, DbtProgress


def model(name, folder="core"):
    path = f"models/marts/{folder}/{name}.sql"
    fqn = ["tenure", "marts", folder, name]
    return {
        "resource_type": "model",
        "name": name,
        "fqn": fqn,
        "package_name": "tenure",
        "original_file_path": path,
        "path": path,
    }


MANIFEST = {
    "nodes": {
        "model.a": model("a"),
        "test.a": {
            "resource_type": "test",
            "name": "unique_a_id",
            "attached_node": "model.a",
            "depends_on": {"nodes": ["model.a"]},
            "package_name": "tenure",
            "original_file_path": "models/marts/core/a.yml",
            "path": "unique_a_id.sql",
        },
    }
}


def result(event, unique_id, status, **data):
    level = {"warn": "warn", "fail": "error", "error": "error"}.get(status, "info")
    return {
        "info": {"name": event, "level": level, "msg": "..."},
        "data": {"node_info": {"unique_id": unique_id}, "status": status, **data},
    }


def warning(text):
    return {"info": {"name": "JinjaLogWarning", "level": "warn", "msg": text}, "data": {}}


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="orchestration")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_group_is_one_line_once_all_of_it_is_done(lines):
    progress = DbtProgress(MANIFEST)
    progress.observe(result("LogModelResult", "model.a", "success"))
    assert lines() == []
    progress.observe(result("LogTestResult", "test.a", "pass"))
    [line] = lines()
    assert line.endswith(" s  core          1 model, 1 test")


def test_a_group_says_how_many_failed(lines):
    progress = DbtProgress(MANIFEST)
    progress.observe(result("LogModelResult", "model.a", "success"))
    progress.observe(result("LogTestResult", "test.a", "fail"))
    assert lines()[0].endswith("1 model, 1 test, 1 failed")


def test_a_warning_is_said_once(lines):
    progress = DbtProgress(MANIFEST)
    for _ in range(3):
        progress.observe(warning("[WARNING]: orders: unknown column\n  shade"))
    progress.observe(result("LogTestResult", "test.a", "warn", name="unique_a_id", num_failures=3))
    progress.close()
    assert lines() == ["warning: orders: unknown column shade", "warning: test unique_a_id: 3 rows"]


def test_the_warning_of_a_test_may_say_what_to_do(lines):
    test = MANIFEST["nodes"]["test.a"] | {"config": {"meta": {"advice": "set the var"}}}
    progress = DbtProgress({"nodes": MANIFEST["nodes"] | {"test.a": test}})
    progress.observe(result("LogTestResult", "test.a", "warn", name="unique_a_id", num_failures=3))
    assert lines()[-1] == "warning: test unique_a_id: 3 rows: set the var"


def test_many_warnings_are_counted(lines):
    progress = DbtProgress(MANIFEST)
    for number in range(20):
        progress.observe(warning(f"column {number}"))
    progress.close()
    assert len(lines()) == SHOWN_WARNINGS + 1
    assert lines()[-1] == f"warning: and {20 - SHOWN_WARNINGS} more, see dbt.log"


def test_the_essence_of_a_compiler_error_is_what_it_says():
    message = """Compilation Error in model stg_orders (models/staging/stg_orders.sql)
  orders/2024.csv: required column amount is missing

  > in macro cast_records (macros/engine/cast_records.sql)
  > called by model stg_orders (models/staging/stg_orders.sql)"""
    assert without_dbt_noise(message) == "orders/2024.csv: required column amount is missing"


def test_the_essence_of_a_python_model_that_raised_is_what_it_raised():
    message = """Runtime Error in model stg_source_files (models/staging/stg_source_files.py)
  Python model failed:
  Traceback (most recent call last):
    File "/somewhere/stg_source_files.py", line 40, in model
      raise ValueError("faults")
  ValueError: orders/a.csv: line 3: not UTF-8; save the file as UTF-8
  orders/b.csv: the file is empty, without even a heading; deliver it again
"""
    assert without_dbt_noise(message).splitlines() == [
        "orders/a.csv: line 3: not UTF-8; save the file as UTF-8",
        "orders/b.csv: the file is empty, without even a heading; deliver it again",
    ]


def test_the_essence_of_a_plain_message_is_itself():
    assert without_dbt_noise("Got 2 results, configured to fail if != 0") == (
        "Got 2 results, configured to fail if != 0"
    )


def test_failures_come_from_the_results_of_dbt(tmp_path):
    compiled = tmp_path / "compiled/tenure/models/marts/core/a.yml/unique_a_id.sql"
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    (tmp_path / "run_results.json").write_text(
        """{"results": [
        {"unique_id": "model.a", "status": "success", "message": "OK", "failures": null},
        {"unique_id": "test.a", "status": "fail", "message": "Got 36 results", "failures": 36}
        ]}"""
    )
    assert build_failures(tmp_path, MANIFEST, "dbt failed") == [
        Failure("test", "unique_a_id", "Got 36 results", rows=36, compiled=str(compiled))
    ]


def test_a_failure_outside_of_any_node_is_what_dbt_reported(tmp_path):
    assert build_failures(tmp_path, MANIFEST, "Encountered an error:\nno such column") == [
        Failure("dbt", "build", "no such column")
    ]


def test_the_last_lines_say_what_failed_and_what_to_do(tmp_path):
    failures = [
        Failure("model", "stg_orders", "orders/2024.csv: required column amount is missing"),
        Failure("test", "unique_a_id", "Got 36 results", rows=36, compiled="/x/unique_a_id.sql"),
    ]
    text = "\n".join(failure_report(failures, tmp_path / "dbt.log", "20261120T0200Z-aa", {}))
    for part in (
        "orders/2024.csv: required column amount is missing",
        "test unique_a_id: 36 failing rows",
        "/x/unique_a_id.sql",
        "dbt show --select unique_a_id",
        str(tmp_path / "dbt.log"),
        "Still served: 20261120T0200Z-aa",
        "make build",
    ):
        assert part in text


@pytest.fixture
def engine_of(monkeypatch, tmp_path):
    """Sets the variables of an engine, and no others of Spark; returns the command."""

    def command(**variables):
        for name in ("TENURE_ENGINE", "TENURE_RAW_DIR", *SPARK_VARIABLES):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TENURE_HOME", str(tmp_path))
        return rerun_command({})

    return command


def test_the_next_command_on_a_catalog_has_all_that_leads_to_that_catalog(engine_of, tmp_path):
    given = {
        "SPARK_MASTER": "spark://host:7077",
        "SPARK_CATALOG": "hive",
        "SPARK_CONF_DIR": "/etc/our spark",
        "SPARK_SHUFFLE_PARTITIONS": "",
    }
    assert engine_of(TENURE_ENGINE="spark", **given) == (
        f"make spark TENURE_HOME={tmp_path} SPARK_MASTER=spark://host:7077 SPARK_CATALOG=hive"
        " SPARK_CONF_DIR='/etc/our spark'"
    )


def test_the_next_command_has_the_landing_zone_wherever_one_is_read(engine_of, tmp_path):
    folders = f"TENURE_RAW_DIR=/raw TENURE_HOME={tmp_path}"
    of_spark = {"SPARK_DRIVER_MEMORY": "8g"}
    on_spark = engine_of(TENURE_ENGINE="spark", TENURE_RAW_DIR="/raw", **of_spark)
    assert on_spark == f"make spark {folders} SPARK_DRIVER_MEMORY=8g"
    # DuckDB does not read what is set for Spark.
    assert engine_of(TENURE_RAW_DIR="/raw", SPARK_CATALOG="hive") == f"make build {folders}"


def test_every_variable_of_spark_that_is_read_or_documented_is_in_the_next_command():
    page = (paths.ROOT / "docs/engines.md").read_text()
    told = set(re.findall(r"^\| `(SPARK_\w+)`", page, re.MULTILINE))
    code = "\n".join(file.read_text() for file in (paths.ROOT / "orchestration").rglob("*.py"))
    read = set(re.findall(r"environ\.get\(\"(SPARK_\w+)\"\)", code))
    assert told | {"SPARK_CONF_DIR"} == read | {"SPARK_CONF_DIR"} == set(SPARK_VARIABLES)


def test_many_failures_with_long_messages_stay_short(tmp_path):
    failures = [Failure("model", f"m{n}", "line\n" * 50) for n in range(40)]
    lines = failure_report(failures, tmp_path, None, {})
    assert len(lines) <= 50
    assert any("35 more failures" in line for line in lines)


def create_cohorts(connection, name, quarters):
    """Write cohorts of 40 customers of whom a quarter is left after each period."""
    connection.execute(
        f"create schema if not exists cohorts; create table cohorts.{name} as"
        " select 'all' as segment_name, 'all' as segment_value, 'quarter' as period_grain,"
        " cast(date '2023-01-01' + to_months(cast(3 * cohort as integer)) as date) as cohort_start,"
        " period as periods_since, 40 as cohort_customers, power(0.25, period) as retention_rate,"
        f" cohort + period < {quarters - 1} as is_complete"
        f" from range({quarters}) as cohorts (cohort), range({quarters}) as periods (period)"
        f" where cohort + period < {quarters}"
    )


def test_a_build_ends_with_the_latest_cohorts(tmp_path):
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        create_cohorts(connection, "rpt_order_cohorts", quarters=0)
        create_cohorts(connection, "rpt_subscription_cohorts", quarters=2)
        title, heading, _, *rows = cohort_table(connection)
        assert "subscribers" in title
        assert heading.split() == ["quarter", "of", "customers", "0", "1"]
        assert [row.split() for row in rows] == [
            ["2023-01-01", "40", "100.0%", "25.0%*"],
            ["2023-04-01", "40", "100.0%*"],
        ]
        connection.execute("delete from cohorts.rpt_subscription_cohorts")
        [line] = cohort_table(connection)
        assert line.startswith("No cohorts: ")


def test_a_good_run_stays_within_sixty_lines(tmp_path):
    file = tmp_path / "tenure.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema meta; create schema core; create schema clv")
        connection.execute(
            "create table meta.builds as select 'b' as build_id, date '2024-01-01' as as_of,"
            " timestamp '2024-01-02' as finished_at, true as is_current"
        )
        connection.execute(
            "create table clv.rpt_clv_parameters as select 'shifted_beta_geometric' as model,"
            " 'all_data' as trained_on, i || ' months' as billing_interval, 'too few' as reason,"
            " false as converged, 7 as customers from range(50) as intervals (i)"
        )
        connection.execute(
            "create table clv.rpt_clv_calibration as"
            " select 'naive' as model, 0.5 as mae, false as is_champion"
            " union all select 'mbg_nbd', 0.6, true"
        )
        connection.execute(
            "create table meta.row_outcomes as select 'orders' as table_name,"
            " 'rejected' as outcome, 'reason ' || i as reason, i as records,"
            " null::decimal(18, 2) as amount from range(50) as reasons (i)"
        )
        for number in range(50):
            connection.execute(f"create table core.t{number} as select 1 as one")
        create_cohorts(connection, "rpt_order_cohorts", quarters=9)
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema staging; create table staging.stg_rejected_records as"
            " select 'orders' as table_name, 'reason ' || (i % 50) as reject_reason,"
            " 'orders/' || i || '.csv' as file, i as record_number,"
            " 'amount: 10,5' as rejected_words"
            " from range(10, 100) as records (i)"
        )
    report = published_report(file, warehouse, {"total": 1.0})
    header, groups = 1, 9
    assert header + groups + SHOWN_WARNINGS + 1 + len(report) <= 60
    assert report[0] == "Published b, as of 2024-01-01:"
    assert sum(line.startswith("Warning: ") for line in report) > 1
    assert str(file) in report
    # the six latest of nine quarters, with a heading of three lines
    assert len(report[report.index(str(file)) + 1 :]) == 3 + 6
    assert report[-1].split() == ["2025-01-01", "40", "100.0%*"]
    [first] = [number for number, line in enumerate(report) if " reason 49 " in line]
    assert report[first + 1] == "    such as record 49 of orders/49.csv, amount: 10,5"
