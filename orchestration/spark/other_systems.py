"""Queries for the records of other systems than the contract: exports, and folders with a mapping.

Their mappings are written for DuckDB. So dbt compiles them for DuckDB, in a process of its own and
with a small warehouse, which has the list of files and the seeds. `python -m
orchestration.spark.other_systems` is that process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from landing.layouts import CONTRACT
from orchestration import paths
from orchestration.warehouse.child import end_with_parent

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# The name that dbt writes before each table of the small warehouse: that of its file.
DATABASE = "warehouse"
_QUERIES = "queries.json"


def compile_mappings(
    files: Sequence[Mapping[str, Any]], home: Path, variables: Mapping[str, Any]
) -> tuple[Path, dict[str, str]]:
    """Return the small warehouse, made in the folder `home`, and a query for each raw table.

    `files` are those of the landing zone, and `variables` the dbt vars of this build. The queries
    read the warehouse under the name DATABASE: `other_<table>` has the texts of a contract table,
    and `supporting_records` counts the files of prices and such. Raises ValueError with the words
    of dbt if a mapping does not compile.
    """
    warehouse = _warehouse(home)
    warehouse.parent.mkdir(parents=True)
    frame = pd.DataFrame(files)
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("files", frame)
        connection.execute("create schema staging")
        connection.execute("create table staging.stg_source_files as from files")
    with subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(dict(variables))],
        cwd=paths.ROOT,
        env={**os.environ, "TENURE_HOME": str(home), "DO_NOT_TRACK": "1"},
        # It stays open: the process ends when it is closed, and so with this one.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as dbt:
        said = dbt.stdout.read() if dbt.stdout else ""
        if dbt.wait() != 0:
            raise ValueError(f"the mappings of other systems do not compile:\n{said.strip()}")
    return warehouse, json.loads((home / _QUERIES).read_text(encoding="utf-8"))


def main() -> int:
    """Compile the queries with the dbt vars in this process's argument; return 0 if dbt could."""
    end_with_parent()
    from dbt.cli.main import dbtRunner

    home = paths.home()
    flags = [
        *("--quiet", "--no-write-json", "--log-level-file", "none", "--no-use-colors"),
        *("--target", "private", "--vars", sys.argv[1]),
        *("--project-dir", str(paths.ROOT), "--profiles-dir", str(paths.ROOT)),
        *("--target-path", str(home / "target"), "--log-path", str(home / "logs")),
    ]
    parsed = dbtRunner().invoke(["parse", *flags])
    if not parsed.success:
        return 1
    wanted, queries = _wanted(parsed.result, home), {}
    # What the mappings look up: currencies, timezones, states.
    seeds = ["--select", "+path:models/sources", "currency_minor_units"]
    if not dbtRunner(parsed.result).invoke(["seed", *flags, *seeds]).success:
        return 1
    for name, text in wanted.items():
        # The text is printed, and nobody needs it.
        with redirect_stdout(StringIO()) as printed:
            done = dbtRunner(parsed.result).invoke(["compile", *flags, "--inline", text])
        if not done.success:
            print(printed.getvalue(), done.exception or "")
            return 1
        queries[name] = done.result.results[0].node.compiled_code
    (home / _QUERIES).write_text(json.dumps(queries), encoding="utf-8")
    return 0


def _warehouse(home: Path) -> Path:
    return home / "build" / f"{DATABASE}.duckdb"


def _wanted(manifest: Manifest, home: Path) -> dict[str, str]:
    """Return the macro for each raw table that a delivered system, or a mapped folder, feeds."""
    with duckdb.connect(str(_warehouse(home)), read_only=True) as connection:
        delivered = connection.execute(
            "select distinct system, table_name from staging.stg_source_files"
        ).fetchall()
    models = {node.name for node in manifest.nodes.values()}
    tables = sorted(
        source.name
        for source in manifest.sources.values()
        if source.source_name == CONTRACT
        and any(
            system != CONTRACT and (table == source.name or f"{system}__{source.name}" in models)
            for system, table in delivered
        )
    )
    wanted = {f"other_{table}": f"{{{{ texts_of_other_systems('{table}') }}}}" for table in tables}
    return wanted | {"supporting_records": "{{ count_supporting_records() }}"}


if __name__ == "__main__":
    sys.exit(main())
