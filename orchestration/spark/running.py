"""dbt on Spark: the session first, then the raw tables, then dbt in the same process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import paths
from orchestration.settings.engine import catalog
from orchestration.spark.handover import is_stored, keep_failing_rows, list_tables, make_warehouse
from orchestration.spark.lakehouse import tell_mark
from orchestration.spark.raw_tables import register, tables_below, write_raw_tables
from orchestration.spark.session import start
from orchestration.telling.failures import SHOWN_FAILURES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Commands of dbt that touch no table need no session.
_WITHOUT_TABLES = ("parse", "ls", "list", "deps", "clean")


def touches_tables(arguments: Sequence[str]) -> bool:
    """Return whether a command of dbt reads or writes tables, so that it needs a session."""
    return next((word for word in arguments if not word.startswith("-")), "") not in _WITHOUT_TABLES


def prepare_raw_tables(variables: Mapping[str, Any]) -> None:
    """Turn the landing zone into Parquet, unless a catalog of one's own has the raw tables.

    `variables` are the dbt vars of the build, for mappings read some of them. Raises ValueError
    with a line for each fault of any file.
    """
    if catalog() == "in-memory":
        write_raw_tables(
            paths.raw_dir(), paths.spark() / "raw", paths.spark() / "mappings", variables
        )


def take_over(target: Path) -> None:
    """Make the private warehouse of the tables of the last build; dbt's `target` describes it.

    Raises ValueError if a column is empty that must never be.
    """
    manifest = json.loads((target / "manifest.json").read_bytes())
    make_warehouse(manifest, target, paths.spark(), paths.warehouse(), paths.scratch())


def run_dbt(
    arguments: Sequence[str], first: Callable[[SparkSession], None] = lambda session: None
) -> bool:
    """Run a command of dbt on Spark in this process; return whether it succeeded.

    Its sources are the raw tables of `prepare_raw_tables`. `first` gets the session before
    dbt does. After a whole build, `make_warehouse` finds the tables; after a failed one, the
    reports find a row of each failed test.
    """
    from dbt.cli.main import dbtRunner

    from orchestration.spark.adapter import adapt

    adapt()
    if not touches_tables(arguments):
        return dbtRunner().invoke(list(arguments)).success
    kind, folder = catalog(), paths.spark()
    tell_mark()
    session = start()
    try:
        first(session)
        if kind == "in-memory":
            register(session, folder / "raw", tables_below(folder / "raw"))
        done = dbtRunner().invoke(list(arguments))
        results = getattr(done.result, "results", [])
        failed = [result.node for result in results if result.status == "fail"]
        if failed:
            tests = {node.unique_id: node.compiled_code for node in failed[:SHOWN_FAILURES]}
            keep_failing_rows(session, tests, folder)
        if done.success and "build" in arguments:
            nodes = [result.node.to_dict() for result in results]
            built = [f"{node['schema']}.{node['name']}" for node in nodes if is_stored(node)]
            list_tables(session, built, folder, kind)
        return done.success
    finally:
        session.stop()
