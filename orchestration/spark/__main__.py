"""A command of dbt on Spark by hand: `python -m orchestration.spark build --select +some_model`.

With the catalog in memory nothing is left of an earlier command, so a model needs its parents too:
the plus before its name. Nothing is published.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from orchestration import paths
from orchestration.runs.lock import BuildRunningError, build_lock
from orchestration.settings.engine import catalog, require_spark
from orchestration.settings.variables import read_variables
from orchestration.spark.lakehouse import refuse_foreign
from orchestration.spark.running import prepare_raw_tables, run_dbt, touches_tables
from orchestration.warehouse.process import DbtFailedError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main() -> int:
    """Run dbt with this command's arguments; return 0 if it succeeded, 1 if not, 2 if refused."""
    if len(sys.argv) < 2:
        print("Give a command of dbt, such as: python -m orchestration.spark build")
        return 2
    try:
        with build_lock(paths.lock_file()):
            return _run(*sys.argv[1:])
    except BuildRunningError as error:
        print(error)
        return 2


def _run(command: str, *others: str) -> int:
    # When dbt parses only the changed files, it loses the YAML of singular tests.
    arguments = [command, "--target", "spark", "--no-partial-parse", *others]
    try:
        require_spark()
        if touches_tables(arguments):
            shutil.rmtree(paths.spark(), ignore_errors=True)
            prepare_raw_tables(_variables())
            if catalog() != "in-memory":
                # Dagster takes seconds to import.
                from orchestration.warehouse.parsing import prepare_manifest

                # What is parsed is the project on Spark.
                os.environ["TENURE_ENGINE"] = "spark"
                prepare_manifest()
        return 0 if run_dbt(arguments, _begin) else 1
    except ValueError as error:
        print(error)
        return 2
    except DbtFailedError as error:
        print(error)
        return 1


def _begin(session: SparkSession) -> None:
    """Raise ValueError if the command would change a database of somebody else."""
    if catalog() != "in-memory":
        manifest = paths.parsed() / "manifest.json"
        refuse_foreign(session, json.loads(manifest.read_bytes()))


def _variables() -> dict[str, Any]:
    """Return the dbt vars among this command's arguments. Raises ValueError if they are refused."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--vars", default="")
    return read_variables(parser.parse_known_args()[0].vars)


if __name__ == "__main__":
    sys.exit(main())
