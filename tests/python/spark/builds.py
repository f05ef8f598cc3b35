"""Landing zones built by either engine, as files of DuckDB that can be compared."""

import json
import os
import subprocess
import sys
from pathlib import Path

from conftest import ROOT


def build_on_duckdb(zones, folder):
    """Build each folder with raw/ and vars.yml; return the warehouses by the zone's name."""
    subprocess.run(
        [sys.executable, "-m", "comparison.build", "--project", ROOT, "--out", folder, *zones],
        cwd=ROOT,
        check=True,
    )
    return {zone.name: folder / f"{zone.name}.duckdb" for zone in zones}


def build_on_spark(raw_dir, home, variables=None, *arguments):
    """Build all models of a landing zone on Spark, without tests; return the warehouse."""
    chosen = arguments or ("--exclude-resource-type", "test", "unit_test")
    done = run_on_spark(raw_dir, home, variables, "build", *chosen)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    code = (
        "from pathlib import Path; from orchestration.spark.running import take_over;"
        f" take_over(Path({str(home / 'target')!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(raw_dir, home),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return home / "build/warehouse.duckdb"


def night_on_spark(raw_dir, home):
    """Build, test and publish, as `make spark` does; return the process."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration.nightly"],
        cwd=ROOT,
        env=environment(raw_dir, home) | {"TENURE_BOARDS": "off"},
        capture_output=True,
        text=True,
    )


def build_on_hive(home, statements, *selected):
    """Build some models of raw tables that SQL makes in a metastore; return the process."""
    file = home / "statements.sql"
    file.write_text(statements)
    (home / "build/tmp").mkdir(parents=True)
    return subprocess.run(
        [
            *(sys.executable, Path(__file__).with_name("catalog_of_ones_own.py"), file, "build"),
            *("--target", "spark", "--no-partial-parse", "--exclude-resource-type"),
            *("test", "unit_test", "--select", *selected),
        ],
        cwd=ROOT,
        env=environment(home / "none", home) | {"SPARK_CATALOG": "hive"},
        capture_output=True,
        text=True,
    )


def run_on_spark(raw_dir, home, variables, *arguments):
    """Run a command of dbt on Spark in a process of its own, and return it."""
    (home / "build").mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [
            *(sys.executable, "-m", "orchestration.spark", *arguments),
            *("--vars", json.dumps(variables or {}, default=str)),
        ],
        cwd=ROOT,
        env=environment(raw_dir, home),
        capture_output=True,
        text=True,
    )


def environment(raw_dir, home):
    return {
        **os.environ,
        "TENURE_RAW_DIR": str(raw_dir),
        "TENURE_HOME": str(home),
        "TENURE_ENGINE": "spark",
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
    }
