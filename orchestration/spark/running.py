"""dbt on Spark: the session first, then the raw tables, then dbt in the same process."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration import paths
from orchestration.spark.raw_tables import register, tables_below, write_raw_tables
from orchestration.spark.session import catalog, start

# Commands of dbt that touch no table need no session.
_WITHOUT_TABLES = ("parse", "ls", "list", "deps", "clean")


def prepare_raw_tables() -> None:
    """Turn the landing zone into Parquet, unless a catalog of one's own has the raw tables.

    Raises ValueError with a line for each fault of any file.
    """
    if catalog() == "in-memory":
        write_raw_tables(paths.raw_dir(), paths.spark() / "raw")


def run_dbt(arguments: Sequence[str]) -> bool:
    """Run a command of dbt on Spark in this process; return whether it succeeded.

    The raw tables of `prepare_raw_tables` are its sources.
    """
    from dbt.cli.main import dbtRunner

    from orchestration.spark.adapter import adapt

    adapt()
    session = None
    if not any(command in arguments for command in _WITHOUT_TABLES):
        session = start()
        if catalog() == "in-memory":
            folder = paths.spark() / "raw"
            register(session, folder, tables_below(folder))
    try:
        return dbtRunner().invoke(list(arguments)).success
    finally:
        if session:
            session.stop()
