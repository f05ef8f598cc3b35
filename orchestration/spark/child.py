"""dbt on Spark as a child process that never outlives its parent."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from orchestration import paths
from orchestration.settings.engine import catalog
from orchestration.spark.lakehouse import (
    drop_unpublished,
    finish_stopped_change,
    first_line,
    refuse_foreign,
    undone,
)
from orchestration.spark.running import run_dbt
from orchestration.telling.failures import keep_traceback
from orchestration.warehouse.child import end_with_parent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main() -> int:
    """Run dbt with this process's arguments; return 0 if it succeeded, else 1."""
    end_with_parent()
    try:
        return 0 if run_dbt(sys.argv[1:], _begin) else 1
    except Exception as error:
        # The report has the last lines of this process. They would be the end of a stack of Java.
        log = keep_traceback(traceback.format_exc())
        print("\n".join([*_essence(error), f"the whole error: {log}"]), flush=True)
        return 1


def _essence(error: Exception) -> list[str]:
    """Return the lines of an error that say what happened: at most four."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, ValueError):
        # Ours has a line for each fault, and no stack.
        return lines[:4]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    # "An error occurred while calling o42.parquet." says nothing, and the error is on the next one.
    first = [line for line in lines[1:2] if line.startswith(": ")] or [first_line(error)]
    return [line.removeprefix(": ") for line in [*first, *causes[-1:]]]


def _begin(session: SparkSession) -> None:
    """Put the catalog in order after the last night, which may have been killed.

    Raises ValueError if the night would change a database of somebody else.
    """
    if catalog() != "in-memory":
        refuse_foreign(session, _manifest())
    try:
        finish_stopped_change(session)
    except Exception as error:
        # It would fail each later night too, also for those who only read the file. The night tries
        # again when it has published.
        _warn(f"{undone(paths.serve())}: {first_line(error)}")
    if catalog() == "hive":
        drop_unpublished(session, _manifest())


def _manifest() -> dict[str, Any]:
    return json.loads((paths.parsed() / "manifest.json").read_bytes())


def _warn(text: str) -> None:
    """Print a warning as dbt prints its own, so that the parent process passes it on."""
    event = {"info": {"name": "SparkWarning", "level": "warn", "msg": text}, "data": {}}
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
